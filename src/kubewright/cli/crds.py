"""`kubewright crds`: the CustomResourceDefinitions as YAML."""

from __future__ import annotations

import click
import yaml

from kubewright.api.crds import all_crds


@click.command()
def crds() -> None:
    """Print the CustomResourceDefinitions: `kubewright crds | kubectl apply --server-side -f -`."""
    click.echo(yaml.safe_dump_all(all_crds(), sort_keys=False), nl=False)
