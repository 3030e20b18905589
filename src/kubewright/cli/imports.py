"""`kubewright import`: ScalePolicies from what scales a cluster today. No cluster is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kubewright.cli.options import MANIFESTS, output_option
from kubewright.cli.terminal import say

if TYPE_CHECKING:
    from kubewright.api.meta import Manifest
    from kubewright.autoscaler.imports.imported import Imported
    from kubewright.cli.render import Format


@click.command("import")
@click.option("-f", "--filename", "paths", multiple=True, required=True, help="A file, a folder, or - ; repeatable.")
@output_option(MANIFESTS)
@click.option("--adopt", is_flag=True, help="Let policies take the place of HorizontalPodAutoscalers.")
@click.option("--strict", is_flag=True, help="Exit code 1 where anything is not the same.")
def import_(paths: tuple[str, ...], output: Format, *, adopt: bool, strict: bool) -> int:
    """Print ScalePolicies that do what KEDA's ScaledObjects and HorizontalPodAutoscalers do.

    kubectl get scaledobjects,hpa -A -o yaml | kubewright import -f -

    What is not the same is told on standard error, field by field; what cannot be said at all is no policy, and the
    exit code is 1.
    """
    from kubewright.cli.documents import read
    from kubewright.cli.render import written

    found = [each for document in read(paths) if (each := _imported(document, adopt=adopt)) is not None]
    for each in found:
        for note in each.notes:
            say(f"{each.source}: {note}", err=True)
        if each.policy is None:
            say(f"{each.source}: no policy is made of it", err=True)
    if policies := [each.policy for each in found if each.policy is not None]:
        say(written(policies, output), nl=False)
    if not found:
        say("neither a ScaledObject nor a HorizontalPodAutoscaler of autoscaling/v2 was there", err=True)
    failed = not found or any(each.policy is None or (strict and each.notes) for each in found)
    return 1 if failed else 0


def _imported(document: Manifest, *, adopt: bool) -> Imported | None:
    from kubewright.api.autoscaling import AUTOSCALERS
    from kubewright.autoscaler.imports import keda
    from kubewright.autoscaler.imports.hpa import from_autoscaler

    version, kind = str(document.get("apiVersion", "")), document["kind"]
    if kind == keda.KIND and version.startswith(f"{keda.GROUP}/"):
        return keda.from_scaled_object(document)
    if kind == AUTOSCALERS.kind and version == AUTOSCALERS.api_version:
        return from_autoscaler(document, adopt=adopt)
    return None
