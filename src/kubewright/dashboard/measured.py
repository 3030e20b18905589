"""Asks a store of measurements for what screens draw, when somebody looks: once for all who do.

Nothing is kept here but the answers of the last seconds. Whoever asks has been allowed to see the object before.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from kubewright.api.crds.appservice import APP_SERVICES, NAME_LABEL, AppService
from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.api.crds.team import Team
from kubewright.api.meta import parse_time
from kubewright.api.workload import names_of_pods
from kubewright.autoscaler.figures import DESIRED, FORECAST, PREFIX
from kubewright.autoscaler.readings import SIGNALS, metrics_of
from kubewright.clock import Clock
from kubewright.dashboard.releases import names_of, release_of
from kubewright.dashboard.views.courses import (
    Course,
    Line,
    Mark,
    Told,
    burn_course,
    load_course,
    summed,
    times,
    trimmed,
)
from kubewright.dashboard.views.spending import MEASURED, MoneyShown, TeamFigures, money_of, use_of
from kubewright.dashboard.views.traffic import MESHES, Traffic, by_app, by_edge
from kubewright.dashboard.world import World
from kubewright.series.promql import quoted
from kubewright.series.protocol import (
    Expression,
    MetricSource,
    Missing,
    PodQuery,
    Series,
    Signal,
    Span,
    Vector,
    Why,
)
from kubewright.spending.teams import RecordedTeamSpend

FRESH_SECONDS, COST_SECONDS = 4.0, 60.0
"""How long answers serve others who ask the same; what a month cost takes the store longer to add up."""
POINTS = 60
FINEST_SECONDS = 15.0
WINDOW_SECONDS = 60.0
SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60.0, 6 * 3600.0
"""Of a release's course, which begins some minutes before the release does."""
BEFORE_SECONDS = 600.0
MOST_HOURS = 168
RECORDED_SECONDS, CHUNK_SECONDS = 60.0, 4 * 3600.0
"""Of a load as `kubewright backtest` reads it: how far apart its rows are, and how much is asked for at once."""
_MOST_KNOWN = 256
_MOST_NAMESPACES = 8
"""Of a team with more of them, what is measured of all is asked for at once."""
_APP_SIGNALS = (Signal.REQUESTS, Signal.ERRORS, Signal.LATENCY)
T = TypeVar("T")


class Measured:
    """What was measured of applications, policies and teams."""

    def __init__(self, source: MetricSource, world: World, clock: Clock) -> None:
        self._source = source
        self._world = world
        self._clock = clock
        self._spend = RecordedTeamSpend(source)
        self._known: OrderedDict[object, tuple[float, Any]] = OrderedDict()
        self._asking: dict[object, asyncio.Lock] = {}

    async def release(self, app: AppService) -> Course:
        """Return how an application's releases used up its error budget, and when they moved."""
        return await self._fresh(("release", app.key), FRESH_SECONDS, lambda: self._release(app))

    async def scaling(self, policy: ScalePolicy, hours: int) -> Course:
        """Return a policy's load, and how many pods there were, were wanted and are forecast to be needed."""
        return await self._fresh(("scaling", policy.key, hours), FRESH_SECONDS, lambda: self._scaling(policy, hours))

    async def traffic(self, apps: Mapping[str, AppService]) -> Traffic:
        """Return what these applications take, and from whom where a mesh counts it."""
        told = await self._fresh("traffic", FRESH_SECONDS, self._traffic)
        edges = tuple(each for each in told.edges if each.source in apps and each.target in apps)
        return Traffic(tuple(each for each in told.apps if each.id in apps), edges, told.missing)

    async def team(self, team: Team) -> TeamFigures:
        """Return what a team uses, and what it costs."""
        return await self._fresh(("team", team.metadata.name), FRESH_SECONDS, lambda: self._team(team))

    async def recorded(self, policy: ScalePolicy, hours: int) -> Course | Missing:
        """Return how many requests a policy's pods took in each minute of some hours."""
        end = self._clock.now() // RECORDED_SECONDS * RECORDED_SECONDS
        first = start = end - min(hours, MOST_HOURS) * 3600
        pattern, values = names_of_pods(policy.spec.target.kind, policy.spec.target.name), list[float | None]()
        query = PodQuery(Signal.REQUESTS, RECORDED_SECONDS, policy.metadata.namespace)
        while start < end:
            until = min(start + CHUNK_SECONDS, end)
            span = Span(start + RECORDED_SECONDS, until, RECORDED_SECONDS)
            answer = await self._source.range(query, span)
            if isinstance(answer, Missing) and answer.why is not Why.NO_DATA:
                return answer
            series = () if isinstance(answer, Missing) else answer
            values += summed("", (each for each in series if pattern.fullmatch(each.pod.name)), span).values
            start = until
        counts = tuple(None if each is None else each * RECORDED_SECONDS for each in values)
        whole = Span(first + RECORDED_SECONDS, end, RECORDED_SECONDS)
        return Course(times(whole), (Line("requests", counts),))

    async def _release(self, app: AppService) -> Course:
        now, names = self._clock.now(), names_of(self._world, app)
        began = app.status.rollout.started if app.status.rollout is not None else None
        passed = now - parse_time(began) + BEFORE_SECONDS if began else 0.0
        span = _span(now, min(max(passed, SHORTEST_SECONDS), LONGEST_SECONDS))
        told: dict[Signal, Sequence[Series] | Missing] = {}
        for signal in _APP_SIGNALS:
            query = PodQuery(signal, WINDOW_SECONDS, app.metadata.namespace)
            answer = told[signal] = await self._source.range(query, span)
            if signal is Signal.REQUESTS and isinstance(answer, Missing):
                return Course(missing=str(answer))
        course = burn_course(app, release_of(self._world, app), names, Told(told, span, WINDOW_SECONDS))
        if not any(value is not None for line in course.lines for value in line.values):
            return Course(missing="no requests to its pods were measured")
        marks = tuple(each for each in self._world.steps.of(app.key) if each.at >= span.start)
        if began and not marks:
            marks = (Mark(parse_time(began), "began"),)
        return trimmed(replace(course, marks=marks))

    async def _scaling(self, policy: ScalePolicy, hours: int) -> Course:
        target, (namespace, name) = policy.spec.target, policy.key
        span = _span(self._clock.now(), min(max(hours, 1), MOST_HOURS) * 3600.0, 2 * POINTS)
        signal = _signal_of(policy)
        query = PodQuery(signal, max(WINDOW_SECONDS, span.step_seconds), namespace)
        answer = await self._source.range(query, span)
        if isinstance(answer, Missing):
            return Course(unit=signal.value, missing=str(answer))
        load, there = load_course(signal, answer, names_of_pods(target.kind, target.name), span)
        if not any(value is not None for value in load.values):
            return Course(unit=signal.value, missing="nothing was measured of its pods")
        pods = [there]
        for metric, said in ((DESIRED, "wanted"), (FORECAST, "the forecast needs")):
            where = f"{{namespace={quoted(namespace)},scalepolicy={quoted(name)}}}"
            found = await self._source.range(Expression(f"max({PREFIX}{metric}{where}) > 0"), span)
            if not isinstance(found, Missing):
                pods.append(summed(said, found, span))
        return trimmed(Course(times(span), (load,), tuple(pods), unit=signal.value))

    async def _traffic(self) -> Traffic:
        requests = await self._source.instant(PodQuery(Signal.REQUESTS, WINDOW_SECONDS))
        if isinstance(requests, Missing):
            return Traffic(missing=str(requests))
        errors = await self._source.instant(PodQuery(Signal.ERRORS, WINDOW_SECONDS))
        app_of = {
            pod.key: f"{pod.metadata.namespace}/{app}"
            for pod in self._world.pods.index.values()
            if (app := pod.metadata.labels.get(NAME_LABEL))
        }
        apps, known = by_app(requests, errors, app_of), self._world.found(APP_SERVICES).index.keys()
        meshes = [await self._source.instant(Expression(promql)) for promql in MESHES.values()]
        return Traffic(apps, by_edge(meshes, frozenset(str(key) for key in known)))

    async def _team(self, team: Team) -> TeamFigures:
        namespaces = team.status.namespaces
        asked = namespaces if len(namespaces) <= _MOST_NAMESPACES else ("",)
        told: dict[str, list[Vector | Missing]] = {}
        for name, signal in MEASURED.items():
            told[name] = [await self._source.instant(PodQuery(signal, WINDOW_SECONDS, each)) for each in asked]
        use, missing = use_of(team, self._world.pods.index.values(), told)
        cost = await self._cost(team)
        if isinstance(cost, Missing):
            return TeamFigures(use, missing_use=missing, missing_cost=str(cost))
        return TeamFigures(use, cost, missing)

    async def _cost(self, team: Team) -> MoneyShown | Missing:
        now = self._clock.now()
        spends = await self._fresh("spends", COST_SECONDS, lambda: self._spend.spends(now))
        if isinstance(spends, Missing):
            return spends
        spend = spends.get(team.metadata.name)
        if spend is None:
            return Missing(Why.NO_DATA, "nothing of its cost is recorded")
        return money_of(team, spend, now)

    async def _fresh(self, key: object, seconds: float, ask: Callable[[], Awaitable[T]]) -> T:
        """Return an answer of the last `seconds`, or ask; those who want the same at once wait for one answer."""
        async with self._asking.setdefault(key, asyncio.Lock()):
            known = self._known.get(key)
            if known is not None and self._clock.now() - known[0] < seconds:
                return known[1]
            answer = await ask()
            self._known[key] = (self._clock.now(), answer)
            self._known.move_to_end(key)
            while len(self._known) > _MOST_KNOWN:
                old, _ = self._known.popitem(last=False)
                self._asking.pop(old, None)
            return answer


def _signal_of(policy: ScalePolicy) -> Signal:
    """Return what tells a policy's load: requests if it goes by them, else what it goes by first."""
    kinds: Iterable[str] = [kind for metric in metrics_of(policy.spec) for kind in metric.kinds if kind in SIGNALS]
    signals = [SIGNALS[kind] for kind in kinds]
    if Signal.REQUESTS in signals or Signal.LATENCY in signals:
        return Signal.REQUESTS
    return signals[0] if signals else Signal.REQUESTS


def _span(now: float, seconds: float, points: int = POINTS) -> Span:
    """Return the last seconds until now, in steps of whole quarters of a minute."""
    step = max(FINEST_SECONDS, -(-seconds / points // FINEST_SECONDS) * FINEST_SECONDS)
    end = now // step * step
    return Span(end - seconds // step * step, end, step)
