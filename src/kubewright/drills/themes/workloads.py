"""Drills of what runs: crashes, memory, and what somebody changes by hand."""

from __future__ import annotations

from kubewright.drills.drill import Drill
from kubewright.drills.making import always, broken, deleted, of_app, on_pod_of, patched, serves
from kubewright.drills.usual import API, WEB

_WEB = ("Deployment/drill/web", "Pod/drill/web-*", "ReplicaSet/drill/web-*")
_API = ("Deployment/drill/api", "Pod/drill/api-*", "ReplicaSet/drill/api-*")

DRILLS = (
    Drill(
        "crash-once",
        "one container crashes, and is started again",
        (on_pod_of(WEB, "ContainerCrash"),),
        serves(WEB),
        lasts_seconds=180.0,
    ),
    Drill(
        "pod-crashes",
        "one pod of a fleet crashes again and again, where it is",
        (on_pod_of(WEB, "CrashLoop", crashLoop={"afterSeconds": 3}),),
        serves(WEB, API),
        ("CrashLoop", "PodCrashing"),
        touches=_WEB,
    ),
    Drill(
        "memory-leak",
        "an application leaks memory until it is killed, again and again",
        (broken("MemoryLeak", of_app(API), memoryLeak={"bytesPerSecond": "8Mi"}),),
        always,
        ("OutOfMemory", "MemoryLeak", "Undersized"),
        touches=_API,
        person=True,
    ),
    Drill(
        "scaled-to-nothing",
        "somebody scales a fleet to nothing",
        (patched(API, {"replicas": 0}),),
        serves(API),
        ("ScaledToZero",),
        touches=_API,
        person=True,
    ),
    Drill(
        "pod-unready",
        "one pod fails its readiness probe and does not come back",
        (on_pod_of(WEB, "ProbeFailure"),),
        serves(WEB),
        ("PodHung", "PodNotReady"),
        touches=_WEB,
    ),
    Drill(
        "noisy-neighbour",
        "a pod burns the CPU of its node",
        (on_pod_of(API, "CpuStress", cpuStress={"cores": "8"}),),
        serves(WEB, API),
        ("NoisyNeighbour", "PodHung"),
        touches=_API,
    ),
    Drill(
        "service-deleted",
        "somebody deletes a Service",
        (deleted("v1", "Service", API),),
        serves(API),
        ("ServiceMissing",),
        touches=("Service/drill/api",),
        harmless=True,
    ),
)
