"""Which pods with GPUs to move in a snapshot, so that more of what is free can be used.

`devices.defragment` plans it, and every filter is asked about where each pod may go. Nobody is moved here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.devices.defragment import Held, defragment
from kubewright.placement.examine import passes
from kubewright.placement.gpus import Gpus, has_gpus
from kubewright.placement.policy import GPU, Policy
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class Move:
    """One pod's move from node to node, and what it gains, in GPUs by the measure that pods are placed by."""

    pod: ObjectKey
    source: str
    target: str
    gain: float


def plan_moves(
    snapshot: ClusterSnapshot,
    may_go: Callable[[Pod], bool],
    budget: int,
    waiting: Iterable[Pod] = (),
    policy: Policy = GPU,
) -> list[Move]:
    """Return at most `budget` moves of pods that may go, the best first; changes nothing.

    Room is made for pods such as run, and as are `waiting`. Whether a node takes a pod is asked of the cluster as it is
    but for that pod.
    """
    if not has_gpus(snapshot):
        return []
    gpus = Gpus.of(snapshot)
    packing = gpus.packing.copy()
    for pod in waiting:
        packing.observe(gpus.request(snapshot.row(pod).shape))
    placed = [each for each in snapshot.placed.values() if may_go(each.row.pod)]
    placed.sort(key=lambda each: each.row.key)
    held = [
        Held(number, gpus.request(each.row.shape), each.column, gpus.given(each.row.key, each.column))
        for number, each in enumerate(placed)
    ]

    def takes(number: int, column: int) -> bool:
        pod = placed[number].row.pod
        fork = snapshot.fork()
        fork.forget(pod.key)
        # As whoever makes it anew will make it: on no node yet.
        return passes(fork.row(replace(pod, spec=replace(pod.spec, node_name=""))), fork, column, policy)

    names = [node.metadata.name for node in snapshot.table.nodes]
    return [
        Move(placed[each.pod].row.key, names[each.source], names[each.target], each.gain)
        for each in defragment(packing, held, budget, takes)
    ]
