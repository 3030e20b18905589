"""`kubewright guardrails`: what PlatformPolicies become, and what they, and teams' rails, would say of a workload."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.exits import Exit
from kubewright.cli.options import MANIFESTS, TOLD, namespace_option, output_option
from kubewright.cli.printing import show
from kubewright.cli.terminal import say

if TYPE_CHECKING:
    from kubewright.api.meta import Manifest
    from kubewright.client.config import ConnectionConfig

_PATHS = click.option("-f", "--filename", "paths", multiple=True, required=True, help="A file, a folder, or - .")


@click.group()
def guardrails() -> None:
    """Rails that the API server itself holds: ValidatingAdmissionPolicies, without a webhook."""


@guardrails.command()
@_PATHS
@output_option(MANIFESTS)
def render(paths: tuple[str, ...], output: Literal["yaml", "json"]) -> None:
    """Print the admission policies of PlatformPolicies, for GitOps; no cluster is asked.

    They hold wherever they are applied, also where kubewright does not run.
    """
    from kubewright.cli.render import written

    say(written(_of_files(paths), output), nl=False)


@guardrails.command()
@_PATHS
@click.option("-p", "--policy", "policies", multiple=True, help="A file of PlatformPolicies, instead of a cluster's.")
@namespace_option("Of objects that name none.", default="default")
@click.option("--team", default="", help="Whose the namespaces are, where a cluster does not say so.")
@output_option(TOLD)
@cluster_options
def check(
    *,
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    namespace: str,
    team: str,
    output: str,
    kubeconfig: str,
    context: str,
) -> None:
    """Say what guard rails would refuse of the objects in files, and of the pods that these would make.

    The rails are those of a cluster, which is only read, or of --policy. An API server in this process answers, as the
    cluster's would. The exit code is 3 if anything is refused.
    """
    from kubewright.cli.documents import read
    from kubewright.cli.railing import Trial
    from kubewright.clock import run_virtual

    documents = read(paths)
    rails, labels = _of_files(policies), dict[str, dict[str, str]]()
    if not policies:
        rails, labels = asyncio.run(_of_cluster(connection(kubeconfig, context)))
    trial = Trial(rails, labels, namespace, team)
    findings = run_virtual(trial.findings(documents))
    refused = sum(each.refused for each in findings)
    sums = f"{refused} refused, {len(findings) - refused} warnings" if findings else "all pass"
    told = [{"object": each.what, "verdict": each.verdict, "why": each.said} for each in findings]
    show(output, lambda: {"findings": told}, lambda: [*(each.line for each in findings), sums])
    if refused:
        raise SystemExit(Exit.UNWELL)


async def _of_cluster(config: ConnectionConfig) -> tuple[list[Manifest], dict[str, dict[str, str]]]:
    from kubewright.cli.railing import rails_of_cluster

    async with connected(config) as client:
        return await rails_of_cluster(client)


def _of_files(paths: tuple[str, ...]) -> list[Manifest]:
    """Return what the PlatformPolicies of files become."""
    from kubewright.cli.documents import admitted_policies, read
    from kubewright.clock import run_virtual
    from kubewright.guardrails.decide import scope_of
    from kubewright.guardrails.render import render

    found = run_virtual(admitted_policies(read(paths)))
    return [each for policy in found for each in render(policy.spec.rails, scope_of(policy))]
