"""Volumes for a pod that has been given a node: what the binder writes before it binds, and what it waits for. Pure.

As kube-scheduler's VolumeBinding plugin does: a volume that is there is reserved for the claim; of one that is to be
made, the claim is told the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kubewright.api.core import Node, Pod
from kubewright.api.volumes import CLAIMS, SELECTED_NODE
from kubewright.placement.fit import Fit
from kubewright.placement.storage import Storage, choose
from kubewright.twin.controllers.volumes.decide import reserve
from kubewright.twin.controllers.writes import Patch, Write

CLAIMS_SECONDS: Final = 600.0
TOO_LONG: Final = 'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pod whose node is chosen and whose claims are not bound yet."""

    pod: Pod
    chosen: Fit
    until: float


def claim(storage: Storage, pod: Pod, node: Node) -> list[Write]:
    """Return what gives the pod's claims volumes on the node; what is chosen is reserved at once."""
    choice = choose(pod, storage, node.metadata.name, node.metadata.labels)
    if choice is None:
        return []
    writes: list[Write] = []
    for each, volume in choice.volumes:
        storage.reserved[volume.metadata.name] = each.key
        writes += reserve(volume, each)
    for each in choice.made:
        changes = {"metadata": {"annotations": {SELECTED_NODE: node.metadata.name}}}
        writes.append(Patch(CLAIMS, each.key, each.metadata.uid, changes))
    return writes
