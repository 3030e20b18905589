"""`kubewright backtest`: what policies for replicas would have cost on recorded load."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from kubewright.cli.bars import bars, narrowed
from kubewright.cli.columns import Table, columns
from kubewright.cli.extras import need
from kubewright.cli.options import FOR_PEOPLE, output_option
from kubewright.cli.printing import show_table
from kubewright.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kubewright.scaling.backtest import Tried, Window
    from kubewright.scaling.queueing import Outcome

COLUMNS = 72


@click.command()
@click.option(
    "--series", "path", required=True, type=click.File(), help="CSV: a header, then time and count; - for stdin."
)
@click.option("--from", "start", type=click.DateTime(), help="Judge from this time (UTC); the first by default.")
@click.option("--to", "end", type=click.DateTime(), help="Judge up to this time (UTC); the last by default.")
@click.option(
    "--startup", default=60.0, show_default=True, type=click.FloatRange(0, 7200), help="Seconds until a pod is ready."
)
@click.option(
    "--rate-per-pod",
    required=True,
    type=click.FloatRange(0, 1e6, min_open=True),
    help="Requests a second that a pod serves at most.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=click.FloatRange(0, 100, min_open=True),
    default=(50.0, 60.0, 70.0, 80.0),
    show_default=True,
    help="Per cent of that at which a HorizontalPodAutoscaler aims; repeatable.",
)
@click.option("--least", default=2, show_default=True, type=click.IntRange(0), help="Fewest replicas.")
@click.option("--most", default=10_000, show_default=True, type=click.IntRange(1), help="Most replicas.")
@click.option(
    "--allowed", default=0.01, show_default=True, type=click.FloatRange(0, 100), help="Per cent of time in violation."
)
@click.option("--seed", default=0, show_default=True, help="Of the requests' arrival within a row's time.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Draw it into a PNG (needs [plots])."
)
@output_option()
def backtest(
    *,
    path: TextIO,
    start: datetime | None,
    end: datetime | None,
    startup: float,
    rate_per_pod: float,
    targets: tuple[float, ...],
    least: int,
    most: int,
    allowed: float,
    seed: int,
    plot: Path | None,
    output: str,
) -> None:
    """Replay a forecast's policy and HorizontalPodAutoscalers on recorded load, and choose.

    Pods serve a fluid queue. In violation is a time in which requests wait over a second, or in which more than 95 %
    of what the ready pods can serve arrives. What counts is the pair of that and replica-hours: policies that no other
    one dominates are marked. The chosen one is the cheapest whose violation is allowed. The forecast learns from the
    two weeks before, as far as the series has them.
    """
    from numpy.random import PCG64, Generator

    from kubewright.scaling.backtest import Window, choose, replay
    from kubewright.scaling.queueing import STEP_SECONDS, Conditions
    from kubewright.scaling.recorded import SeriesError, read_series

    if least > most:
        raise click.UsageError(f"--least {least} is more than --most {most}")
    if plot is not None:
        _check_plots(plot)
    try:
        recorded = read_series(path)
        first = 0 if start is None else recorded.step_at(_seconds(start))
        last = len(recorded.means) if end is None else recorded.step_at(_seconds(end))
        window = Window(recorded.arrivals(Generator(PCG64(seed))), first, last)
    except (SeriesError, ValueError) as error:
        raise click.ClickException(f"{path.name}: {error}") from error
    conditions = Conditions(startup, rate_per_pod, least=least, most=most)
    tried = replay(window, conditions, [target / 100 for target in targets])
    allowed_minutes = allowed / 100 * window.minutes
    chosen = choose(tried, allowed_minutes)
    _show(output, tried, chosen, allowed_minutes)
    if output in FOR_PEOPLE:
        _show_course(tried, window.judged)
    if plot is not None:
        start_seconds = recorded.start + first * STEP_SECONDS
        _draw(plot, tried, chosen, window=window, start=start_seconds, rate_per_pod=rate_per_pod)


def _seconds(time: datetime) -> float:
    return time.replace(tzinfo=UTC).timestamp()


def _show(output: str, tried: Sequence[Tried], chosen: Tried, allowed_minutes: float) -> None:
    from kubewright.scaling.backtest import pareto_front

    front = pareto_front(tried)
    policies = [
        {"policy": each.name, "paretoFront": each in front, "chosen": each is chosen, **_shown(each.outcome)}
        for each in tried
    ]
    head = ("POLICY", "VIOLATION (MIN)", "LATE REQUESTS", "REPLICA-HOURS", "SCALE EVENTS", "FRONT")
    rows = [(each.name, *map(str, _shown(each.outcome).values()), "*" if each in front else "") for each in tried]
    least = f"\nchosen: {chosen.name}, the least violation; none has at most {allowed_minutes:.1f} minutes"
    cheap = f"\nchosen: {chosen.name}, the cheapest with at most {allowed_minutes:.1f} minutes of violation"
    note = cheap if chosen.outcome.violation_minutes <= allowed_minutes else least
    table = Table(head, rows, names=[each.name for each in tried], amounts=True, notes=[note])
    show_table(output, table, lambda: {"allowedViolationMinutes": round(allowed_minutes, 2), "policies": policies})


def _show_course(tried: Sequence[Tried], arrivals: NDArray[np.float64]) -> None:
    """Draw the load, and beside it how many replicas each policy had ready, to one scale."""
    from kubewright.scaling.queueing import STEP_SECONDS

    most = max(max(each.outcome.ready) for each in tried)
    rows = [("load", bars(narrowed(arrivals.tolist(), COLUMNS)), f"{max(arrivals) / STEP_SECONDS:.0f}/s at most")]
    for each in tried:
        ready = [float(count) for count in each.outcome.ready]
        rows.append((each.name, bars(narrowed(ready, COLUMNS), most), f"{max(each.outcome.ready)} ready at most"))
    say()
    for line in columns(rows):
        say(line)


def _check_plots(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise click.UsageError(f"--plot {path}: a PNG is written, so the name ends in .png")
    need("--plot", "matplotlib", "plots")


def _draw(
    path: Path, tried: Sequence[Tried], chosen: Tried, *, window: Window, start: float, rate_per_pod: float
) -> None:
    from kubewright.cli.plots import Backtest, write_plot

    try:
        write_plot(path, Backtest(tried, chosen, window.judged, start, rate_per_pod))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from error


def _shown(outcome: Outcome) -> dict[str, float]:
    return {
        "violationMinutes": round(outcome.violation_minutes, 2),
        "lateRequests": round(outcome.late_requests),
        "replicaHours": round(outcome.replica_hours, 1),
        "scaleEvents": outcome.scale_events,
    }
