"""`kubewright crds`: the CustomResourceDefinitions as YAML."""

from __future__ import annotations

import click
import yaml

from kubewright.api.crds import all_crds
from kubewright.api.meta import Manifest
from kubewright.cli.terminal import say


@click.command()
@click.argument("target", metavar="[MODULE:BUILD]", default="")
def crds(target: str) -> None:
    """Print the CustomResourceDefinitions: `kubewright crds | kubectl apply --server-side -f -`.

    They are the platform's, or those that an operator of your own defines.
    """
    definitions = _defined_by(target) if target else all_crds()
    say(yaml.dump_all(definitions, Dumper=_Dumper, sort_keys=False), nl=False)


class _Dumper(yaml.SafeDumper):
    """Writes everything out: what two places of a schema share would else be a reference, which few can read."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  yaml's signature
        return True


def _defined_by(target: str) -> list[Manifest]:
    from kubewright.cli.operate import load_build
    from kubewright.harness.subject import definitions_of

    return definitions_of(target, load_build(target))
