"""The healer: signals in, Incidents out, remedies carried out. Reads caches, asks `diagnose` and `decide`, does I/O.

Once a second, if anything is told at all, everything that stands is diagnosed anew; what is found, and what is found no
more, is queued by the Incident's key. An Incident's turn is decided from what it says itself, so a restart loses none.
What is to be done is written down before it is done: in the Incident, and in the audit log.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import READY, Condition, set_condition, written
from kubewright.api.core import NAMESPACES, NODES, PODS, Node
from kubewright.api.crds.appservice.kind import TEAM_LABEL
from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD
from kubewright.api.crds.healingpolicy import HEALING_POLICIES, HEALING_POLICY_CRD, OFF, HealingPolicy, problems
from kubewright.api.crds.incident import (
    ACTING,
    ESCALATED,
    INCIDENT_CRD,
    INCIDENTS,
    OPEN,
    RESOLVED,
    Incident,
    IncidentStatus,
)
from kubewright.api.discovery import ENDPOINT_SLICES
from kubewright.api.meta import Manifest, ObjectKey, rfc3339, seconds_of
from kubewright.api.places import SYSTEM_NAMESPACE
from kubewright.api.plan import Apply, Delete, Evict, Plan
from kubewright.audit.entries import of_plan
from kubewright.audit.log import AuditLog
from kubewright.disruption.requests import PodRef, Refused, Request, Urgency
from kubewright.disruption.watching import permits
from kubewright.errors import ErrorKind, OpError
from kubewright.healing.assigning import Assigning
from kubewright.healing.decide import Case, Outcome, Rehearsal, Turn, approver, decide, rehearsed, running
from kubewright.healing.diagnose import UNEXPLAINED_CAUSE, Diagnosis, affected_by, diagnose
from kubewright.healing.figures import HealingMetrics
from kubewright.healing.finding import HEALER, ZONES, Cause, Finding, Level, Remedy, Safety
from kubewright.healing.machines import Machines, MachineSource
from kubewright.healing.permission import HOUR_SECONDS, Book, contradictions, is_storm, permission
from kubewright.healing.rehearsing import leaving, without_pods
from kubewright.healing.seen import FOLLOWED, Seen
from kubewright.healing.telling import finding_of, key_of, manifest_of, notification, shortened, status_of
from kubewright.notify.service import Notifier
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator
from kubewright.runtime.predicates import annotations_changed, any_of, generation_changed
from kubewright.runtime.rounds import surviving
from kubewright.series.protocol import MetricSource
from kubewright.signals.changes import Changes
from kubewright.signals.changing import ChangeSignals
from kubewright.signals.looking import LookingSignals
from kubewright.signals.measured import MeasuredSignals
from kubewright.signals.noise import Placed
from kubewright.signals.service import SignalsIn
from kubewright.signals.shown import Shown
from kubewright.signals.signal import Fault, Signal
from kubewright.signals.suspects import Reach

TURN_SECONDS = 1.0
SLOW_TURN_SECONDS = 5.0
MANY_SIGNALS = 1000
MOST_INCIDENTS = 1000
"""So many are dealt with at once, the gravest first; what else is found waits."""
WARM_UP_SECONDS = 60.0
"""Whoever has just begun has not heard of everything yet, and takes nothing for over."""
AFTER_REFUSAL_SECONDS = 15.0
REHEARSE_AGAIN_SECONDS = 30.0
_STORM_SECONDS = 30.0
"""A storm that lasts is written down so often."""
_ILL = frozenset({Fault.NODE_SILENT, Fault.NODE_NOT_READY})
_OUT_OF_REACH = frozenset({Fault.NODE_SILENT, Fault.NODE_HELD})

_log = logging.getLogger(__name__)


class Healer:
    """A service: mends what is wrong with a cluster, as far as HealingPolicies let it."""

    def __init__(
        self,
        operator: Operator,
        causes: Sequence[Cause],
        rehearsal: Callable[[Operator], Rehearsal],
        audit: AuditLog,
        *,
        source: MetricSource | None = None,
        registry: CollectorRegistry | None = None,
        reach: Reach | None = None,
        machines: MachineSource | None = None,
        shown: Shown | None = None,
    ) -> None:
        """Put it together; `rehearsal` is made of the operator once its caches are asked for.

        With `reach` nodes that fall silent are asked after, and with `machines` theirs may be switched off; with
        `shown` Ingresses are asked for their certificates.
        """
        operator.define(INCIDENT_CRD, HEALING_POLICY_CRD, AUDIT_RECORD_CRD)
        self._operator = operator
        self._causes = {each.name: each for each in (*causes, UNEXPLAINED_CAUSE)}
        self._metrics = HealingMetrics(registry)
        self._metrics.watch(self._figures)
        self._incidents = operator.informer(INCIDENTS)
        self._policies = operator.informer(HEALING_POLICIES)
        followed: dict[str, Informer[Any]] = {
            kind.plural: operator.informer(kind, indexers=indexers or None) for kind, indexers in FOLLOWED.items()
        }
        self.signals = SignalsIn(
            operator.client,
            operator.clock,
            self,
            metrics=operator.metrics,
            registry=registry,
            reach=reach,
            followed=followed,
        )
        watched = self.signals.watched
        indexes = {plural: each.index for plural, each in followed.items()}
        self._seen = Seen(indexes, Changes(), watched.agents, lambda: watched.neighbourhood)
        self._rehearsal = rehearsal(operator)
        self._permits = permits(operator)
        self._notifier = Notifier(operator)
        standing, tell = self.signals.standing, self.signals.queue.add
        self._changes = ChangeSignals(
            operator.client,
            operator.clock,
            self._seen.changes,
            standing,
            tell,
            fleets=followed[DEPLOYMENTS.plural],
            slices=followed[ENDPOINT_SLICES.plural],
        )
        placed = Placed(self._seen.all(PODS), self._seen.all(NODES))
        self._measured = None if source is None else MeasuredSignals(source, operator.clock, standing, tell, placed)
        self._looking = LookingSignals(operator.client, operator.clock, standing, tell, indexes, shown)
        self._audit = audit
        self._executor = operator.executor(INCIDENTS)
        self._found: Mapping[ObjectKey, Finding] = {}
        self._broken: Mapping[str, str] = {}
        self._book = Book()
        self._not_before: dict[ObjectKey, float] = {}
        self._began_at: float | None = None
        reads = [self._policies, *followed.values()]
        # What it has written of an incident itself is no news: a turn says when the next one is.
        told = any_of(generation_changed, annotations_changed)
        self._controller = operator.controller(self._incidents, self, name="incident", when=told, reads=reads)
        operator.task("diagnosis", self._diagnosing)
        operator.task("neighbours", Assigning(operator.client, watched).run)
        if machines is not None:
            operator.task("machines", Machines(machines, self._out_of_reach, self._seen.machines).run)

    async def handle(self, signal: Signal) -> None:
        """Take note of a signal: what stands is diagnosed as a whole, at the next turn."""

    @property
    def synced(self) -> bool:
        """Whether it has seen the cluster."""
        return self._operator.synced and self.signals.synced and self._changes.synced

    @property
    def settled(self) -> bool:
        """Whether every signal and every incident has had its turn."""
        return self._operator.settled and self.signals.settled

    @property
    def definitions(self) -> Sequence[Manifest]:
        """The kinds that it brings."""
        return self._operator.definitions

    async def run(self) -> None:
        """Watch, diagnose and mend until cancelled."""
        await self._operator.install()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.signals.run())
            tasks.create_task(self._changes.run())
            tasks.create_task(self._looking.run())
            tasks.create_task(self._audit.run())
            if self._measured is not None:
                tasks.create_task(self._measured.run())
            tasks.create_task(self._operator.run())

    def _out_of_reach(self) -> list[Node]:
        """Return the nodes that are silent, or kept from taking pods: their machines may be off, or held off."""
        told = self.signals.standing.holding()
        names = {each.about[1] for each in told if each.about is not None and each.fault in _OUT_OF_REACH}
        return [node for key in names if (node := self._seen.get(NODES, key)) is not None]

    async def _diagnosing(self) -> None:
        for each in (self._incidents, self._policies):
            await each.wait_synced()
        while not self.synced:  # noqa: ASYNC110  several caches, each in its own time
            await asyncio.sleep(TURN_SECONDS)
        self._began_at = self._operator.clock.now()
        while True:
            signals = self.signals.standing.holding()
            with surviving("diagnosis"):
                self._diagnose(signals)
            with surviving("what policies say of themselves"):
                await self._tell_policies()
            await asyncio.sleep(TURN_SECONDS if len(signals) < MANY_SIGNALS else SLOW_TURN_SECONDS)

    def _diagnose(self, signals: Sequence[Signal]) -> None:
        """Find what is wrong, and queue what has changed by that."""
        now = self._operator.clock.now()
        known = tuple(self._causes.values())
        found = diagnose(known, signals, self._seen, now)
        for name, why in found.broken.items():
            if self._broken.get(name) != why:
                _log.error("the detector of %s failed: %s", name, why)
                self._metrics.broken.labels(name).inc()
        self._broken = found.broken
        self._book = self._booked(found, signals, now)
        stays = (each for each in found.findings if not self._goes(each))
        gravest = sorted(stays, key=lambda each: (_ORDER[found.levels[each.name]], each.since, each.name))
        before, present = self._found, dict[ObjectKey, Finding]()
        by_fingerprint = {each.fingerprint: each for each in signals}
        for each in gravest[:MOST_INCIDENTS]:
            told = [by_fingerprint[name] for name in sorted(each.explains) if name in by_fingerprint]
            present[key_of(each)] = _with_affected(each, told)
        self._found = present
        for key in {**before, **present}:
            if (key in before) != (key in present) or key not in self._incidents.index:
                self._controller.queue.add(key)

    def _goes(self, finding: Finding) -> bool:
        namespace = finding.about.key.namespace
        return bool(namespace) and self._seen.is_going(namespace)

    def _booked(self, found: Diagnosis, signals: Sequence[Signal], now: float) -> Book:
        """Return what limits count; incidents are gone through once a turn."""
        ill = {each.about.key.name for each in found.findings if found.levels[each.name] is Level.NODE}
        ill |= {each.node or each.about[1].name for each in signals if each.fault in _ILL and each.about is not None}
        nodes = self._seen.all(NODES)
        present = sum(1 for name in ill if ObjectKey("", name) in nodes)
        begun: list[tuple[float, str]] = []
        mended: set[str] = set()
        for each in self._incidents.index.values():
            status = each.status
            begun += [
                (seconds_of(one.started_at), status.policy)
                for one in status.actions
                if now - seconds_of(one.started_at) < HOUR_SECONDS
            ]
            if running(status) is not None and each.spec.about.kind == NODES.kind:
                mended.add(each.spec.about.name)
        book = Book(tuple(begun), frozenset(mended), present, len(nodes))
        return dataclasses.replace(book, storms=self._storms(book, now))

    def _storms(self, book: Book, now: float) -> Mapping[str, float]:
        """Return when each policy last saw a storm: now, or what it says itself, which outlives this process."""
        found: dict[str, float] = {}
        for each in self._policies.index.values():
            name = each.metadata.name
            before = max(seconds_of(each.status.last_storm), self._book.storms.get(name, 0.0))
            found[name] = now if is_storm(each.spec.storm, book) else before
        return found

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one incident on."""
        incident, finding = self._incidents.index.get(key), self._found.get(key)
        if self._began_at is None:
            return RequeueAfter(TURN_SECONDS)
        if incident is None:
            self._not_before.pop(key, None)
            if finding is not None and not self._goes(finding):
                await self._create(finding, key)
            return Done()
        case = self._case(incident, finding)
        if incident.status.phase == RESOLVED and self._is_old(case):
            await self._executor.execute(
                Plan((Delete(INCIDENTS, key, incident.metadata.uid),), "it has long been over"), about=incident
            )
            return Done()
        turn = decide(case)
        if turn.rehearse:
            return await self._rehearse(case, turn)
        if turn.plan is not None and turn.remedy is not None:
            return await self._do(case, turn, turn.plan, turn.remedy)
        await self._write(case, turn.status)
        return RequeueAfter(turn.again_seconds)

    def _case(self, incident: Incident, finding: Finding | None) -> Case:
        now = self._operator.clock.now()
        told = finding or finding_of(incident)
        cause = self._causes.get(incident.spec.cause, UNEXPLAINED_CAUSE)
        permitted = permission(told, self._policies.index.values(), self._seen)
        sure = self._began_at is not None and now - self._began_at >= WARM_UP_SECONDS
        return Case(incident, told, finding is not None, cause, permitted, self._book, self._seen, now, sure=sure)

    def _is_old(self, case: Case) -> bool:
        kept = case.permitted.spec.keep_resolved_hours * HOUR_SECONDS
        return not case.is_found and case.now - seconds_of(case.incident.status.times.verified) >= kept

    async def _create(self, finding: Finding, key: ObjectKey) -> None:
        """Write a new Incident; what it is made of is put there if somebody has taken it away."""
        if permission(finding, self._policies.index.values(), self._seen).mode == OFF:
            return
        if key.namespace == SYSTEM_NAMESPACE and ObjectKey("", SYSTEM_NAMESPACE) not in self._seen.all(NAMESPACES):
            manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}}
            await self._operator.client.apply(NAMESPACES, manifest, field_manager=HEALER)
        try:
            written_as = await self._operator.client.apply(INCIDENTS, manifest_of(finding, key), field_manager=HEALER)
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                await self._operator.install()  # somebody has deleted the definition
            raise
        self._incidents.wrote(written_as)

    async def _rehearse(self, case: Case, turn: Turn) -> RequeueAfter:
        assert turn.plan is not None  # noqa: S101  that is what is rehearsed
        try:
            outcome = await self._rehearsal.rehearse(turn.plan, case.finding, case.seen)
        except OpError as error:
            outcome = Outcome(passed=False, message=f"it could not be rehearsed: {error}", possible=False)
        status = rehearsed(turn.status, outcome, case.permitted)
        if not outcome.possible and status.rehearsal is not None and not status.rehearsal.passed:
            waits = replace(status, phase=OPEN, rehearsal=None, message=shortened(outcome.message))
            await self._write(case, waits)
            return RequeueAfter(REHEARSE_AGAIN_SECONDS)
        await self._write(case, status)
        return RequeueAfter(0.0)

    async def _do(self, case: Case, turn: Turn, plan: Plan, remedy: Remedy) -> RequeueAfter:
        """Carry a plan out: permits first, then what is intended is written, then it is done.

        Pods that may not go yet are left for a later turn, so that one does not hold up a whole node. Then it rests a
        moment, whatever calls: until caches show what was done, or people have read why it failed.
        """
        wait = self._not_before.get(case.incident.key, 0.0) - case.now
        if wait > 0:
            return RequeueAfter(wait)
        plan, refused = await self._permitted(case, plan, remedy)
        before = case.incident.status
        if refused is not None:
            begun = running(before) is not None
            times = replace(turn.status.times, acted=before.times.acted)
            held = replace(turn.status, actions=before.actions, times=times, phase=ACTING if begun else OPEN)
            await self._write(case, replace(held, message=shortened(f"it waits for its permit: {refused}")))
            wait = refused.again_at - case.now
            return RequeueAfter(min(max(wait, 1.0), AFTER_REFUSAL_SECONDS))
        self._not_before[case.incident.key] = case.now + turn.again_seconds
        status = turn.status if plan is turn.plan else replace(turn.status, message=shortened(plan.reason))
        await self._write(case, status)
        about = str(case.finding.about)
        try:
            who = approver(case.incident, status.plan)
            details = {"incident": str(case.incident.key), **({"approvedBy": who} if who else {})}
            async with self._audit.doing(of_plan(HEALER, about, plan, **details)):
                await self._executor.execute(plan, about=case.incident)
        except OpError as error:
            await self._write(case, replace(turn.status, message=shortened(f"{error}: it is tried again")))
            raise
        return RequeueAfter(turn.again_seconds)

    async def _permitted(self, case: Case, plan: Plan, remedy: Remedy) -> tuple[Plan, Refused | None]:
        """Ask for what a plan takes out of service: its node first, then each pod by itself.

        Returns what of the plan may be done now, and why nothing of it may, if so.
        """
        pods = list(leaving(plan, case.seen))
        ill = case.finding.about
        takes_node = remedy.safety in {Safety.NODE, Safety.DATA} and ill.resource.plural == NODES.plural
        nodes = (ill.key.name,) if takes_node and not case.incident.spec.part else ()
        evicted = {each.key for each in plan.actions if isinstance(each, Evict)}
        request = Request(
            HEALER,
            _permit_of(case.incident),
            shortened(plan.reason)[:256],
            urgency=Urgency.REPAIR,
            fault=case.incident.spec.cause,
            nodes=nodes,
        )
        asked = [
            dataclasses.replace(request, pods=(PodRef.of(each),), by_eviction=each.key in evicted) for each in pods
        ]
        decisions = await self._permits.take(*([request] if nodes else []), *asked)
        of_node, of_pods = decisions[: len(nodes)], decisions[len(nodes) :]
        refused = [each for each in of_node or of_pods if isinstance(each, Refused)]
        if refused and len(refused) == len(of_node or of_pods):
            return plan, refused[0]
        kept = {pod.key: each for pod, each in zip(pods, of_pods, strict=True) if isinstance(each, Refused)}
        return without_pods(plan, kept), None

    async def _write(self, case: Case, status: IncidentStatus) -> None:
        """Write how an incident stands, and tell those who look at it or at what is ill when it has come on."""
        incident = self._incidents.index.get(case.incident.key) or case.incident
        write = status_of(incident, status, case.now)
        if write is None:
            return
        await self._executor.execute(Plan((write,), "its turn"), about=incident)
        before = incident.status
        self._metrics.moved(incident.spec.cause, before, status)
        if status.phase != before.phase or not before.conditions:
            self._announce(case, status)
            self._notifier.notify(notification(incident, status, self._team_of(case)))
        ended = status.phase in {RESOLVED, ESCALATED} and before.phase != status.phase
        if ended and any(each.outcome for each in status.actions):
            await self._permits.give_back(_permit_of(incident))

    def _announce(self, case: Case, status: IncidentStatus) -> None:
        sort = "Normal" if status.phase == RESOLVED else "Warning"
        said = f"{case.incident.spec.cause}: {status.message or '; '.join(status.evidence[:1])}"
        recorder, about = self._operator.recorder, case.finding.about
        recorder.record(case.incident, INCIDENTS, sort, status.phase, said)
        if about.resource.kind != ZONES.kind:
            recorder.record(about.key, about.resource, sort, f"Incident{status.phase}", f"{case.incident.key}: {said}")

    def _team_of(self, case: Case) -> str:
        return case.finding.team or case.seen.labels_of(case.incident.metadata.namespace).get(TEAM_LABEL, "")

    async def _tell_policies(self) -> None:
        """Say on each policy what is wrong with it, and who contradicts it."""
        every = tuple(self._policies.index.values())
        for policy in every:
            said = (*problems(policy), *contradictions(policy, every))
            storm = self._book.storms.get(policy.metadata.name, 0.0)
            write = _policy_status(policy, said, self._operator.clock.now(), storm)
            if write is not None:
                await self._executor.execute(Plan((write,), "what it says"), about=policy)

    def _figures(self) -> Mapping[tuple[str, str], int]:
        return Counter((each.spec.cause, each.status.phase) for each in self._incidents.index.values())


_ORDER: Mapping[Level, int] = {level: number for number, level in enumerate(Level)}


def _permit_of(incident: Incident) -> str:
    return f"incident/{incident.metadata.name}"


def _with_affected(finding: Finding, told: Sequence[Signal]) -> Finding:
    if finding.affected:
        return finding
    affected = tuple(dict.fromkeys(affected_by(finding, told)))
    return dataclasses.replace(finding, affected=affected)


def _policy_status(policy: HealingPolicy, said: Sequence[str], now: float, storm: float) -> Apply | None:
    generation = policy.metadata.generation
    reason, message = ("Contradicts", "; ".join(said)) if said else ("Valid", f"mode {policy.spec.mode}")
    condition = Condition(READY, "False" if said else "True", reason, shortened(message), None, generation)
    conditions = set_condition(policy.status.conditions, condition, now)
    known = seconds_of(policy.status.last_storm)
    is_told = storm - known < (_STORM_SECONDS if now - storm < SLOW_TURN_SECONDS else 1.0)
    if is_told and conditions == policy.status.conditions and policy.status.observed_generation == generation:
        return None
    status: Manifest = {"observedGeneration": generation, "conditions": written(conditions)}
    if storm:
        status["lastStorm"] = rfc3339(storm)
    return Apply.status(HEALING_POLICIES, policy.key, status)
