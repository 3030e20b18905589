"""Controls: what looks like a fault and is none. Whatever is done about one of these is done to healthy things."""

from __future__ import annotations

from kubewright.drills.drill import Drill
from kubewright.drills.making import (
    acting_release,
    broken,
    of_app,
    on_node_of,
    on_pod_of,
    patched,
    released,
    serves,
)
from kubewright.drills.usual import API, WEB

_SHORT = {"durationSeconds": 25}

DRILLS = (
    Drill("nothing", "nothing happens", (), serves(WEB, API)),
    Drill("deploy", "a good release", (released(WEB),), serves(WEB)),
    Drill(
        "deploy-slowly",
        "a good release that takes a minute to start",
        (acting_release(WEB, {}, ready_seconds="60"),),
        serves(WEB),
        lasts_seconds=600.0,
    ),
    Drill("scale-up", "a fleet is doubled", (patched(API, {"replicas": 6}),), serves(API)),
    Drill("scale-down", "a fleet is cut down", (patched(API, {"replicas": 1}),), serves(API)),
    Drill(
        "node-blinks",
        "a node is silent for 25 seconds",
        (on_node_of(WEB, "NodePartitioned", schedule=_SHORT),),
        serves(WEB),
    ),
    Drill(
        "kubelet-restarts",
        "a kubelet is away for 25 seconds",
        (on_node_of(WEB, "KubeletHung", schedule=_SHORT),),
        serves(WEB),
    ),
    Drill(
        "readiness-blinks",
        "a pod is not ready for ten seconds",
        (on_pod_of(WEB, "ProbeFailure", schedule={"durationSeconds": 10}),),
        serves(WEB),
    ),
    Drill(
        "load-peak",
        "load rises and falls",
        (broken("CpuStress", of_app(API), cpuStress={"cores": "500m"}, schedule={"durationSeconds": 120}),),
        serves(API),
    ),
    Drill(
        "image-slow",
        "the registry is away for 20 seconds during a release",
        (
            released(WEB),
            broken(
                "ImagePullFailure",
                {"pods": {}},
                imagePullFailure={"reason": "Timeout"},
                schedule={"durationSeconds": 20},
            ),
        ),
        serves(WEB),
    ),
)
