"""Controls: what looks like a fault and is none. Whatever is done about one of these is done to healthy things."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.drills.drill import Drill, Step
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
from kubewright.drills.usual import API, DB, WEB, budget
from kubewright.drills.view import View


def _closed(view: View) -> Manifest:
    """Close a node on which there is a pod of either kind."""
    nodes = {pod.spec.node_name for pod in view.pods_of(DB)} & {pod.spec.node_name for pod in view.pods_of(WEB)}
    metadata = {"name": min(nodes)}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"unschedulable": True}}


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
        "node-closed",
        "somebody closes a node to look at it, and a budget lets none of its pods go",
        (Step("patch", budget(WEB, 4)), Step("patch", _closed)),
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
