"""`kubewright rbac`: the platform's own account and rights as YAML."""

from __future__ import annotations

import click

from kubewright.cli.yamlform import dump_all
from kubewright.workloads.rights import manifests


@click.command()
@click.option("-n", "--namespace", default="default", show_default=True, help="Where the account and the lease are.")
def rbac(namespace: str) -> None:
    """Print the ServiceAccount that `up` needs and its roles: `kubewright rbac | kubectl apply -f -`.

    They hold the verbs that the platform uses, and nothing besides.
    """
    click.echo(dump_all(manifests(namespace)), nl=False)
