"""`kubewright rbac`: a service's own account and rights as YAML."""

from __future__ import annotations

import click

from kubewright.api.rights import account
from kubewright.audit import rights as audit
from kubewright.autoscaler import rights as autoscaler
from kubewright.cli.terminal import say
from kubewright.cli.yamlform import dump_all
from kubewright.dashboard import rights as dashboard
from kubewright.gpu import rights as gpu
from kubewright.guardrails import rights as guardrails
from kubewright.healing import rights as healing
from kubewright.monitoring import installrights as monitoring_install
from kubewright.monitoring import rights as monitoring
from kubewright.nodepools import rights as nodes
from kubewright.rehearsal import rights as rehearsal
from kubewright.runtime.diagnostics.gatekeeper import DELEGATOR
from kubewright.scheduler import rights as scheduler
from kubewright.sizing import rights as sizing
from kubewright.spending import rights as costs
from kubewright.tenancy import rights as tenancy
from kubewright.workloads import rights as workloads

_SERVICES = {
    "up": workloads,
    "workloads": workloads,
    "autoscaler": autoscaler,
    "scheduler": scheduler,
    "gpu": gpu,
    "healing": healing,
    "guardrails": guardrails,
    "monitoring": monitoring,
    "monitoring-install": monitoring_install,
    "nodes": nodes,
    "sizing": sizing,
    "tenancy": tenancy,
    "costs": costs,
    "audit": audit,
    "dashboard": dashboard,
}


@click.command()
@click.option("-n", "--namespace", default="default", show_default=True, help="Where the account and the lease are.")
@click.option("--service", type=click.Choice([*_SERVICES]), default="up", show_default=True, help="Whose.")
@click.option("--debug", is_flag=True, help="With the right to ask the cluster who may see /debug.")
def rbac(*, namespace: str, service: str, debug: bool) -> None:
    """Print the ServiceAccount that a service needs and its roles: `kubewright rbac | kubectl apply -f -`.

    They hold the verbs that it uses, and nothing besides.
    """
    rights = _SERVICES[service]
    rules = rights.cluster_rules() + (rehearsal.cluster_rules() if rights is workloads else [])
    rules += autoscaler.cluster_rules() if service == "up" else []
    say(dump_all(account(rights.ACCOUNT, namespace, rules, cluster_roles=(DELEGATOR,) if debug else ())), nl=False)
