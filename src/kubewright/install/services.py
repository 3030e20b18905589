"""Every service that can run by itself: its account, its rights, and what its process is given.

A service that is added to `app.py` is added here; `kubewright rbac` and `kubewright install` know it then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.audit import rights as audit
from kubewright.autoscaler import rights as autoscaler
from kubewright.dashboard import rights as dashboard
from kubewright.gpu import rights as gpu
from kubewright.guardrails import rights as guardrails
from kubewright.healing import rights as healing
from kubewright.monitoring import rights as monitoring
from kubewright.nodepools import rights as nodes
from kubewright.rehearsal import rights as rehearsal
from kubewright.scheduler import rights as scheduler
from kubewright.sizing import rights as sizing
from kubewright.spending import rights as costs
from kubewright.tenancy import rights as tenancy
from kubewright.workloads import rights as workloads


@dataclass(frozen=True, slots=True)
class Part:
    """A service as it is installed."""

    account: str
    cluster_rules: Callable[[], list[Manifest]]
    prometheus: bool = False
    """Whether it goes by measurements of a store that speaks PromQL."""
    options: tuple[str, ...] = ()
    """What it is called with besides."""
    pages: int = 0
    """The port at which people find it; 0 for none."""
    memory_request: str = "128Mi"
    memory_limit: str = "512Mi"
    """At least twice what it held for 500 nodes and 25,000 pods, where it keeps these."""


def _workloads() -> list[Manifest]:
    return workloads.cluster_rules() + rehearsal.cluster_rules()


ALL = "all"
"""The name of the one Deployment that runs every service but those with pages."""
PAGES = 8089
PARTS: Mapping[str, Part] = {
    "workloads": Part(workloads.ACCOUNT, _workloads, prometheus=True),
    "scheduler": Part(scheduler.ACCOUNT, scheduler.cluster_rules, memory_request="512Mi", memory_limit="2Gi"),
    "autoscaler": Part(autoscaler.ACCOUNT, autoscaler.cluster_rules, prometheus=True),
    "sizing": Part(sizing.ACCOUNT, sizing.cluster_rules, prometheus=True),
    "healing": Part(
        healing.ACCOUNT, healing.cluster_rules, prometheus=True, memory_request="512Mi", memory_limit="2Gi"
    ),
    "tenancy": Part(tenancy.ACCOUNT, tenancy.cluster_rules, prometheus=True),
    "monitoring": Part(monitoring.ACCOUNT, monitoring.cluster_rules, memory_request="256Mi", memory_limit="1Gi"),
    "gpu": Part(gpu.ACCOUNT, gpu.cluster_rules, memory_request="256Mi", memory_limit="1Gi"),
    "guardrails": Part(guardrails.ACCOUNT, guardrails.cluster_rules),
    "nodes": Part(nodes.ACCOUNT, nodes.cluster_rules, memory_request="512Mi", memory_limit="2Gi"),
    "audit": Part(audit.ACCOUNT, audit.cluster_rules),
    "dashboard": Part(
        dashboard.ACCOUNT,
        dashboard.cluster_rules,
        prometheus=True,
        options=("--pages", f"0.0.0.0:{PAGES}"),
        pages=PAGES,
        memory_request="256Mi",
        memory_limit="1Gi",
    ),
    "costs": Part(costs.ACCOUNT, costs.cluster_rules, prometheus=True, memory_request="256Mi", memory_limit="1Gi"),
}


def together(names: Iterable[str]) -> list[Manifest]:
    """Return the rights of several services as one account has them; what two of them need is said once."""
    rules: list[Manifest] = []
    for name in names:
        rules += (rule for rule in PARTS[name].cluster_rules() if rule not in rules)
    return rules
