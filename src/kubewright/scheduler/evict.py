"""Taking a pod off its node for one of higher priority, as kube-scheduler does: marked, then deleted."""

from __future__ import annotations

from kubewright.api.core import PODS, Pod
from kubewright.api.meta import Manifest, rfc3339
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.placement.preempt import PREEMPTED

OUTRANKED = "preempting to accommodate a higher priority pod"


class Evictor:
    """Evicts victims of preemption; `name` is the scheduler's."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    async def evict(self, victim: Pod, now: float, why: str = OUTRANKED) -> None:
        """Say in the victim's status why it goes, and delete it; nothing is done to a namesake, or to one that goes."""
        if victim.is_terminating:
            return
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": PREEMPTED,
            "message": f"{self._name}: {why}",
            "lastTransitionTime": rfc3339(now),
        }
        changes: Manifest = {"metadata": {"uid": victim.metadata.uid}, "status": {"conditions": [condition]}}
        try:
            await self._client.patch(
                PODS, victim.key, changes, PatchType.STRATEGIC, subresource="status", field_manager=self._name
            )
            await self._client.delete(PODS, victim)
        except OpError as error:
            if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                raise
