"""Drills of several faults at once: one Incident for each cause, and none lost."""

from __future__ import annotations

from kubewright.drills.drill import Drill, Step
from kubewright.drills.making import broken, deleted, on_node_of, readdressed, released, serves
from kubewright.drills.themes.cluster import node_of_web
from kubewright.drills.usual import API, DB, NAMESPACE, TRAIN, WEB, budget
from kubewright.drills.view import View

_PODS = ("Node/*", "Pod/drill/*")
_WEB = ("Deployment/drill/web", "ReplicaSet/drill/web-*")


def _trains_and_serves(view: View) -> bool:
    return bool(view.running(TRAIN)) and serves(WEB, API)(view)


DRILLS = (
    Drill(
        "two-at-once",
        "a node loses its power while a bad release is rolled out",
        (
            released(WEB),
            broken("CrashLoop", {"pods": {"images": ["drill/web:2"]}}, name="loop"),
            on_node_of(DB, "NodeDown"),
        ),
        serves(WEB, API, DB),
        ("NodeDead", "BadRelease", "CrashLoop"),
        touches=(*_PODS, *_WEB),
    ),
    Drill(
        "disk-and-kubelet",
        "a node's disk fails, and its kubelet hangs",
        (on_node_of(WEB, "DiskFailing"), on_node_of(WEB, "KubeletHung", name="kubelet")),
        serves(WEB, API),
        ("DiskFailing", "KubeletHung"),
        touches=_PODS,
    ),
    Drill(
        "gpu-and-disk",
        "a GPU falls off the bus of a node whose disk fails",
        (on_node_of(TRAIN, "GpuXid", gpuXid={"code": 79}), on_node_of(TRAIN, "DiskFailing", name="disk")),
        _trains_and_serves,
        ("GpuLost", "DiskFailing"),
        touches=(*_PODS, f"Job/drill/{TRAIN}"),
    ),
    Drill(
        "volume-and-service",
        "a volume is full, and somebody deletes the Service before it",
        (
            broken("PvcFull", {"claims": {"namespaces": [NAMESPACE], "names": ["data-db-0"]}}),
            deleted("v1", "Service", DB),
        ),
        serves(DB),
        ("VolumeFull", "ServiceMissing"),
        lifted=lambda view: view.size_of("data-db-0") > 1 << 30,
        touches=("PersistentVolumeClaim/drill/data-db-*", "Service/drill/db"),
    ),
    Drill(
        "selector-and-release",
        "a Service is changed to choose nobody while a release comes whose image does not exist",
        (
            readdressed(API, selector={"app": "apii"}),
            released(API),
            broken("ImagePullFailure", {"pods": {"images": ["drill/api:2"]}}, imagePullFailure={"reason": "NotFound"}),
        ),
        serves(API),
        ("WrongSelector", "ImageMissing", "ImageNotFound", "BadImage"),
        touches=("Service/drill/api", "Deployment/drill/api", "ReplicaSet/drill/api-*", "Pod/drill/api-*"),
    ),
    Drill(
        "drain-and-node",
        "a budget blocks the drain of one node while another loses its power",
        (Step("patch", budget(WEB, 4)), Step("drain", node_of_web), on_node_of(API, "NodeDown")),
        serves(WEB, API),
        ("DrainBlocked", "NodeDead"),
        touches=(*_PODS, *_WEB),
    ),
)
