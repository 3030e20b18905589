"""Rules as data: what is recorded, what is alerted on, and how Prometheus reads both.

The modules of `alerts` say what rules there are; `shipped` gathers them. An alert without a runbook page in
`docs/runbooks`, or one that names a metric which nothing exposes, fails the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kubewright.api.meta import Manifest

Severity: TypeAlias = Literal["critical", "warning", "info", "none"]
PLATFORM = "platform"
"""Whose an alert is that no other team's namespace is the matter of."""
_MINUTE = 60
_UNITS = (("d", 86_400), ("h", 3_600), ("m", _MINUTE), ("s", 1))


@dataclass(frozen=True, slots=True)
class Recording:
    """An expression whose result is kept as series of its own, named `level:metric:operation`."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition, after how many minutes it alerts, and what is said then."""

    name: str
    expr: str
    summary: str
    description: str
    minutes: float = 0
    severity: Severity = "warning"
    team: str = PLATFORM
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    page: str = ""
    """The runbook page; the alert's name by default."""

    @property
    def runbook(self) -> str:
        """Return the name of its page."""
        return self.page or self.name


Rule: TypeAlias = Recording | Alert


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, at one moment."""

    name: str
    rules: Sequence[Rule]


@dataclass(frozen=True, slots=True)
class Wording:
    """What differs between places: where runbooks are, and how patient alerts are."""

    runbooks: str = "docs/runbooks"
    """Address of the folder of runbook pages."""
    patience: float = 1.0
    """Alerts wait so many times as long as they should: less than 1 to rehearse them, more where they are too eager."""


def rule_file(groups: Sequence[Group], wording: Wording | None = None) -> Manifest:
    """Return the content of a rule file, which is also the spec of a PrometheusRule."""
    said = wording or Wording()
    return {"groups": [{"name": each.name, "rules": [_rule(rule, said) for rule in each.rules]} for each in groups]}


def _rule(rule: Rule, wording: Wording) -> Manifest:
    match rule:
        case Recording(record, expr, labels):
            return {"record": record, "expr": expr, **({"labels": dict(labels)} if labels else {})}
        case Alert():
            seconds = rule.minutes * _MINUTE * wording.patience
            return {
                "alert": rule.name,
                "expr": rule.expr,
                **({"for": span(seconds)} if seconds > 0 else {}),
                "labels": {"severity": rule.severity, "team": rule.team, **rule.labels},
                "annotations": {
                    "summary": rule.summary,
                    "description": rule.description,
                    "runbook_url": f"{wording.runbooks.rstrip('/')}/{rule.runbook}.md",
                },
            }


def span(seconds: float) -> str:
    """Write a duration as people do: in the largest unit that it is whole in."""
    if seconds != int(seconds):
        return f"{max(1, round(seconds * 1000))}ms"
    whole = int(seconds)
    return (
        next(f"{whole // size}{unit}" for unit, size in _UNITS if whole >= size and whole % size == 0)
        if whole
        else "0s"
    )
