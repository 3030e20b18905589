"""A backtest as a picture: what policies cost, and how the chosen one went with the load.

Needs matplotlib, whose own annotations leave too much open for strict types: its objects are Any here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kubewright.scaling.backtest import Tried, pareto_front
from kubewright.scaling.queueing import STEP_SECONDS

_SIZE_INCHES, _DOTS_AN_INCH = (12.0, 8.0), 100
_POINTS = 2000
_COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink", "tab:olive")


@dataclass(frozen=True, slots=True)
class Backtest:
    """What is drawn: policies on arrivals a step from a time on, in seconds since 1970."""

    tried: Sequence[Tried]
    chosen: Tried
    arrivals: NDArray[np.float64]
    start: float
    rate_per_pod: float


def write_plot(path: Path, found: Backtest) -> None:
    """Write a PNG; raises OSError."""
    figure: Any = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_AN_INCH, layout="constrained")
    above, below = figure.subplots(2, 1)
    _costs(above, found)
    _course(below, found)
    figure.savefig(path)


def _costs(axes: Any, found: Backtest) -> None:
    """Draw minutes of violation over replica-hours, and join those that no other one dominates."""
    front = [each.outcome.pair for each in pareto_front(found.tried)]
    axes.plot([hours for _, hours in front], [minutes for minutes, _ in front], color="silver", zorder=1)
    for each, colour in zip(found.tried, _coloured(found.tried), strict=True):
        minutes, hours = each.outcome.pair
        name = f"{each.name} (chosen)" if each is found.chosen else each.name
        axes.scatter([hours], [minutes], color=colour, s=160 if each is found.chosen else 60, label=name, zorder=2)
    axes.set(xlabel="replica-hours", ylabel="minutes of violation", title="What each policy costs")
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(bottom=-0.2)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()


def _course(axes: Any, found: Backtest) -> None:
    """Draw the load, and what the replicas of the chosen policy could serve."""
    capacity = np.array(found.chosen.outcome.ready, dtype=float) * found.rate_per_pod
    rates = found.arrivals / STEP_SECONDS
    every = -(-len(rates) // _POINTS)
    at = [datetime.fromtimestamp(found.start + step * STEP_SECONDS, UTC) for step in range(0, len(rates), every)]
    axes.fill_between(at, _by(np.max, rates, every), color="silver", label="load: the highest of each part")
    axes.plot(at, _by(np.min, capacity, every), color="tab:blue", label=f"what {found.chosen.name} can serve at least")
    axes.set(ylabel="requests/s", title=f"The load, and {found.chosen.name}", ylim=(0, None))
    axes.grid(visible=True, alpha=0.3)
    axes.legend()


def _by(reduce: Any, values: NDArray[np.float64], every: int) -> list[float]:
    return [float(reduce(values[start : start + every])) for start in range(0, len(values), every)]


def _coloured(tried: Sequence[Tried]) -> list[str]:
    return [_COLOURS[place % len(_COLOURS)] for place in range(len(tried))]
