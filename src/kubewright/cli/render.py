"""`kubewright render`: the children of AppServices as manifests, for Argo CD, Flux or kubectl to apply."""

from __future__ import annotations

import json
from typing import Literal

import click

from kubewright.api.meta import Manifest
from kubewright.cli.options import MANIFESTS, namespace_option, output_option
from kubewright.cli.terminal import say

Format = Literal["yaml", "json"]


@click.command()
@click.option("-f", "--filename", "paths", multiple=True, required=True, help="A file, a folder, or - ; repeatable.")
@namespace_option("Of AppServices that name none.", default="default")
@output_option(MANIFESTS)
def render(paths: tuple[str, ...], namespace: str, output: Format) -> None:
    """Print what AppServices become: the same objects as the platform makes, in the order in which it makes them.

    No cluster is asked. What an API server would refuse is refused in its words; documents of other kinds pass
    unchanged.
    """
    from kubewright.cli.documents import admitted, is_app_service, read
    from kubewright.clock import run_virtual
    from kubewright.workloads.children import wanted

    documents = read(paths)
    apps = run_virtual(admitted([each for each in documents if is_app_service(each)], namespace))
    manifests = [each for each in documents if not is_app_service(each)]
    manifests += [child.manifest for app in apps for child in wanted(app)]
    say(written(manifests, output), nl=False)


def written(manifests: list[Manifest], output: Format) -> str:
    """Return manifests as one text: YAML documents, or a List in JSON."""
    from kubewright.cli.yamlform import dump_all

    if output == "yaml":
        return dump_all(manifests)
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}, indent=2) + "\n"
