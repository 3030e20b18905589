"""What a Team's status says of a turn, and whether that is worth a write. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from kubewright.api.conditions import READY, RECONCILING, STALLED, Condition, remove_condition, set_condition
from kubewright.api.crds.team import (
    WITHIN_BUDGET,
    WITHIN_QUOTA,
    BreakGlassStatus,
    BudgetStatus,
    Offboarding,
    TeamStatus,
)
from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity
from kubewright.tenancy import breakglass
from kubewright.tenancy.converge import Seen
from kubewright.tenancy.family import Place, Problem
from kubewright.tenancy.names import QUOTA

_BOARD = "/d/kubewright-namespaces?var-team="


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell."""

    place: Place
    problems: tuple[Problem, ...]
    seen: Seen
    now: float
    budget: BudgetStatus | None = None
    namespaces: tuple[str, ...] | None = None
    """Those that it has; None: those that it had."""
    retired: tuple[str, ...] | None = None
    going: tuple[str, ...] = ()
    offboarding: Offboarding | None = None


def status_of(told: Told) -> Manifest | None:
    """Return the status to write; None while it is that already."""
    team, before = told.place.team, told.place.team.status
    glass = tuple(BreakGlassStatus(each.user, each.until, each.reason) for each in breakglass.active(team, told.now))
    status = TeamStatus(
        namespaces=before.namespaces if told.namespaces is None else told.namespaces,
        retired=before.retired if told.retired is None else told.retired,
        path=told.place.path,
        members=len(team.spec.members),
        dashboard=f"{_BOARD}{team.name}",
        on_call=team.spec.alerts.on_call,
        budget=told.budget,
        break_glass=glass,
        offboarding=told.offboarding,
        observed_generation=team.metadata.generation,
        conditions=_conditions(told),
    )
    if status == before:
        return None
    return {name: part for name, part in msgspec.to_builtins(status).items() if part is not None}


def _conditions(told: Told) -> tuple[Condition, ...]:
    team = told.place.team
    budget = _budget(told)
    found = team.status.conditions if budget is not None else remove_condition(team.status.conditions, WITHIN_BUDGET)
    for each in (*_main(told), _quota(told), *([budget] if budget is not None else [])):
        new = msgspec.structs.replace(each, observed_generation=team.metadata.generation)
        found = set_condition(found, new, told.now)
    return found


def _main(told: Told) -> Iterator[Condition]:
    if told.problems:
        reason, message = told.problems[0].reason, "; ".join(each.message for each in told.problems)
        yield Condition(READY, "False", reason, message)
        yield Condition(RECONCILING, "False", reason, "nothing is under way")
        yield Condition(STALLED, "True", reason, message)
    elif told.going:
        message = f"waits until namespace {', '.join(told.going)} is gone"
        yield Condition(READY, "False", "NamespaceTerminating", message)
        yield Condition(RECONCILING, "True", "NamespaceTerminating", message)
        yield Condition(STALLED, "False", "NamespaceTerminating", "it goes on by itself")
    else:
        kept = f"; kept, without members: {', '.join(told.retired)}" if told.retired else ""
        message = f"{len(told.namespaces or ())} namespaces, {len(told.place.team.spec.members)} members{kept}"
        yield Condition(READY, "True", "Established", message)
        yield Condition(RECONCILING, "False", "Established", "nothing is under way")
        yield Condition(STALLED, "False", "Established", "nothing is wrong")


def _quota(told: Told) -> Condition:
    over = "; ".join(_over(told))
    if over:
        return Condition(WITHIN_QUOTA, "False", "UseAboveQuota", f"{over}: nothing is taken, nothing more given")
    return Condition(WITHIN_QUOTA, "True", "WithinQuota", "no namespace uses more than its quota")


def _over(told: Told) -> Iterator[str]:
    """Yield what namespaces use beyond their quotas."""
    for kind, live in told.seen.of(told.place.team.name):
        if kind.kind != "ResourceQuota" or live.metadata.name != QUOTA:
            continue
        used, hard = live.status.get("used", {}), live.spec.get("hard", {})
        for resource in sorted(hard):
            if resource in used and parse_quantity(used[resource]) > parse_quantity(hard[resource]):
                yield f"{live.metadata.namespace}: {used[resource]} {resource} of {hard[resource]}"


def _budget(told: Told) -> Condition | None:
    wanted, found = told.place.team.spec.budget, told.budget
    if wanted is None or found is None:
        return None
    month = f"{wanted.month} {wanted.currency}"
    if found.currency != wanted.currency:
        said = f"prices are in {found.currency}, the budget is in {wanted.currency}"
        return Condition(WITHIN_BUDGET, "Unknown", "OtherCurrency", said)
    if found.used_up_at:
        said = f"the month will come to {found.forecast} of {month}, which is spent on {found.used_up_at}"
        return Condition(WITHIN_BUDGET, "False", "ForecastAboveBudget", said)
    return Condition(WITHIN_BUDGET, "True", "WithinBudget", f"the month will come to {found.forecast} of {month}")
