"""The one list of rules: what every cluster gets, and what its applications and teams add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubewright.api.crds.appservice import AppService
from kubewright.monitoring.alerts.burning import burning
from kubewright.monitoring.alerts.control import API_SERVER, GENERAL, KUBEWRIGHT, SCHEDULING
from kubewright.monitoring.alerts.costs import COSTS
from kubewright.monitoring.alerts.gpus import GPUS
from kubewright.monitoring.alerts.nodes import NEIGHBOURS, NODES
from kubewright.monitoring.alerts.objectives import budgets
from kubewright.monitoring.alerts.recorded import RECORDED
from kubewright.monitoring.alerts.resources import RESOURCES
from kubewright.monitoring.alerts.scaling import SCALING
from kubewright.monitoring.alerts.workloads import PODS, WORKLOADS
from kubewright.monitoring.rules import PLATFORM, Group, Recording

_WHOSE = "namespace:team:info"

STANDARD = (
    RECORDED,
    PODS,
    WORKLOADS,
    RESOURCES,
    NODES,
    NEIGHBOURS,
    GPUS,
    API_SERVER,
    SCALING,
    SCHEDULING,
    KUBEWRIGHT,
    COSTS,
    GENERAL,
)


def groups(apps: Iterable[AppService] = (), teams: Mapping[str, str] | None = None) -> list[Group]:
    """Return every group; `teams` says whose namespaces are, by namespace."""
    found = [*STANDARD, *_of_teams(teams or {})]
    for app in sorted(apps, key=lambda each: each.key):
        mine = list(budgets(app))
        if mine:
            found.append(burning(f"kubewright-slo-{app.metadata.namespace}-{app.metadata.name}", *mine))
    return found


def _of_teams(teams: Mapping[str, str]) -> list[Group]:
    """Record whose each namespace is, so that queries can sum by team; those of nobody are the platform's."""
    owned = [
        Recording(_WHOSE, "vector(1)", {"namespace": namespace, "team": team})
        for namespace, team in sorted(teams.items())
    ]
    others = f'{{namespace!~"{"|".join(sorted(teams))}"}}' if teams else ""
    rest = f"group by (namespace) (kube_namespace_status_phase{others})"
    return [Group("kubewright-teams", [*owned, Recording(_WHOSE, rest, {"team": PLATFORM})])]
