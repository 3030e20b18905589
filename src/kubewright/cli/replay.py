"""`kubewright replay`: a working day of a cluster, lived through twice, and what two configurations make of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.extras import need
from kubewright.cli.options import TOLD, output_option
from kubewright.cli.printing import show
from kubewright.cli.terminal import say
from kubewright.cli.writing import write_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubewright.client.config import ConnectionConfig
    from kubewright.replay.generate import Size
    from kubewright.replay.recorded import Recorded

SIZES = {"small": (20, 4_000, 4), "medium": (100, 20_000, 10), "full": (500, 100_000, 50)}
"""Nodes, requests to place a pod, teams."""
MOST_SEEDS = 100


def _seeds(_context: click.Context, _parameter: click.Parameter, text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or len(part) > 20:  # noqa: PLR2004
            raise click.BadParameter(f"{text!r}: numbers and ranges, as 1,2 or 1-3")
        found += range(int(first), min(int(last or first), int(first) + MOST_SEEDS) + 1)
    if not 1 <= len(set(found)) <= MOST_SEEDS:
        raise click.BadParameter(f"1 to {MOST_SEEDS} seeds")
    return list(dict.fromkeys(found))


@click.command()
@click.option(
    "--size",
    type=click.Choice(list(SIZES)),
    default="small",
    show_default=True,
    help="20, 100 or 500 nodes, and so on.",
)
@click.option("--nodes", type=click.IntRange(2, 5_000), help="Instead of the size's.")
@click.option(
    "--requests", type=click.IntRange(100, 1_000_000), help="Pods to be placed, about; instead of the size's."
)
@click.option("--teams", type=click.IntRange(1, 500), help="Instead of the size's.")
@click.option("--hours", type=click.FloatRange(1, 24), default=24, show_default=True, help="Of the day, from midnight.")
@click.option("--seeds", default="1", show_default=True, callback=_seeds, help="Days to be drawn: 1, or 1-3, or 1,5.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    help="Twice: what is compared, such as `ours,sizes=no` and `ours`. By default `ours` and `stock`.",
)
@click.option(
    "--trace-nodes", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Nodes in openb's CSV format."
)
@click.option(
    "--trace-pods",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its pods, instead of drawn ones.",
)
@click.option(
    "--from-cluster",
    is_flag=True,
    help="Start from the nodes, workloads and jobs of the cluster that is connected to, at what they use now.",
)
@click.option(
    "--on-cluster",
    metavar="NAMESPACE",
    default="",
    help="Live through the days in the pods of an Indexed Job there, one for each seed; --jobs of them at a time.",
)
@click.option("--image", default="", help="What these pods run; this release's image by default.")
@click.option("--index", type=click.IntRange(0, MOST_SEEDS - 1), hidden=True, help="The place of the seed, in a pod.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes at a time; a core each by default.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the first seed's report as one HTML file with charts (needs [plots]); other seeds' beside it.",
)
@output_option(TOLD)
@cluster_options
def replay(
    *,
    size: str,
    nodes: int | None,
    requests: int | None,
    teams: int | None,
    hours: float,
    seeds: list[int],
    policies: tuple[str, ...],
    trace_nodes: Path | None,
    trace_pods: Path | None,
    from_cluster: bool,
    on_cluster: str,
    image: str,
    index: int | None,
    jobs: int | None,
    report: Path | None,
    output: str,
    kubeconfig: str,
    context: str,
) -> None:
    """Live through a day of a whole cluster as kubewright runs it, and as stock Kubernetes does.

    The day has services whose load follows the hours, CI, batch, training gangs, inference, releases of which some are
    bad, and faults; or it is one of a trace, or of the cluster that there is. Every pod is placed, scaled and moved by
    what the services decide by, and every kind of fault is lived through by the services themselves, on a twin. The
    same seed gives the same report.

    A policy is `ours` or `stock` with changes: profile=spread|pack|cost|gpu, scaling=forecast|hpa:N, and yes or no for
    sizes, nodes (given back), gangs, shares (of GPUs), queues, healing, delivery. docs/replay.md tells what each does.
    """
    from kubewright.cli.progress import counting
    from kubewright.cli.replaytext import lines
    from kubewright.replay.configuration import OURS, STOCK, read_configuration
    from kubewright.replay.play import Asked
    from kubewright.replay.play import replay as live
    from kubewright.replay.sweep import printed

    _check(policies, (trace_nodes, trace_pods), from_cluster=from_cluster, drawn=any((nodes, requests, teams)))
    if on_cluster and (from_cluster or trace_nodes is not None):
        raise click.UsageError("--on-cluster is for drawn days: pods have neither files nor an account")
    if index is not None:
        seeds = seeds[index : index + 1]
    if report is not None:
        _check_report(report)
    first, second = map(read_configuration, policies) if policies else (OURS, STOCK)
    recorded = asyncio.run(_recorded(connection(kubeconfig, context))) if from_cluster else None
    asked = Asked(_size(size, nodes, requests, teams, hours), first, second, trace_nodes, trace_pods, recorded)
    if trace_nodes is not None:
        asked.day(0)  # what is wrong with it is said before anything begins
    if on_cluster:
        told = _told(asked.size, policies)
        with counting("seeds lived through", len(seeds)) as done:
            config = connection(kubeconfig, context)
            documents = asyncio.run(_swept(config, on_cluster, told, seeds, image, jobs or len(seeds), done))
    else:
        with counting("days lived through", 2 * len(seeds)) as done:
            documents = live(asked, seeds, jobs or os.cpu_count() or 1, done)
    if index is not None:
        say(printed(documents[0]))
        return
    show(output, lambda: {"replays": documents}, lambda: (line for each in documents for line in lines(each)))
    if report is not None:
        _write(report, documents)


def _check(
    policies: tuple[str, ...], traces: tuple[Path | None, Path | None], *, from_cluster: bool, drawn: bool
) -> None:
    if len(policies) not in {0, 2}:
        raise click.UsageError("--policy is given twice, or not at all")
    if (traces[0] is None) != (traces[1] is None):
        raise click.UsageError("--trace-nodes and --trace-pods belong together")
    if from_cluster and (drawn or traces[0] is not None):
        raise click.UsageError("--from-cluster says what there is: no trace, and no --nodes, --requests or --teams")


def _told(size: Size, policies: tuple[str, ...]) -> list[str]:
    """Return the arguments that say the same to another process."""
    sized = [f"--nodes={size.nodes}", f"--requests={size.requests}", f"--teams={size.teams}", f"--hours={size.hours:g}"]
    return [*sized, *(f"--policy={each}" for each in policies)]


async def _swept(  # noqa: PLR0917  as the options say it
    config: ConnectionConfig,
    namespace: str,
    told: list[str],
    seeds: list[int],
    image: str,
    at_once: int,
    done: Callable[[int], None],
) -> list[dict[str, object]]:
    from kubewright.install.settings import Settings
    from kubewright.replay.sweep import job, sweep

    async with connected(config) as client:
        made = job(told, seeds, image=image or Settings().image, at_once=at_once)
        return await sweep(client, namespace, made, done)


async def _recorded(config: ConnectionConfig) -> Recorded:
    """Read a cluster; what could not be read is told on standard error. Raises OpError."""
    from kubewright.clock import Clock
    from kubewright.replay.reading import read
    from kubewright.replay.recorded import recorded

    async with connected(config) as client:
        found, unread = await read(client)
    for each in unread:
        say(f"not read, so taken for empty: {each}", err=True)
    return recorded(found, Clock.wall().now())


def _size(size: str, nodes: int | None, requests: int | None, teams: int | None, hours: float) -> Size:
    from kubewright.replay.generate import Size

    usual = SIZES[size]
    return Size(nodes or usual[0], requests or usual[1], teams or usual[2], hours)


def _check_report(path: Path) -> None:
    if path.suffix.lower() not in {".html", ".htm"}:
        raise click.UsageError(f"--report {path}: HTML is written, so the name ends in .html")
    need("--report", "matplotlib", "plots")


def _write(path: Path, documents: list[dict[str, object]]) -> None:
    from kubewright.cli.replaypage import page

    for each in documents:
        place = path if len(documents) == 1 else path.with_stem(f"{path.stem}-{each['seed']}")
        write_file(place, page(each))
        say(f"written: {place}", err=True)
