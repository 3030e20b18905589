"""Alerts by how fast an error budget is used up: over a long window, so that it matters, and a short one, to end.

The four pairs of windows are those of the SRE Workbook (chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"): 2 % of the
budget within an hour, 5 % within six, 10 % within a day and within three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from kubewright.monitoring.rules import PLATFORM, Alert, Group, Recording, Rule, Severity, span

_HOURS_A_DAY = 24.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Alert when so much of a budget is used within the long window, while it still is in the short one."""

    share: float
    long_hours: float
    short_hours: float
    severity: Severity
    minutes: float


PAIRS = (
    Pair(0.02, 1, 1 / 12, "critical", 2),
    Pair(0.05, 6, 0.5, "critical", 15),
    Pair(0.10, 24, 2, "warning", 60),
    Pair(0.10, 72, 6, "warning", 180),
)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may go wrong, and how much of it does within a window."""

    record: str
    """`level:metric`: what the ratios of each window are recorded under."""
    alert: str
    ratio: Callable[[str], str]
    """PromQL of the share of bad events (0 to 1) over a window."""
    budget: float
    """The share of events that may be bad."""
    summary: str
    described: str
    """What the share is of, and the promise: follows a percentage."""
    window_days: float = 30
    team: str = PLATFORM
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tell this budget's series from others of the same record."""


def burning(name: str, *budgets: Budget) -> Group:
    """Return the recordings and alerts of budgets."""
    return Group(name, [rule for each in budgets for rule in _rules(each)])


def _rules(budget: Budget) -> Iterator[Rule]:
    pairs = [pair for pair in PAIRS if burn(budget, pair) * budget.budget < 1]
    for hours in sorted({hours for pair in pairs for hours in (pair.short_hours, pair.long_hours)}):
        window = span(hours * 3600)
        yield Recording(_record(budget, hours), budget.ratio(window), budget.labels)
    for pair in pairs:
        yield _alert(budget, pair)


def burn(budget: Budget, pair: Pair) -> float:
    """Return at how many times the rate that would just use up the budget a pair alerts.

    Beyond `1 / budget` it never could, were every event bad.
    """
    return pair.share * budget.window_days * _HOURS_A_DAY / pair.long_hours


def _record(budget: Budget, hours: float) -> str:
    return f"{budget.record}:ratio_rate{span(hours * 3600)}"


def _alert(budget: Budget, pair: Pair) -> Alert:
    threshold = burn(budget, pair) * budget.budget
    chosen = ",".join(f'{name}="{value}"' for name, value in budget.labels.items())
    within = f"{{{chosen}}}" if chosen else ""
    above = [f"{_record(budget, hours)}{within} > {threshold:.6g}" for hours in (pair.long_hours, pair.short_hours)]
    window = span(pair.long_hours * 3600)
    return Alert(
        budget.alert,
        " and ".join(above),
        budget.summary,
        f"{{{{ $value | humanizePercentage }}}} of {window}'s {budget.described}. At this rate "
        f"{budget.window_days:g} days' budget lasts {span(round(pair.long_hours / pair.share) * 3600)}.",
        minutes=pair.minutes,
        severity=pair.severity,
        team=budget.team,
        labels={"window": window, **budget.labels},
    )
