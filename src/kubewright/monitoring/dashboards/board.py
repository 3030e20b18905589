"""Dashboards as data: what is asked, how it is shown, what can be chosen, and where one goes from there.

The other modules here say what dashboards there are, `grafana` writes them as Grafana reads them. Everything that is
asked is narrowed to one cluster: a store of many, such as Thanos, tells them apart by the label `cluster`; where no
series has it the variable is empty, and `cluster=""` is what has no such label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Shape: TypeAlias = Literal["lines", "stack", "number", "ranking", "table"]
_OTHERS = ("=~", "!~", "!=")
WIDTH = 24
"""Columns of a dashboard."""


def of(metric: str, **matchers: str) -> str:
    """Return a selector of the chosen cluster's series; a value may begin with an operator other than `=`."""
    chosen = [_matcher(label, value) for label, value in {"cluster": "$cluster", **matchers}.items()]
    return f"{metric}{{{','.join(chosen)}}}"


def rate(metric: str, **matchers: str) -> str:
    """Return how fast a counter of the chosen cluster grows, a second."""
    return f"rate({of(metric, **matchers)}[$__rate_interval])"


def _matcher(label: str, value: str) -> str:
    operator = value[:2] if value.startswith(_OTHERS) else ""
    return f'{label}{operator or "="}"{value[len(operator) :]}"'


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what its series are called (`{{node}}` is a label)."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """From which value on something deserves a look, and from which it is bad; where `bad` is less, less is worse."""

    look: float
    bad: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One question to the cluster and its answer."""

    title: str
    queries: Sequence[Query]
    unit: str = "short"
    """Grafana's name of it: `percentunit`, `bytes`, `Bps`, `s`, `reqps`, `cores`..."""
    shape: Shape = "lines"
    width: int = 12
    about: str = ""
    """What it means, where the title does not say it."""
    limits: Limits | None = None
    highest: float | None = None
    page: str = ""
    """The runbook page for when this looks bad."""
    leads_to: str = ""
    """The name of the board that a series' labels lead to."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Variable:
    """Something that can be chosen: values of a label of what a selector finds."""

    name: str
    label: str
    query: str
    """Of Grafana's: `label_values(SELECTOR, LABEL)` or `query_result(EXPR)`."""
    regex: str = ""
    everything: bool = False
    """Whether all can be chosen at once, which is the default then."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that whoever looks may type in."""

    name: str
    label: str
    default: float


@dataclass(frozen=True, slots=True)
class Marks:
    """Moments that are marked in every panel: when an expression has a value."""

    name: str
    expr: str
    text: str
    color: str


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard."""

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    choices: Sequence[Variable | Amount] = ()
    marks: Sequence[Marks] = field(default=())

    @property
    def uid(self) -> str:
        """Return what its address ends with, the same in each Grafana."""
        return f"kubewright-{self.name}"

    @property
    def panels(self) -> Iterator[Panel]:
        """Yield every panel."""
        return (panel for row in self.rows for panel in row.panels)


def number(title: str, expr: str, unit: str = "short", *, limits: Limits | None = None, page: str = "") -> Panel:
    """Return a panel of one value, six of which are a row."""
    return Panel(title, [Query(expr)], unit, "number", width=4, limits=limits, page=page)


def parts(title: str, expr: str, legend: str, limits: Limits, *, page: str = "") -> Panel:
    """Return a panel of how much of something whole is taken, three of which are a row."""
    return Panel(title, [Query(expr, legend)], "percentunit", width=8, limits=limits, highest=1, page=page)


def firing(**matchers: str) -> Marks:
    """Return the moments at which alerts fire."""
    chosen = of("ALERTS", alertstate="firing", severity="=~critical|warning", **matchers)
    return Marks("Alerts", chosen, "{{alertname}} {{severity}}", "red")


def rollouts(**matchers: str) -> Marks:
    """Return the moments at which a deployment was given something new to run, and not just more or less of it."""
    changed = f"changes({of('kube_deployment_metadata_generation', **matchers)}[2m]) > 0"
    scaled = f"changes({of('kube_deployment_spec_replicas', **matchers)}[2m]) > 0"
    return Marks("Rollouts", f"{changed} unless on (namespace, deployment) {scaled}", "rollout {{deployment}}", "blue")


def scalings(**matchers: str) -> Marks:
    """Return the moments at which a deployment was given more or fewer pods."""
    scaled = f"changes({of('kube_deployment_spec_replicas', **matchers)}[2m]) > 0"
    return Marks("Scalings", scaled, "scaled {{deployment}}", "purple")


DATA_SOURCE = "datasource"
CLUSTER = Variable("cluster", "Cluster", "label_values(kube_node_info, cluster)")
NAMESPACE = Variable("namespace", "Namespace", f"label_values({of('kube_namespace_status_phase')}, namespace)")
TEAM = Variable("team", "Team", f"label_values({of('namespace:team:info')}, team)", everything=True)
OF_TEAM = Variable(
    "namespace", "Namespace", f"label_values({of('namespace:team:info', team='=~$team')}, namespace)", everything=True
)
NODE = Variable("node", "Node", f"label_values({of('kube_node_info')}, node)")
