"""`kubewright size`: what workloads should request, how sure that is, and what it would save. It changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from kubewright.cli.columns import Table
from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.options import all_namespaces_option, namespace_option, output_option, selector_option
from kubewright.cli.printing import show_table
from kubewright.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubewright.api.core import Pod
    from kubewright.api.crds.containersize import ContainerSize
    from kubewright.api.workload import Workload
    from kubewright.client.config import ConnectionConfig
    from kubewright.client.protocol import Client
    from kubewright.series.protocol import MetricSource
    from kubewright.sizing.gpus import GpuAdvice, Gpus
    from kubewright.sizing.report import Report

_HEADER = ("WORKLOAD", "CONTAINER", "RESOURCE", "REQUESTED", "TARGET", "BOUNDS", "DAYS", "WHY NOT")


@click.command()
@namespace_option("All namespaces by default.")
@all_namespaces_option("As without -n.")
@selector_option("Of pods with these labels, as kubectl's: app=web,tier!=db.")
@output_option()
@click.option("--prometheus", required=True, help="URL of a store that speaks PromQL, with the history of eight days.")
@cluster_options
def size(
    *,
    namespace: str,
    all_namespaces: bool,
    selector: str,
    output: str,
    prometheus: str,
    kubeconfig: str,
    context: str,
) -> None:
    """Show what each workload's containers should request of cpu, memory and GPUs, and what its pods would save.

    By the rules of SizePolicies, whether a workload has one or not. The bounds come closer the more days of
    measurements there are. Of a GPU it is the share, or the MIG profile, that would have sufficed.
    """
    if all_namespaces and namespace:
        raise click.UsageError("-n and -A do not go together")
    found = asyncio.run(_reports(connection(kubeconfig, context), prometheus, namespace, selector))
    rows = [row for each in found for row in (*_rows(each), *_gpu_rows(each))]
    notes = [note for each in found for note in (_saving(each), *_upcoming(each))]
    table = Table(_HEADER, rows, names=[_name(each) for each in found], notes=notes)
    show_table(output, table, lambda: [_document(each) for each in found])


def _saving(report: Report) -> str:
    if not report.advice:
        return f"{_name(report)}: it would save {report.saves_gpus:g} GPUs"
    gpus = f", and {report.saves_gpus:g} GPUs" if report.saves_gpus else ""
    amounts = f"{report.saves_cpu} cores and {report.saves_memory} of memory"
    return f"{_name(report)}: {report.pods} pods would save {amounts}{gpus}"


def _upcoming(report: Report) -> list[str]:
    """Say which sizes wait for the next release."""
    sizes = ", ".join(str(each) for each in report.upcoming)
    return [f"{_name(report)}: the next release has {sizes}"] if sizes else []


async def _reports(config: ConnectionConfig, prometheus: str, namespace: str, selector: str) -> list[Report]:
    from kubewright.cli.measurements import measured_by
    from kubewright.errors import ErrorKind, OpError

    async with connected(config) as client, measured_by(prometheus) as source:
        if source is None:
            raise OpError("size", ErrorKind.INVALID, "--prometheus", "the address of a store is needed")
        return await reports_of(client, source, namespace, selector, gpus=True)


async def reports_of(
    client: Client, source: MetricSource, namespace: str, selector: str = "", *, gpus: bool = False
) -> list[Report]:
    """Read what runs, and what it used in the last days; raises OpError."""
    from kubewright.api.core import PODS
    from kubewright.api.workload import workload_of
    from kubewright.clock import Clock
    from kubewright.sizing.book import Book
    from kubewright.sizing.history import History
    from kubewright.sizing.observing import Observer
    from kubewright.sizing.report import reports

    pods = {pod.key: pod for pod in (await client.list(PODS, namespace=namespace, label_selector=selector)).items}
    clock, book = Clock.wall(), Book(pods.get)
    for pod in pods.values():
        book.look(pod)
    known = {each for pod in pods.values() if (each := workload_of(pod)) is not None}
    history = History(clock, source, book)
    await history.of_all(known, namespace)
    observer = Observer(clock, source, book, history)
    await observer.ask(namespace)
    if observer.problem:
        say(f"not measured now: {observer.problem}", err=True)
    known_gpus = await _gpus(client, source, pods.values(), namespace) if gpus else None
    found = reports(pods.values(), book, clock.now(), known_gpus)
    offered = await _offered(client, namespace)
    return [replace(each, upcoming=offered.get(each.workload, ())) for each in found]


async def _offered(client: Client, namespace: str) -> dict[Workload, tuple[ContainerSize, ...]]:
    """Read what SizePolicies have for the next releases; a cluster without any has nothing."""
    from kubewright.api.crds.sizepolicy import SIZE_POLICIES
    from kubewright.api.workload import Workload
    from kubewright.errors import ErrorKind, OpError

    try:
        policies = (await client.list(SIZE_POLICIES, namespace=namespace)).items
    except OpError as error:
        if error.kind in {ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN}:
            return {}
        raise
    targets = [
        (Workload(each.metadata.namespace, each.spec.target.kind, each.spec.target.name), each) for each in policies
    ]
    return {workload: each.status.next for workload, each in targets if each.status.next}


async def _gpus(client: Client, source: MetricSource, pods: Iterable[Pod], namespace: str) -> Gpus:
    """Read what is known of GPUs, if any pod has one; who may not read nodes gets no advice on them."""
    from kubewright.api.core import NODES
    from kubewright.clock import Clock
    from kubewright.errors import ErrorKind, OpError
    from kubewright.sizing.gpus import Gpus
    from kubewright.sizing.observing import gpu_use

    if not any(Gpus().advise(pods)):
        return Gpus()
    try:
        nodes = {node.metadata.name: node for node in (await client.list(NODES)).items}
    except OpError as error:
        if error.kind is not ErrorKind.FORBIDDEN:
            raise
        say(f"no advice on GPUs: {error}", err=True)
        return Gpus()
    return Gpus(nodes, *await gpu_use(source, Clock.wall().now(), namespace))


def _name(report: Report) -> str:
    return f"{report.workload.namespace}/{report.workload.kind.lower()}/{report.workload.name}"


def _rows(report: Report) -> list[tuple[str, ...]]:
    return [
        (
            _name(report),
            each.container,
            each.resource,
            each.requested or "-",
            each.target or "-",
            f"{each.lower}..{each.upper}" if each.target else "-",
            each.days or "-",
            each.why,
        )
        for each in report.advice
    ]


def _gpu_rows(report: Report) -> list[tuple[str, ...]]:
    return [
        (
            _name(report),
            each.container,
            each.resource,
            each.requested,
            _share(each),
            f"{each.busy_percent}% {each.used_memory} used" if each.days else "-",
            each.days or "-",
            each.why,
        )
        for each in report.gpus
    ]


def _share(advice: GpuAdvice) -> str:
    if not advice.share_percent:
        return "-"
    return f"{advice.share_percent}% {advice.share_memory}" + (f" or {advice.profile}" if advice.profile else "")


def _document(report: Report) -> dict[str, object]:
    advice = [{name: getattr(each, name) for name in each.__struct_fields__} for each in report.advice]
    head = dict(zip(("namespace", "kind", "name"), report.workload, strict=True))
    return {
        **head,
        "pods": report.pods,
        "savesCpu": report.saves_cpu,
        "savesMemory": report.saves_memory,
        "advice": advice,
        "nextRelease": [{name: getattr(each, name) for name in each.__struct_fields__} for each in report.upcoming],
        "savesGpus": report.saves_gpus,
        "gpus": [_gpu_document(each) for each in report.gpus],
    }


def _gpu_document(advice: GpuAdvice) -> dict[str, object]:
    return {
        "container": advice.container,
        "resource": advice.resource,
        "requested": advice.requested,
        "pods": advice.pods,
        "model": advice.model,
        "busyPercent": advice.busy_percent,
        "usedMemory": advice.used_memory,
        "days": advice.days,
        "share": {"percent": advice.share_percent, "memory": advice.share_memory} if advice.share_percent else None,
        "mig": advice.profile or None,
        "savesGpus": advice.saves_milli / 1000,
        "why": advice.why,
    }
