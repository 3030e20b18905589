"""Drills of GPUs."""

from __future__ import annotations

from kubewright.drills.drill import Drill
from kubewright.drills.making import always, on_node_of
from kubewright.drills.usual import TRAIN, WEB
from kubewright.drills.view import View

_TOUCHES = ("Node/*", f"Pod/drill/{TRAIN}-*", f"Job/drill/{TRAIN}", "ConfigMap/*", "ResourceSlice/*")


def _trains(view: View) -> bool:
    """Whether the job runs where no GPU is ill."""
    return bool(view.running(TRAIN))


DRILLS = (
    Drill(
        "gpu-lost",
        "a GPU has fallen off the bus (XID 79)",
        (on_node_of(TRAIN, "GpuXid", gpuXid={"code": 79}),),
        _trains,
        ("GpuLost",),
        touches=_TOUCHES,
        goal_seconds=90.0,
    ),
    Drill(
        "gpu-ecc",
        "a GPU's memory loses bits beyond repair",
        (on_node_of(TRAIN, "GpuEcc", gpuEcc={"errors": "Uncorrectable"}),),
        _trains,
        ("GpuMemoryUncorrectable",),
        touches=_TOUCHES,
        goal_seconds=90.0,
    ),
    Drill(
        "gpu-of-nobody",
        "a GPU that nobody uses reports XID 74",
        (on_node_of(WEB, "GpuXid", gpuXid={"code": 74}),),
        always,
        ("GpuNeedsReset",),
        touches=("Node/*",),
    ),
    Drill(
        "gpu-app-error",
        "an application's own error on a GPU that is well (XID 31)",
        (on_node_of(TRAIN, "GpuXid", gpuXid={"code": 31}, schedule={"durationSeconds": 5}),),
        _trains,
        ("GpuApplicationError",),
        touches=(f"Pod/drill/{TRAIN}-*",),
    ),
)
