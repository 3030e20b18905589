"""Drills of nodes and zones."""

from __future__ import annotations

from kubewright.drills.drill import Drill
from kubewright.drills.making import broken, on_node_of, serves
from kubewright.drills.usual import API, DB, WEB

_PODS = ("Node/*", "Pod/drill/*")
_ZONE = {"nodes": {"labelSelector": {"matchLabels": {"topology.kubernetes.io/zone": "zone-a"}}}}

DRILLS = (
    Drill(
        "node-down",
        "a node loses its power: fleets",
        (on_node_of(WEB, "NodeDown"),),
        serves(WEB, API),
        ("NodeDead",),
        touches=_PODS,
        goal_seconds=75.0,
    ),
    Drill(
        "node-down-stateful",
        "a node loses its power: pods with names and volumes",
        (on_node_of(DB, "NodeDown"),),
        serves(DB, WEB, API),
        ("NodeDead",),
        touches=_PODS,
        goal_seconds=150.0,
    ),
    Drill(
        "node-partitioned",
        "a node is cut off, and its containers go on",
        (on_node_of(WEB, "NodePartitioned"),),
        serves(WEB, API, DB),
        ("NodeDead", "NodeCutOff"),
        touches=_PODS,
        goal_seconds=150.0,
    ),
    Drill(
        "kubelet-hung",
        "a kubelet hangs while its containers serve on",
        (on_node_of(WEB, "KubeletHung"),),
        serves(WEB),
        ("KubeletHung",),
        touches=_PODS,
    ),
    Drill(
        "kubelet-certificate",
        "a kubelet's certificate has expired",
        (on_node_of(WEB, "CertificateExpiry"),),
        serves(WEB),
        ("KubeletUnheard", "KubeletCertificateExpired"),
        touches=_PODS,
    ),
    Drill(
        "node-disk-full",
        "a node's disk is full",
        (on_node_of(WEB, "DiskFull"),),
        serves(WEB, API, DB),
        ("DiskFull", "DiskPressure"),
        touches=_PODS,
    ),
    Drill(
        "node-clock",
        "a node's clock is two minutes off",
        (on_node_of(WEB, "ClockSkew", clockSkew={"seconds": 120}),),
        serves(WEB),
        ("ClockSkew",),
        touches=_PODS,
    ),
    Drill(
        "zone-down",
        "all nodes of a zone lose their power at once",
        (broken("NodeDown", _ZONE),),
        serves(WEB, API, DB),
        ("ZoneDown", "NodeDead"),
        touches=_PODS,
        lasts_seconds=600.0,
        person=True,
    ),
)
