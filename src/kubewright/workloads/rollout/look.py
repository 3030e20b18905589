"""Reads what a rollout is decided by, and asks `decide`: pods and revisions from the API, measurements from a source.

Called by the AppService controller, once a turn. An application of which no release is on its way costs no request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kubewright.api.core import PODS, Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rollout import ROLLING, Gate
from kubewright.api.crds.appservice.rolloutstatus import REHEARSING, STABLE, VERIFYING, RolloutStatus
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, ObjectKey, Resource, parse_time
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.series.protocol import Expression, MetricSource, Missing, Signal
from kubewright.workloads.children.identity import NAME_LABEL
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS, is_runner, runner_of
from kubewright.workloads.rollout import orders
from kubewright.workloads.rollout.decide import VERIFY_SECONDS, Sight, decide
from kubewright.workloads.rollout.evidence import Evidence, baseline, rule
from kubewright.workloads.rollout.fleet import Fleet, fleet_of
from kubewright.workloads.rollout.history import kept_revisions
from kubewright.workloads.rollout.measure import Measurements
from kubewright.workloads.rollout.podhealth import ready_since
from kubewright.workloads.rollout.readings import WINDOWS, Answers
from kubewright.workloads.rollout.rehearsal import Rehearsals
from kubewright.workloads.rollout.releases import RELEASE_LABEL, Revision, numbered, release_label, template_of
from kubewright.workloads.rollout.sizes import NO_OFFER, Offer, remembered, sized_release, with_sizes
from kubewright.workloads.rollout.stage import Templates, is_routed, staged, trial_name
from kubewright.workloads.rollout.steps import has_trial, is_underway, runs_stable
from kubewright.workloads.rollout.stuck import may_be_stuck, stuck_pods
from kubewright.workloads.rollout.turn import Turn

LOOK_SECONDS = 5.0
"""How often a release on its way is looked at; and how long it is let alone at first."""
WATCH_SECONDS = 15.0
"""How often one that has taken over is looked at."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What runs the application's pods, as it is, and the Deployment that tries a new release beside it."""

    main: LiveObject | None
    trial: LiveObject | None


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Decides about releases; without a source of measurements by the pods' health alone."""

    client: Client
    clock: Clock
    source: MetricSource | None
    rehearsals: Rehearsals
    offer: Callable[[AppService], Offer] = lambda _: NO_OFFER
    """What there is of sizes for an application's next release."""
    _measurements: Measurements | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.source is not None:
            object.__setattr__(self, "_measurements", Measurements(self.source, self.clock))

    async def turn(
        self,
        app: AppService,
        desired: Sequence[Manifest],
        child_at: Callable[[Resource[LiveObject], ObjectKey], LiveObject | None],
    ) -> Turn:
        """Decide one application's next move, and return its children as they are to be now; raises OpError."""
        runner = next((each for each in desired if is_runner(app, each)), None)
        if runner is None:
            return Turn(tuple(desired), app.status.rollout)
        trial = ObjectKey(app.metadata.namespace, trial_name(app))
        children = Pair(child_at(runner_of(app), app.key), child_at(CHILD_DEPLOYMENTS, trial))
        turn = await self._turn(app, desired, children, runner["spec"]["template"])
        return turn if not app.spec.is_stateful else replace(turn, stuck=await self._stuck(app, children.main, turn))

    async def _turn(
        self, app: AppService, desired: Sequence[Manifest], children: Pair, template: Mapping[str, Any]
    ) -> Turn:
        serving = children.main.spec.get("template") if children.main is not None else None
        retried = orders.is_told(app, orders.RETRY)
        made = sized_release(app, template, serving, self.offer(app), anew=retried)
        templates = Templates(with_sizes(template, made.sizes), made.release)
        turn = await self._moved(app, desired, children, templates)
        return replace(turn, state=remembered(turn.state, app.status.rollout, made))

    async def _moved(self, app: AppService, desired: Sequence[Manifest], children: Pair, templates: Templates) -> Turn:
        wanted, main = templates.release, fleet_of(children.main)
        state, undo = app.status.rollout, app.spec.rollout.undo
        replicas = main.wanted if main is not None else app.spec.replicas
        if not _is_rehearsed(state):
            self.rehearsals.forget(app.key)
        if not undo and (state is None or not state.stable or _is_quiet(state, wanted)):
            return self._quiet(app, desired, templates, Sight(wanted, main), replicas)
        return await self._underway(app, desired, children, templates)

    def _quiet(
        self, app: AppService, desired: Sequence[Manifest], templates: Templates, sight: Sight, replicas: int
    ) -> Turn:
        """Go on where nothing is to be looked at: there is no new release, or there was no other before it."""
        state = app.status.rollout
        again_seconds = None
        if _is_rehearsed(state):
            again_seconds = LOOK_SECONDS
            promoted = orders.is_told(app, orders.PROMOTE)
            sight = replace(sight, promoted=promoted, rehearsed=self.rehearsals.outcome(app))
        moved = decide(app, state, sight, self.clock.now())
        manifests = staged(app, desired, moved, templates, replicas)
        return Turn(manifests, moved, again_seconds, rehearsed=sight.rehearsed)

    async def _stuck(self, app: AppService, runner: LiveObject | None, turn: Turn) -> tuple[Pod, ...]:
        """Return the pods that a StatefulSet would wait for in vain."""
        wanted = next((each for each in turn.manifests if is_runner(app, each)), None)
        release = release_label(wanted["spec"]["template"]) if wanted is not None else ""
        if runner is None or not may_be_stuck(runner, release):
            return ()
        return stuck_pods(app, turn.state, runner, release, await self._pods(app))

    async def _pods(self, app: AppService) -> Sequence[Pod]:
        return (await self.client.list(PODS, namespace=app.metadata.namespace, label_selector=_selector(app))).items

    async def _underway(
        self, app: AppService, desired: Sequence[Manifest], children: Pair, templates: Templates
    ) -> Turn:
        state, main, now = app.status.rollout, fleet_of(children.main), self.clock.now()
        replicas = main.wanted if main is not None else app.spec.replicas
        revisions: Sequence[Revision] = ()
        if app.spec.rollout.undo or app.spec.rollout.strategy != ROLLING:
            revisions = await kept_revisions(self.client, app, children.main)
        problem = ""
        if number := app.spec.rollout.undo:
            found = _undone(state, number, revisions) or numbered(number, revisions)
            if found is None:
                problem = f"revision {number} is not kept: choose another one, or set rollout.undo to 0"
                templates = _as_it_is(state, revisions, templates)
            else:
                templates = Templates(found.template, found.release)
        sight = await self._sight(app, desired, children, templates.release, now)
        moved = state if problem else decide(app, state, sight, now)
        if moved is not None and runs_stable(app, moved) and not revisions:
            revisions = await kept_revisions(self.client, app, children.main)
        if moved is not None:
            templates = replace(templates, stable=template_of(moved.stable, revisions))
        manifests = staged(app, desired, moved, templates, replicas)
        return Turn(manifests, moved, _again(self, moved, main, now), problem, rehearsed=sight.rehearsed)

    async def _sight(
        self, app: AppService, desired: Sequence[Manifest], children: Pair, wanted: str, now: float
    ) -> Sight:
        state = app.status.rollout
        main, trial = fleet_of(children.main), fleet_of(children.trial)
        rehearsed = self.rehearsals.outcome(app) if _is_rehearsed(state) else None
        sight = Sight(
            wanted,
            main,
            trial,
            routed=is_routed(app, desired),
            undoing=app.spec.rollout.undo > 0,
            promoted=orders.is_told(app, orders.PROMOTE),
            aborted=orders.is_told(app, orders.ABORT),
            retried=orders.is_told(app, orders.RETRY),
            rehearsed=rehearsed,
        )
        if state is None or not self._must_look(app, state, main, now):
            return sight
        evidence = await self._evidence(app, state)
        fleets = [each for each in _watched(app, state, main, trial) if each.release == state.release]
        ruling = rule(app, evidence, fleets, now)
        usual = baseline(app, evidence, now)
        sight = replace(sight, ruling=ruling, baseline=usual, well_since=ready_since(evidence.new))
        return _of_pods(sight, state, evidence.new) if app.spec.is_stateful else sight

    def _must_look(self, app: AppService, state: RolloutStatus, main: Fleet | None, now: float) -> bool:
        """Whether to ask for pods: not at once, and not if all are available and nobody measures them."""
        age = now - _since(state, now)
        if not is_underway(state) or state.phase == REHEARSING or age < LOOK_SECONDS:
            return False
        settled = main is not None and main.complete and main.release == state.release
        unmeasured = self.source is None and app.spec.rollout.strategy == ROLLING
        return not (settled and unmeasured and age < VERIFY_SECONDS)

    async def _evidence(self, app: AppService, state: RolloutStatus) -> Evidence:
        async with asyncio.TaskGroup() as tasks:
            listing = tasks.create_task(self._pods(app))
            answers = tasks.create_task(self._answers(app))
            queries = tasks.create_task(self._queries(app.spec.rollout.gates))
        pods = listing.result()
        new = [pod for pod in pods if _release(pod) == state.release]
        old = [pod for pod in pods if _release(pod) == state.stable]
        return Evidence(new, old, answers.result(), queries.result())

    async def _answers(self, app: AppService) -> Answers | None:
        if self._measurements is None:
            return None
        windows = dict.fromkeys((*WINDOWS, *(float(gate.window_seconds) for gate in app.spec.rollout.gates)))
        signals = (Signal.REQUESTS, Signal.ERRORS, Signal.LATENCY)
        return await self._measurements.ask(app.metadata.namespace, signals, tuple(windows))

    async def _queries(self, gates: Sequence[Gate]) -> Mapping[str, float | Missing]:
        found: dict[str, float | Missing] = {}
        for gate in gates:
            if gate.metric == "query" and self.source is not None:
                answer = await self.source.instant(Expression(gate.query))
                found[gate.name] = answer if isinstance(answer, Missing) else answer.single()
        return found


def _of_pods(sight: Sight, state: RolloutStatus, new: Sequence[Pod]) -> Sight:
    """Read off the pods what a StatefulSet does not say: how many of a release are ready, when the last was made."""
    ready = sum(pod.is_ready for pod in new)
    made = [parse_time(pod.metadata.creation_timestamp) for pod in new if pod.metadata.creation_timestamp]
    return replace(sight, trial=Fleet(state.release, len(new), ready, complete=False), moved_at=max(made, default=None))


def _undone(state: RolloutStatus | None, number: int, revisions: Sequence[Revision]) -> Revision | None:
    """Return the revision that `undo` has chosen already: run again, it may have got another number."""
    if state is None or state.undone != number:
        return None
    return next((each for each in revisions if each.release == state.release), None)


def _as_it_is(state: RolloutStatus | None, revisions: Sequence[Revision], otherwise: Templates) -> Templates:
    """Return what runs at present, where what is asked for cannot be had."""
    present = template_of(state.release, revisions) if state is not None else None
    return otherwise if present is None or state is None else Templates(present, state.release)


def _is_rehearsed(state: RolloutStatus | None) -> bool:
    return state is not None and state.phase == REHEARSING


def _is_quiet(state: RolloutStatus, wanted: str) -> bool:
    return state.phase == STABLE and state.release == wanted


def _watched(app: AppService, state: RolloutStatus, main: Fleet | None, trial: Fleet | None) -> list[Fleet]:
    return [each for each in (main, trial if has_trial(app, state) else None) if each is not None]


def _again(rollouts: Rollouts, state: RolloutStatus | None, main: Fleet | None, now: float) -> float | None:
    """Return when to look again, in seconds; None if nothing is due but what events bring."""
    if state is None or not is_underway(state):
        return None
    if state.phase != VERIFYING:
        return LOOK_SECONDS
    if rollouts.source is None and main is not None and main.complete:
        return max(LOOK_SECONDS, _since(state, now) + VERIFY_SECONDS - now)
    return WATCH_SECONDS


def _selector(app: AppService) -> str:
    return f"{NAME_LABEL}={app.metadata.name}"


def _release(pod: Pod) -> str:
    return pod.metadata.labels.get(RELEASE_LABEL, "")


def _since(state: RolloutStatus, now: float) -> float:
    return parse_time(state.since) if state.since else now
