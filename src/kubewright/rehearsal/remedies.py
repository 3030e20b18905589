"""Rehearses a remedy: asks placement and the server first (`healing.rehearsing`), then lives through it on a twin.

The twin holds the part of the cluster that the remedy touches (`part`), out of the healer's caches, so that nothing is
read for it; under virtual time it costs a fraction of a second, in a thread. What is told: whether all pods that were
up come up again, in how long, and how many of a workload were up at the worst moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from kubewright.api.apps import Deployment, StatefulSet
from kubewright.api.conditions import find_condition
from kubewright.api.core import NODES, PODS, Pod
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.plan import Plan
from kubewright.client.protocol import Client
from kubewright.clock import Clock, loop_speed, run_beside
from kubewright.errors import ErrorKind, OpError
from kubewright.healing.decide import Outcome
from kubewright.healing.finding import Finding
from kubewright.healing.rehearsing import PlanRehearsal, leaving, targets
from kubewright.healing.seen import Seen
from kubewright.rehearsal.part import MOST_WORKLOADS, Fleet, fleets_of, objects_of, played
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.plans import Executor
from kubewright.twin.cluster import Twin
from kubewright.twin.loading import store_of

PATIENCE_SECONDS = 300.0
"""Virtual time."""
PROCESSOR_SECONDS = 10.0
"""A rehearsal that takes longer by the wall is given up, and counts as not held."""
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Lived:
    """How a workload fared."""

    before: int
    """How many of its pods were up."""
    least: int
    after: int
    seconds: float
    """After how long as many were up as before."""
    why: str = ""
    """What keeps the others from coming up."""


@dataclass(frozen=True, slots=True)
class RemedyRehearsal:
    """Rehearses on a part of the cluster; one at a time, whoever asks."""

    plans: PlanRehearsal
    clock: Clock
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def rehearse(self, plan: Plan, finding: Finding, seen: Seen) -> Outcome:
        """Say what would come of a plan; an OpError means that it could not be tried."""
        asked = await self.plans.rehearse(plan, finding, seen)
        if not asked.passed:
            return asked
        going = list(leaving(plan, seen))
        fleets = fleets_of(plan, going, seen)
        if not fleets:
            return asked
        snapshot = self.plans.state.snapshot
        ill = finding.about.key.name if finding.about.resource.plural == NODES.plural else ""
        chosen, now = fleets[:MOST_WORKLOADS], self.clock.now()
        nodes = targets([pod for each in chosen for pod in each.pods], snapshot, {ill}, self.plans.policy)
        objects = objects_of(chosen, nodes, ill, snapshot, seen)
        async with self._turn:
            try:
                async with asyncio.timeout(PROCESSOR_SECONDS * loop_speed()):
                    found = await run_beside(lambda: _play(objects, chosen, played(plan, objects), now))
            except TimeoutError:
                said = f"the twin took more than {PROCESSOR_SECONDS:g} s"
                return Outcome(passed=False, message=said, possible=False)
            except Exception as error:  # noqa: BLE001  whatever a twin ends by: nothing is done without one
                said = f"no twin could be made: {_inner(error)}"
                return Outcome(passed=False, message=said, possible=False)
        return outcome_of(asked, found, len(fleets) - len(chosen))


def _inner(error: Exception) -> Exception:
    if isinstance(error, ExceptionGroup):
        return _inner(cast("ExceptionGroup[Exception]", error).exceptions[0])
    return error


def outcome_of(asked: Outcome, found: Mapping[str, Lived], rest: int) -> Outcome:
    """Put what was asked and what was lived through together."""
    short = {name: each for name, each in found.items() if each.after < each.before}
    if short:
        said = "; ".join(
            f"{name} has {each.after} of {each.before} pods up{each.why and f' ({each.why})'}"
            for name, each in list(short.items())[:_NAMED]
        )
        return replace(asked, passed=False, message=f"{asked.message}; on a twin {said} after {PATIENCE_SECONDS:g} s")
    dips = [f"{name} {each.least} of {each.before}" for name, each in found.items() if each.least < each.before]
    slowest = max((each.seconds for each in found.values()), default=0.0)
    said = f"on a twin all is up again within {slowest:.0f} s" + (f"; {rest} more were not played" if rest else "")
    worst = f"up at the worst moment: {', '.join(dips[:_NAMED])}" if dips else "nobody is missed at any moment"
    return replace(asked, message=f"{asked.message}; {said}", slo=worst)


async def _play(objects: list[Manifest], fleets: Sequence[Fleet], plan: Plan, now: float) -> dict[str, Lived]:
    """Carry a plan out on a twin of these objects, and watch its workloads."""
    clock = Clock(now)
    async with Twin.loaded(clock, store_of(objects)) as twin:
        client = twin.client()
        recorder = EventRecorder(client, clock, "kubewright-rehearsal")
        about = fleets[0]
        before = {each.key: (await _look(client, each)).up for each in fleets}
        executor = Executor(client, recorder, about.resource, "kubewright-rehearsal")
        subject = await client.get(about.resource, about.key)
        for action in plan.actions:
            try:
                await executor.execute(Plan((action,), plan.reason), about=subject)
            except OpError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
        return await _watched(client, clock, fleets, before)


async def _watched(
    client: Client, clock: Clock, fleets: Sequence[Fleet], before: Mapping[ObjectKey, int]
) -> dict[str, Lived]:
    began = clock.now()
    least, done = dict(before), dict[ObjectKey, float]()
    while True:
        await asyncio.sleep(1.0)
        seconds = clock.now() - began
        looks = {each.key: await _look(client, each) for each in fleets}
        for key, look in looks.items():
            least[key] = min(least[key], look.up)
            if look.up < before[key]:
                done.pop(key, None)
            elif look.is_settled(began):
                done.setdefault(key, seconds)
        if len(done) == len(fleets) or seconds > PATIENCE_SECONDS:
            return {
                str(key): Lived(before[key], least[key], look.up, done.get(key, seconds), look.why_not)
                for key, look in looks.items()
            }


@dataclass(frozen=True, slots=True)
class _Look:
    """A workload and its pods at one moment."""

    fleet: Deployment | StatefulSet
    pods: Sequence[Pod]

    @property
    def up(self) -> int:
        return sum(each.is_ready and not each.is_terminating for each in self.pods)

    @property
    def why_not(self) -> str:
        """Why a pod has no node."""
        conditions = (find_condition(each.status.conditions, "PodScheduled") for each in self.pods)
        return next((each.message for each in conditions if each is not None and each.status == "False"), "")

    def is_settled(self, began: float) -> bool:
        """Tell whether the workload's controller has seen all, and all pods that were made since are up."""
        seen_all = self.fleet.status.observed_generation >= self.fleet.metadata.generation
        return seen_all and all(each.is_ready for each in self.pods if each.metadata.created_at >= began)


async def _look(client: Client, fleet: Fleet) -> _Look:
    live = await client.get(fleet.resource, fleet.key)
    found = (await client.list(PODS, namespace=fleet.key.namespace)).items
    return _Look(live, [each for each in found if live.spec.selector.matches(each.metadata.labels)])
