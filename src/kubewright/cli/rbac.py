"""`kubewright rbac`: the platform's own account and rights as YAML."""

from __future__ import annotations

import click
import yaml

from kubewright.workloads.rights import manifests


class _Plain(yaml.SafeDumper):
    """Repeats what is the same instead of referring to it."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  PyYAML's signature
        """Never refer."""
        return True


@click.command()
@click.option("-n", "--namespace", default="default", show_default=True, help="Where the account and the lease are.")
def rbac(namespace: str) -> None:
    """Print the ServiceAccount that `up` needs and its roles: `kubewright rbac | kubectl apply -f -`.

    They hold the verbs that the platform uses, and nothing besides.
    """
    click.echo(yaml.dump_all(manifests(namespace), Dumper=_Plain, sort_keys=False), nl=False)
