"""How fast a release burns its error budget, held against its objective and against the old release. Pure.

A burn rate of 1 uses up the budget by the end of the SLO's window. A release fails when it burns at several times that
over a long and a short window, surely (by the lower end of a confidence interval, so that three requests condemn
nobody), and worse than the pods beside it: what both suffer from is not the release's doing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubewright.api.crds.appservice.rollout import AppServiceSlo
from kubewright.series.protocol import Missing
from kubewright.series.windows import quantile, share_within
from kubewright.workloads.rollout.readings import Served
from kubewright.workloads.rollout.ruling import FINE, Ruling, failed, hold, worst

FAILING_BURN = 3.0
WORSE_BY = 1.5
"""So many times the share of bad requests of the old pods is worse."""
NO_SLO_ERRORS = 0.01
"""The budget of an application that promises nothing."""
SLOWER_BY, NO_SLO_SLOW, LEAST_SECONDS = 2.0, 0.05, 0.05
"""Without an objective for latency: no more than this share of requests slower than so many times the old p99."""
LEAST_BAD = 5.0
"""Fewer bad requests than that are an accident, however few there are in all."""
_Z = 2.576
"""99 %: it is asked again and again."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What share of requests may be bad, and which are."""

    name: str
    budget: float
    bad: Callable[[Served], float | Missing]
    """The share of bad requests, 0 to 1."""


def objectives(slo: AppServiceSlo | None, old: Served) -> list[Objective]:
    """Return what a release is held to: its SLO, and where it has none what its users are used to."""
    availability = slo.availability if slo else None
    errors = NO_SLO_ERRORS if availability is None else 1.0 - availability / 100.0
    found = [Objective("errors", errors, lambda each: each.error_ratio)]
    if slo is not None and slo.latency is not None:
        bound = slo.latency.milliseconds / 1000.0
        found.append(_slower("latency", 1.0 - slo.latency.percent / 100.0, bound))
    elif not isinstance(old.latency, Missing):
        bound = max(LEAST_SECONDS, SLOWER_BY * quantile(old.latency, 0.99))
        found.append(_slower("latency", NO_SLO_SLOW, bound))
    return found


def burn_ruling(
    slo: AppServiceSlo | None, new: Sequence[Served], old: Sequence[Served], baseline: Sequence[float] = ()
) -> Ruling:
    """Rule by what the new pods served beside the old ones: a reading for each window, the longest first.

    `baseline` is what the old ones had while they were there.
    """
    known = (*baseline, None, None)
    return worst(_judge(each, new, old, known[at]) for at, each in enumerate(objectives(slo, old[0])))


def baseline_of(slo: AppServiceSlo | None, old: Served) -> tuple[float, ...]:
    """Return the share of bad requests of the old pods, by objective; nothing if it was not measured."""
    found: list[float] = []
    for each in objectives(slo, old):
        share = each.bad(old)
        if isinstance(share, Missing):
            break
        found.append(share)
    return tuple(round(share, 6) for share in found)


def burn_rate(slo: AppServiceSlo | None, new: Served, old: Served) -> float | Missing:
    """Return how many times the sustainable rate the worse of the objectives' budgets is used at."""
    rates: list[float] = []
    for objective in objectives(slo, old):
        share = objective.bad(new)
        if isinstance(share, Missing):
            return share
        rates.append(share / objective.budget)
    return max(rates)


def _judge(objective: Objective, new: Sequence[Served], old: Sequence[Served], baseline: float | None) -> Ruling:
    surely: list[float] = []
    for mine, theirs in zip(new, old, strict=True):
        share, count = objective.bad(mine), mine.count
        if isinstance(share, Missing) or isinstance(count, Missing):
            return FINE  # nothing was served: that is another's to rule
        present = objective.bad(theirs)
        reference = baseline if isinstance(present, Missing) else present
        least = lower_bound(share, count)
        worse = reference is None or least > WORSE_BY * reference
        surely.append(least / objective.budget if worse and share * count >= LEAST_BAD else 0.0)
    burn, share = min(surely), objective.bad(new[-1])
    words = f"{share:.1%} of its requests are bad by {objective.name}, {objective.budget:.2%} may be"
    if burn >= FAILING_BURN:
        return failed("BudgetBurns", words)
    return hold("BudgetBurns", words) if burn > 1.0 else FINE


def _slower(name: str, budget: float, bound: float) -> Objective:
    def slow(each: Served) -> float | Missing:
        return each.latency if isinstance(each.latency, Missing) else 1.0 - share_within(each.latency, bound)

    return Objective(f"{name} over {bound * 1000:.0f} ms", budget, slow)


def lower_bound(share: float, count: float) -> float:
    """Return the lower end of Wilson's interval for a share that was seen among `count` requests."""
    if count <= 0:
        return 0.0
    z2 = _Z * _Z / count
    middle = share + z2 / 2
    width = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count))
    return max(0.0, (middle - width) / (1 + z2))
