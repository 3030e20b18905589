"""Judges what was read: for each area how it stands, and what wants a person. Pure.

An area is GOOD, or OFF where nobody has installed what it is about, or UNKNOWN where it could not be read; ATTENTION
is for what somebody should look at, BAD for what fails now.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubewright.api.conditions import READY, RECONCILING, find_condition, is_true
from kubewright.api.coordination import Lease, service_of
from kubewright.api.core import Node, Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rolloutstatus import ROLLED_BACK, STABLE
from kubewright.api.crds.incident import AWAITING, ESCALATED, Incident
from kubewright.api.crds.team import WITHIN_BUDGET, Team
from kubewright.api.meta import parse_time
from kubewright.api.nodeagent import quarantined
from kubewright.api.quantity import value
from kubewright.overview.facts import Facts

SHOWN = 3
"""Names in a summary; the rest is counted."""
LONG_SECONDS = 300.0
"""A pod that waits for longer than this is worth a look."""
LEASE_GRACE_SECONDS = 5.0
"""Clocks differ."""
GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu")


class Level(enum.IntEnum):
    """How an area stands; the highest is the worst."""

    OFF = 0
    GOOD = 1
    UNKNOWN = 2
    ATTENTION = 3
    BAD = 4


@dataclass(frozen=True, slots=True)
class Area:
    """One line of the screen."""

    name: str
    level: Level
    summary: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Want:
    """Something that only a person can do, and the command for it."""

    what: str
    command: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it."""

    areas: tuple[Area, ...]
    wants: tuple[Want, ...]

    @property
    def level(self) -> Level:
        """The worst of all areas; what wants a person wants attention."""
        return max((each.level for each in self.areas), default=Level.GOOD)


def overview(facts: Facts, now: float) -> Overview:
    """Judge; `now` is in seconds since 1970."""
    judges: tuple[tuple[str, str, Callable[[], Area]], ...] = (
        ("services", "leases", lambda: services(facts.leases, now)),
        ("nodes", "nodes", lambda: nodes(facts.nodes)),
        ("applications", "appservices", lambda: applications(facts.apps)),
        ("queue", "pods", lambda: queue(facts.pending, facts.pods, now)),
        ("gpus", "nodes", lambda: gpus(facts.nodes, facts.pending)),
        ("incidents", "incidents", lambda: incidents(facts.incidents)),
        ("budgets", "teams", lambda: budgets(facts.teams)),
    )
    areas = tuple(_judged(facts, name, plural, judge) for name, plural, judge in judges)
    return Overview(areas, tuple(wants(facts)))


def _judged(facts: Facts, name: str, plural: str, judge: Callable[[], Area]) -> Area:
    if plural in facts.absent:
        return Area(name, Level.OFF, "not installed: kubewright crds | kubectl apply --server-side -f -")
    if plural in facts.unread:
        return Area(name, Level.UNKNOWN, f"could not be read: {facts.unread[plural]}")
    return judge()


def services(leases: Iterable[Lease], now: float) -> Area:
    """Tell which services of the platform hold their lease."""
    alive: list[str] = []
    dead: list[str] = []
    for lease in leases:
        service = service_of(lease)
        if service is None or not lease.spec.holder_identity:
            continue  # somebody else's, or given back: somebody ended it
        (alive if is_held(lease, now) else dead).append(service)
    if dead:
        return Area("services", Level.BAD, f"{len(dead)} silent: {_names(dead)}; alive: {_names(alive) or 'none'}")
    if not alive:
        return Area("services", Level.ATTENTION, "none runs here: kubewright up")
    return Area("services", Level.GOOD, f"{len(alive)} alive: {', '.join(sorted(alive))}")


def is_held(lease: Lease, now: float) -> bool:
    """Tell whether whoever holds a lease has renewed it in time."""
    spec = lease.spec
    if not spec.renew_time:
        return False
    return now <= parse_time(spec.renew_time) + (spec.lease_duration_seconds or 0) + LEASE_GRACE_SECONDS


def nodes(found: Sequence[Node]) -> Area:
    """Tell which nodes are not ready."""
    down = [each.metadata.name for each in found if not each.is_ready]
    shut = sum(each.spec.unschedulable for each in found)
    strained = [
        f"{each.metadata.name} ({each_condition.type})"
        for each in found
        for each_condition in each.status.conditions
        if each_condition.type.endswith("Pressure") and each_condition.is_true
    ]
    said = f"{len(found) - len(down)} of {len(found)} ready" + (f", {shut} cordoned" if shut else "")
    if down:
        return Area("nodes", Level.BAD, f"{said}; not ready: {_names(down)}")
    if strained:
        return Area("nodes", Level.ATTENTION, f"{said}; under pressure: {_names(strained)}")
    return Area("nodes", Level.GOOD if found else Level.ATTENTION, said)


def applications(found: Sequence[AppService]) -> Area:
    """Tell which applications are not ready, and are not just on their way."""
    ready = coming = 0
    ill: list[str] = []
    for each in found:
        conditions = each.status.conditions
        if is_true(conditions, READY):
            ready += 1
        elif is_true(conditions, RECONCILING) or find_condition(conditions, READY) is None:
            coming += 1
        else:
            ill.append(str(each.key))
    said = f"{ready} of {len(found)} ready" + (f", {coming} on their way" if coming else "")
    if ill:
        return Area("applications", Level.BAD, f"{said}; not ready: {_names(ill)}")
    return Area("applications", Level.GOOD, said)


def queue(pending: Sequence[Pod], pods: int, now: float) -> Area:
    """Tell how many pods wait, for how long, and why most of them do."""
    if not pending:
        return Area("queue", Level.GOOD, f"nothing waits; {pods} pods")
    longest = max(now - each.metadata.created_at for each in pending)
    said = f"{len(pending)} of {pods} pods wait, the longest for {longest:.0f} s"
    if longest < LONG_SECONDS:
        return Area("queue", Level.GOOD, said)
    reasons = Counter(
        condition.message.partition(". ")[0]
        for each in pending
        if (condition := find_condition(each.status.conditions, "PodScheduled")) and condition.message
    )
    oldest = min(pending, key=lambda each: each.metadata.created_at)
    why = f"kubewright why pod/{oldest.metadata.name} -n {oldest.metadata.namespace}"
    return Area(
        "queue", Level.ATTENTION, said, (*(f"{count}: {text}" for text, count in reasons.most_common(SHOWN)), why)
    )


def gpus(found: Sequence[Node], pending: Sequence[Pod]) -> Area:
    """Tell how many GPUs there are, which of them are out of use, and how many pods wait for some."""
    there = fit = barred = 0
    for each in found:
        for name in GPU_RESOURCES:
            there += value(each.status.capacity.get(name, 0))
            fit += value(each.status.allocatable.get(name, 0)) if each.is_ready else 0
        barred += len(quarantined(each))
    if not there:
        return Area("gpus", Level.OFF, "no node has any")
    waiting = sum(_wants_gpu(each) for each in pending)
    lost = max(there - fit, barred)
    said = f"{there - lost} of {there} in use or free" + (f"; {waiting} pods wait for some" if waiting else "")
    return Area("gpus", Level.ATTENTION if lost else Level.GOOD, said + (f"; {lost} out of use" if lost else ""))


def _wants_gpu(pod: Pod) -> bool:
    return any(name in each.resources.requests for each in pod.spec.containers for name in GPU_RESOURCES)


def incidents(found: Sequence[Incident]) -> Area:
    """Tell what is wrong by cause, and how far it is."""
    going = [each for each in found if not each.status.is_over]
    if not going:
        return Area("incidents", Level.GOOD, "nothing is wrong")
    causes = Counter(each.spec.cause for each in going)
    said = ", ".join(f"{count} {cause}" for cause, count in causes.most_common(SHOWN))
    more = f" and {len(causes) - SHOWN} more causes" if len(causes) > SHOWN else ""
    return Area("incidents", Level.BAD, f"{len(going)} open: {said}{more}")


def budgets(teams: Sequence[Team]) -> Area:
    """Tell which teams will spend more than they may this month, as tenancy has judged."""
    over: list[str] = []
    known = 0
    for each in teams:
        within = find_condition(each.status.conditions, WITHIN_BUDGET)
        if within is None or within.status == "Unknown":
            continue
        known += 1
        if not within.is_true:
            over.append(f"{each.name} ({within.message})")
    if over:
        return Area("budgets", Level.ATTENTION, f"{len(over)} of {known} teams will spend more: {_names(over)}")
    return Area("budgets", Level.GOOD, f"{known} of {len(teams)} teams with one, all within it")


def wants(facts: Facts) -> Iterator[Want]:
    """Yield what waits for a person, the urgent first."""
    for phase, said, command in (
        (ESCALATED, "nothing helped, a person is needed", "describe"),
        (AWAITING, "waits for approval", "approve"),
    ):
        for each in facts.incidents:
            if each.status.phase == phase:
                where = f"-n {each.metadata.namespace}"
                yield Want(
                    f"{each.spec.cause} of {each.spec.about}: {said}",
                    f"kubewright incidents {command} {each.metadata.name} {where}",
                )
    for each in facts.apps:
        state = each.status.rollout
        steer = f"kubewright rollout status {each.metadata.name} -n {each.metadata.namespace}"
        if state is not None and state.phase == ROLLED_BACK:
            yield Want(f"a release of {each.key} was rolled back: {state.message}", steer)
        elif state is not None and state.phase != STABLE and each.spec.rollout.paused:
            yield Want(f"the rollout of {each.key} is paused", steer)


def few(texts: Sequence[str], between: str = "; ") -> str:
    """Return the first texts in a row, and how many more there are."""
    shown = between.join(texts[:SHOWN])
    return f"{shown} and {len(texts) - SHOWN} more" if len(texts) > SHOWN else shown


def _names(names: Sequence[str]) -> str:
    return few(sorted(names), ", ")
