"""`kubewright argocd`: how Argo CD judges and acts on AppServices, as its ConfigMap."""

from __future__ import annotations

import click

from kubewright.cli.options import namespace_option
from kubewright.cli.terminal import say
from kubewright.cli.yamlform import dump
from kubewright.workloads.argocd import config_map


@click.command()
@namespace_option("Where Argo CD is.", default="argocd")
def argocd(namespace: str) -> None:
    """Print Argo CD's health check and actions: `kubewright argocd | kubectl apply --server-side -f -`."""
    say(dump(config_map(namespace)), nl=False)
