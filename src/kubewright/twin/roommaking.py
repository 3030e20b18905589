"""What the twin's scheduler does for a pod that fits nowhere: makes room by `placement.preempt`, or says why not.

The binder calls this after `fit` found no node; the victims' end, seen by watch, has the pod tried again.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.core import PODS, Pod
from kubewright.api.policy import PodDisruptionBudget
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.preempt import NoPreemption, Preemption, preempt
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import Lookup
from kubewright.scheduler.evict import Evictor
from kubewright.scheduler.telling import PREEMPTED, pushed_aside
from kubewright.twin.controllers.writes import Announce, Patch, Writer


@dataclass(frozen=True, slots=True)
class RoomMaker:
    """Pushes pods of lower priority aside."""

    budgets: Lookup[PodDisruptionBudget]
    evictor: Evictor
    writer: Writer

    async def make(
        self, pod: Pod, snapshot: ClusterSnapshot, refused: Diagnosis, order: int, now: float
    ) -> tuple[str, str]:
        """Return what to say of the pod, and the node that is promised to it, if any is."""
        found = preempt(pod, snapshot, order, self.budgets.values())
        if isinstance(found, NoPreemption):
            # Where no node was looked at, the real one's devices speak first, and preemption is not asked.
            return (str(refused) if refused.problem or not refused.n_nodes else f"{refused} {found}"), ""
        snapshot.nominate(found.row, found.node)
        await self._push_aside(pod, snapshot, found, now)
        return f"{refused} {found}", found.node

    async def _push_aside(self, pod: Pod, snapshot: ClusterSnapshot, found: Preemption, now: float) -> None:
        for key in found.outranked:
            outranked = snapshot.nominated.get(key)
            if outranked is not None:
                snapshot.break_promise(key)
                changes = {"status": {"nominatedNodeName": None}}
                await self.writer.do_one(Patch(PODS, key, outranked.row.pod.metadata.uid, changes, "status"))
        for victim in reversed(found.victims):
            await self.evictor.evict(victim, now)
            await self.writer.do_one(Announce(PODS, victim, "Normal", PREEMPTED, pushed_aside(pod, found.node)))
