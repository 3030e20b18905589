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
        "node-disk-failing",
        "a node's disk reports errors",
        (on_node_of(WEB, "DiskFailing"),),
        serves(WEB, API, DB),
        ("DiskFailing",),
        touches=_PODS,
    ),
    Drill(
        "node-read-only",
        "a node's filesystem has become read-only",
        (on_node_of(WEB, "ReadOnlyFilesystem"),),
        serves(WEB, API, DB),
        ("FilesystemReadOnly",),
        touches=_PODS,
    ),
    Drill(
        "runtime-hung",
        "a node's container runtime does not answer",
        (on_node_of(WEB, "RuntimeHung"),),
        serves(WEB),
        ("ContainerRuntimeHung",),
        touches=_PODS,
    ),
    Drill(
        "kernel-deadlock",
        "a node's kernel hangs",
        (on_node_of(WEB, "KernelDeadlock"),),
        serves(WEB),
        ("KernelDeadlock",),
        touches=_PODS,
    ),
    Drill(
        "node-without-network",
        "the pods of a node have no network",
        (on_node_of(WEB, "NetworkUnavailable"),),
        serves(WEB),
        ("NetworkUnavailable",),
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
