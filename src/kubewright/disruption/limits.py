"""Whether somebody may take something out of service now. Pure; `permits` asks, and writes down what was granted.

    decision, ledger = judge(request, ledger, world)

All limits in force hold together: what is out of service already counts, whoever took it out, and what permits are
about counts as if it were out. A request that takes out nothing more (a dead node's repair) is not held up by how much
is out, but by `stopBelow`: when too few are well it is a person's turn. Whoever is more urgent and was refused is
first to have what becomes free. PodDisruptionBudgets are heeded for pods that are well; the server has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubewright.api.crds.disruptionledger import LedgerStatus, Permit, Spent
from kubewright.api.crds.disruptionlimit import DisruptionLimit, DisruptionLimitSpec, Window, problems
from kubewright.api.meta import seconds_of
from kubewright.api.windows import end_of, is_open, next_opening
from kubewright.disruption.budget import Allowance
from kubewright.disruption.builtin import in_force
from kubewright.disruption.counting import Standing, amount, concerns, standings
from kubewright.disruption.ledger import (
    HOUR_SECONDS,
    MOST_PERMITS,
    MOST_PODS_IN_ALL,
    MOST_SPENT,
    find,
    granted,
    is_noted,
    minute_of,
    pods_of,
    with_waiting,
)
from kubewright.disruption.requests import (
    MOST_NODES,
    MOST_PODS,
    Decision,
    Granted,
    PodRef,
    Refused,
    Request,
    urgency_of,
)
from kubewright.disruption.world import World, is_well

AGAIN_SECONDS = 15.0
"""When to ask again for what becomes free by what others do."""
_MINUTE = 60.0
_FAR = 86_400.0
_LEAST_SICK = 3
"""As the node controller has it: where fewer are down, a zone is too small to speak of shares."""


@dataclass(frozen=True, slots=True)
class _No:
    why: str
    again_at: float
    where: tuple[str, str, str] | None = None
    """The limit, sort and group for whose room it waits."""


def judge(request: Request, ledger: LedgerStatus, world: World) -> tuple[Decision, LedgerStatus]:
    """Decide, and return the ledger as it is to be written: the very same object if there is nothing to write.

    The ledger must be `settled`.
    """
    known = already(request, ledger, world.now)
    if known is not None:
        return known, ledger
    held, until = find(ledger, request.id), world.now + request.seconds
    if held is not None and _has_all(held, request):
        return Granted(request.id, until, fresh=False), granted(ledger, request, world, ())
    problem = _unusable(request, ledger, world) or _pdb(request, held, world)
    if problem is not None:
        return Refused(request.id, "", problem.why, problem.again_at), ledger
    spent: list[Spent] = []
    for limit in in_force(world.limits):
        if not concerns(limit.spec, request):
            continue
        no = _against(limit, request, ledger, world, spent)
        if no is None:
            continue
        if no.where is not None and not is_noted(ledger, request, world.now, no.where):
            ledger = with_waiting(ledger, request, world.now, no.where)
        return Refused(request.id, limit.metadata.name, no.why, no.again_at), ledger
    return Granted(request.id, until), granted(ledger, request, world, spent)


def already(request: Request, ledger: LedgerStatus, now: float) -> Granted | None:
    """Return the answer if all of it is held for long enough, so that there is nothing to write."""
    held = find(ledger, request.id)
    if held is None or seconds_of(held.until) <= now + request.seconds / 2 or not _has_all(held, request):
        return None
    return Granted(request.id, seconds_of(held.until), fresh=False)


def _has_all(held: Permit, request: Request) -> bool:
    """Tell whether the request's permit is about all that it asks for."""
    return (
        set(request.nodes) <= set(held.nodes)
        and set(request.pods) <= pods_of(held)
        and all(held.gpus.get(name, 0) >= count for name, count in request.gpus.items())
    )


def _unusable(request: Request, ledger: LedgerStatus, world: World) -> _No | None:
    soon = world.now + AGAIN_SECONDS
    if len(request.nodes) + len(request.gpus) > MOST_NODES or len(request.pods) > MOST_PODS:
        return _No(f"at most {MOST_NODES} nodes and {MOST_PODS} pods can be asked for at once", world.now + _FAR)
    unknown = sorted({*request.nodes, *request.gpus} - set(world.nodes))
    if unknown:
        return _No(f"there is no node {unknown[0]}", soon)
    others = [each for each in ledger.permits if each.id != request.id]
    pods = sum(len(each.pods) for each in others)
    if len(others) >= MOST_PERMITS or pods + len(request.pods) > MOST_PODS_IN_ALL or len(ledger.spent) >= MOST_SPENT:
        return _No(f"the ledger is full: {len(others)} permits about {pods} pods stand", soon)
    return None


def _pdb(request: Request, held: Permit | None, world: World) -> _No | None:
    """Return whether disruption budgets of the pods themselves are against it."""
    if not request.by_eviction:
        return None
    had = pods_of(held or Permit())
    found = [world.pod_at(each.key) for each in request.pods if each not in had]
    pods = [each for each in found if each is not None and is_well(each) and PodRef.of(each) in request.pods]
    if not pods:
        return None
    allowance = Allowance(world.budgets, len(pods))
    for pod in pods:
        if not allowance.lets(pod):
            return _No(f"pod {pod.key} may not go by its PodDisruptionBudget", world.now + AGAIN_SECONDS)
    return None


def _against(
    limit: DisruptionLimit, request: Request, ledger: LedgerStatus, world: World, spent: list[Spent]
) -> _No | None:
    """Return why a limit forbids a request; what it would spend of a limit by the hour is added to `spent`."""
    wrong = problems(limit)
    if wrong:
        return _No(f"the limit itself is wrong, so nothing is done: {wrong[0]}", world.now + _MINUTE)
    found = list(standings(limit.spec, request, ledger, world))
    if not found:
        return None
    held_back = request.urgency <= urgency_of(limit.spec.holds_back) and find(ledger, request.id) is None
    no = _by_time(limit.spec, world.now) if held_back else None
    if no is not None:
        return no
    for each in found:
        no = _by_number(limit.metadata.name, each, request, ledger, world.now)
        if no is not None:
            return no
        if each.bound.max_per_hour is not None and each.asks:
            spent.append(Spent(limit.metadata.name, each.sort, each.group, minute_of(world.now), each.asks))
    return None


def _by_time(spec: DisruptionLimitSpec, now: float) -> _No | None:
    if spec.paused:
        return _No(f"paused: {spec.paused}", now + _MINUTE)
    for each in spec.freezes:
        if _is_open(each, now):
            return _No("frozen at this time", end_of(each.schedule, each.duration_minutes, each.time_zone, now))
    if spec.windows and not any(_is_open(each, now) for each in spec.windows):
        opens = [at for each in spec.windows if (at := next_opening(each.schedule, each.time_zone, now)) is not None]
        return _No("only within its windows", min(opens, default=now + _FAR))
    return None


def _is_open(window: Window, now: float) -> bool:
    return is_open(window.schedule, window.duration_minutes, window.time_zone, now)


def _by_number(limit: str, each: Standing, request: Request, ledger: LedgerStatus, now: float) -> _No | None:
    bound, where, soon = each.bound, (limit, each.sort, each.group), now + AGAIN_SECONDS
    of = f" of {each.group}" if each.group else ""
    well = each.total - each.unwell
    no = _stopped(each, of, soon)
    if no is not None:
        return no
    if each.adds:
        first = _first_in_line(each, request, ledger, limit)
        if first:
            return _No(f"{first} is more urgent and waits for room among the {each.sort}{of}", soon)
    if bound.max_unavailable and each.adds and each.out + each.adds > amount(bound.max_unavailable, each.total):
        most = amount(bound.max_unavailable, each.total)
        return _No(f"{each.out} of {each.total} {each.sort}{of} are out of service, at most {most} may be", soon, where)
    if bound.min_healthy and each.adds and well - each.adds < amount(bound.min_healthy, each.total):
        least = amount(bound.min_healthy, each.total)
        return _No(f"{well} of {each.total} {each.sort}{of} are well, {least} must be left", soon, where)
    return _by_hour(bound.max_per_hour, each, ledger, where, now)


def _stopped(each: Standing, of: str, soon: float) -> _No | None:
    """Return whether so much is down by itself that it calls for a person; two may always be."""
    if not each.bound.stop_below or each.sick < _LEAST_SICK:
        return None
    well, least = each.total - each.sick, amount(each.bound.stop_below, each.total)
    if well >= least:
        return None
    return _No(f"only {well} of {each.total} {each.sort}{of} are well, fewer than {least}: a person must see", soon)


def _by_hour(
    most: int | None, each: Standing, ledger: LedgerStatus, where: tuple[str, str, str], now: float
) -> _No | None:
    if most is None or not each.asks:
        return None
    spent = sorted(_spent(ledger.spent, where), key=lambda one: one[0])
    count = sum(number for _, number in spent)
    if count + each.asks <= most:
        return None
    again, left = now + HOUR_SECONDS, count
    for minute, number in spent:
        left -= number
        if left + each.asks <= most:
            again = minute + _MINUTE + HOUR_SECONDS
            break
    return _No(f"{count} {each.sort} within the last hour, at most {most} may be", again, where)


def _spent(spent: Iterable[Spent], where: tuple[str, str, str]) -> Iterator[tuple[float, int]]:
    for each in spent:
        if (each.limit, each.sort, each.group) == where:
            yield seconds_of(each.minute), each.count


def _first_in_line(each: Standing, request: Request, ledger: LedgerStatus, limit: str) -> str:
    """Return who more urgent waits for the same room."""
    for waiting in ledger.waiting:
        same = (waiting.limit, waiting.sort, waiting.group) == (limit, each.sort, each.group)
        if same and waiting.id != request.id and urgency_of(waiting.urgency) > request.urgency:
            return waiting.id
    return ""
