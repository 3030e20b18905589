"""`kubewright rbac`: a service's own account and rights as YAML."""

from __future__ import annotations

import click

from kubewright.api.meta import Manifest
from kubewright.api.rights import account
from kubewright.cli.options import namespace_option
from kubewright.cli.service import service_names
from kubewright.cli.terminal import say
from kubewright.cli.yamlform import dump_all
from kubewright.install.services import PARTS, together
from kubewright.monitoring import installrights as monitoring_install
from kubewright.runtime.diagnostics.gatekeeper import DELEGATOR

_UP = "up"
_TOOLS = {"monitoring-install": monitoring_install}
"""Commands that somebody's account runs now and then."""
ACCOUNTS = (_UP, *PARTS, *_TOOLS)
"""Whose rights can be printed."""


@click.command()
@namespace_option("Where the account and the lease are.", default="default")
@click.option("--service", type=click.Choice(ACCOUNTS), default=_UP, show_default=True, help="Whose.")
@click.option("--services", default="", help="Of `up --services` with the same, in place of --service.")
@click.option("--debug", is_flag=True, help="With the right to ask the cluster who may see /debug.")
def rbac(*, namespace: str, service: str, services: str, debug: bool) -> None:
    """Print the ServiceAccount that a service needs and its roles: `kubewright rbac | kubectl apply -f -`.

    They hold the verbs that it uses, and nothing besides.
    """
    if services and service != _UP:
        raise click.UsageError("--service and --services are two ways to say whose")
    name, rules = _rights(service, service_names(services, in_one=True))
    say(dump_all(account(name, namespace, rules, cluster_roles=(DELEGATOR,) if debug else ())), nl=False)


def _rights(service: str, several: tuple[str, ...]) -> tuple[str, list[Manifest]]:
    if service in _TOOLS:
        rights = _TOOLS[service]
        return rights.ACCOUNT, rights.cluster_rules()
    if service == _UP:
        from kubewright.app import UP

        return PARTS["workloads"].account, together(several or UP)
    return PARTS[service].account, PARTS[service].cluster_rules()
