"""What a PodGroup of scheduling.k8s.io is told of its gang, in kube-scheduler's words: once that it was scheduled.

Decisions are noted as they are made, and written together a second later, the latest of each group alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from kubewright.api.conditions import Condition, find_condition, set_condition, written
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.podgroups import POD_GROUPS, PodGroup
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.informer import Informer
from kubewright.runtime.rounds import surviving
from kubewright.scheduler.cycle import Outcome, Placement
from kubewright.scheduler.groups.reading import Gang

INITIALLY_SCHEDULED = "PodGroupInitiallyScheduled"
TELL_SECONDS = 1.0

_log = logging.getLogger(__name__)


def told(group: PodGroup, refusal: str, now: float) -> Manifest | None:
    """Return the status that says whether a group was scheduled, and if not, why; None if it says so already.

    That it was scheduled is said for good: later pods that find no room take nothing back.
    """
    before = find_condition(group.status.conditions, INITIALLY_SCHEDULED)
    if refusal and before is not None and before.is_true:
        return None
    status, reason = ("False", "Unschedulable") if refusal else ("True", "Scheduled")
    generation = group.metadata.generation
    said = Condition(INITIALLY_SCHEDULED, status, reason, refusal, observed_generation=generation)
    (new,) = set_condition(() if before is None else (before,), said, now)
    if new == before:
        return None
    metadata = {"name": group.metadata.name, "namespace": group.metadata.namespace, "uid": group.metadata.uid}
    head = {"apiVersion": POD_GROUPS.api_version, "kind": POD_GROUPS.kind}
    return {**head, "metadata": metadata, "status": {"conditions": written([new])}}


class GroupTeller:
    """Writes what became of gangs to their PodGroups; `name` is the scheduler's."""

    def __init__(self, client: Client, groups: Informer[PodGroup], clock: Clock, name: str) -> None:
        self._client = client
        self._groups = groups
        self._clock = clock
        self._name = name
        self._refusals: dict[ObjectKey, str] = {}
        """The latest of each group; empty where it was placed."""

    def note(self, gang: Gang, outcomes: Sequence[Outcome]) -> None:
        """Take in what became of a gang's pods: where some are placed, as many are as it needs."""
        if not gang.key.is_pod_group or not outcomes:
            return
        is_placed = any(isinstance(each, Placement) for each in outcomes)
        self._refusals[gang.key.object] = "" if is_placed else str(outcomes[0])

    async def run(self) -> None:
        """Write what was noted, until cancelled."""
        while True:
            await asyncio.sleep(TELL_SECONDS)
            noted, self._refusals = self._refusals, {}
            for key, refusal in noted.items():
                with surviving(f"what PodGroup {key} is told"):
                    group = self._groups.index.get(key)
                    status = None if group is None else told(group, refusal, self._clock.now())
                    if status is not None:
                        await self._write(key, status, refusal)

    async def _write(self, key: ObjectKey, status: Manifest, refusal: str) -> None:
        try:
            await self._client.apply(POD_GROUPS, status, field_manager=self._name, subresource="status")
        except OpError as error:
            if error.kind in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                return  # gone, or replaced by a namesake
            _log.info("PodGroup %s is not told yet: %s", key, error)
            self._refusals.setdefault(key, refusal)
