"""Packing GPU pods: ours against FGD by the FGD paper's protocol, on the arrivals of its published runs.

    python -m benches.gpu                                     # all traces of the data directory, all seeds
    python -m benches.gpu --data DIR --traces default,cpu250 --seeds 2
    python -m benches.gpu --nodes FILE --pods FILE --order FILE [--ceiling PERCENT --published PERCENT]

The figure is the share of all GPU that is allocated when as much was asked for as there is. Nobody may win by refusing:
whoever turns a pod away that has a feasible node ends the bench. Pods placed and cpu allocated stand beside it. FGD is
run on the same arrivals and knows the trace's mix beforehand; ours starts knowing nothing. `published.csv` beside the
pods has the published figures, over ten seeds, and the ceiling of a linear program on GPU alone.

Where a trace has times, its pods also come and go by these, on clusters too small for the busiest moment
(`benches/openb/churn.py`; `--no-churn` leaves it out): the figure there is how much of the GPU asked for was served.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benches.openb.churn import LOADS, come_and_go
from benches.openb.fgd import Fgd
from benches.openb.traces import Outcome, Policy, arrive, read_nodes, read_order, read_pods, read_times
from benches.report import Result, compared, report, result
from kubewright.devices.columns import GpuColumns
from kubewright.devices.packing import GpuPacking
from kubewright.devices.workload import GpuRequest

GOAL_OF_CEILING = 97.0
GOAL_MEAN_GAIN = 0.5
UNIT = "% of GPU"


@dataclass(frozen=True, slots=True)
class Trace:
    name: str
    nodes: Path
    pods: Path
    order: Path
    published: float | None = None
    ceiling: float | None = None


class Ours:
    """The product's policy; of equally good nodes the first."""

    def __init__(self, nodes: GpuColumns) -> None:
        self.packing = GpuPacking(nodes)

    def observe(self, request: GpuRequest) -> None:
        """Learn of an arrival."""
        self.packing.observe(request)

    def choose(self, request: GpuRequest) -> tuple[int, tuple[int, ...]] | None:
        """Return the cheapest node and its GPUs."""
        costs = self.packing.costs(request)
        column = int(np.argmin(costs))
        return (column, self.packing.gpus(request, column)) if np.isfinite(costs[column]) else None


def run(trace: Trace, seed: int, policy: str) -> Outcome:
    pods, nodes = read_pods(trace.pods), read_nodes(trace.nodes)
    return arrive(nodes, pods, read_order(trace.order)[seed], lambda at: make(policy, at, pods))


def run_churn(trace: Trace, policy: str, load: float) -> float:
    pods, nodes, times = read_pods(trace.pods), read_nodes(trace.nodes), read_times(trace.pods)
    assert times is not None
    return come_and_go(nodes, pods, times, load, lambda at: make(policy, at, pods))


def make(policy: str, nodes: GpuColumns, pods: Sequence[GpuRequest]) -> Policy:
    return Ours(nodes) if policy == "ours" else Fgd(nodes, pods)


def judge(trace: Trace, seeds: int, pool: ProcessPoolExecutor, churn: bool) -> Iterator[Result]:
    """Run both on every seed and say how they did."""
    count = min(seeds, len(read_order(trace.order)))
    ours = list(pool.map(run, [trace] * count, range(count), ["ours"] * count))
    theirs = list(pool.map(run, [trace] * count, range(count), ["fgd"] * count))
    for seed, (mine, peer) in enumerate(zip(ours, theirs, strict=True)):
        print(
            f"  {trace.name} seed {seed}: {mine.allocated:.2f} % of GPU, {mine.pods:,} of {mine.arrived:,} pods, "
            f"{mine.cpu:.1f} % of cpu; FGD {peer.allocated:.2f} %, {peer.pods:,}, {peer.cpu:.1f} %",
            flush=True,
        )
    allocated = [each.allocated for each in ours]
    mean = statistics.fmean(allocated)
    yield compared(f"{trace.name}, FGD here", UNIT, allocated, [each.allocated for each in theirs], "FGD", goal=1.0)
    yield result(f"{trace.name}, mean", UNIT, [mean], goal=trace.published, note="FGD as published")
    if trace.ceiling is not None:
        yield result(f"{trace.name}, of the ceiling", "%", [100 * mean / trace.ceiling], goal=GOAL_OF_CEILING)
    yield compared(
        f"{trace.name}, pods placed", "pods", [each.pods for each in ours], [each.pods for each in theirs], "FGD"
    )
    if churn and read_times(trace.pods) is not None:
        loads = len(LOADS)
        mine = list(pool.map(run_churn, [trace] * loads, ["ours"] * loads, LOADS))
        peer = list(pool.map(run_churn, [trace] * loads, ["fgd"] * loads, LOADS))
        yield compared(f"{trace.name}, with departures", "% of the GPU asked for", mine, peer, "FGD", goal=1.0)


def find_data() -> Path:
    """Return the directory of the traces beside the repository, wherever above it that is."""
    places = [parent / "shared/data/openb" for parent in Path(__file__).resolve().parents]
    return next((place for place in places if place.is_dir()), places[1])


def listed(data: Path, wanted: Sequence[str]) -> list[Trace]:
    """Return the traces of a data directory, with what was published of them."""
    known = published(data)
    traces: list[Trace] = []
    for pods in sorted(data.glob("openb_pod_list_*.csv")):
        name = name_of(pods)
        order = data / "arrival_order" / f"{name}.rows.txt.gz"
        if order.exists() and (not wanted or name in wanted):
            nodes = data / "openb_node_list_gpu_node.csv"
            traces.append(Trace(name, nodes, pods, order, *known.get(name, (None, None))))
    return traces


def name_of(pods: Path) -> str:
    return pods.stem.removeprefix("openb_pod_list_")


def published(data: Path) -> dict[str, tuple[float, float]]:
    """Return FGD's published figure and the ceiling of each trace, as far as the directory has them."""
    if not (data / "published.csv").exists():
        return {}
    with (data / "published.csv").open() as file:
        return {row["trace"]: (float(row["fgd"]), float(row["lp_ceiling"])) for row in csv.DictReader(file)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=find_data(), help="directory of traces")
    parser.add_argument("--traces", default="", help="names, by commas; all of them otherwise")
    parser.add_argument("--nodes", type=Path)
    parser.add_argument("--pods", type=Path)
    parser.add_argument("--order", type=Path)
    parser.add_argument("--published", type=float, help="FGD's figure, to be above")
    parser.add_argument("--ceiling", type=float)
    parser.add_argument("--seeds", type=int, default=10, help="at most so many of each order")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--no-churn", action="store_true")
    options = parser.parse_args()
    if options.pods:
        if not (options.nodes and options.order):
            parser.error("--pods goes with --nodes and --order")
        name = name_of(options.pods)
        known = published(options.pods.parent).get(name, (None, None))
        figures = options.published or known[0], options.ceiling or known[1]
        traces = [Trace(name, options.nodes, options.pods, options.order, *figures)]
    else:
        traces = listed(options.data, [name for name in options.traces.split(",") if name])
    if not traces:
        print(f"skipped: no traces in {options.data}; docs/benchmarks.md says where they are from", file=sys.stderr)
        report("gpu", [])
        return
    results: list[Result] = []
    with ProcessPoolExecutor(options.processes) as pool:
        for trace in traces:
            results += judge(trace, options.seeds, pool, not options.no_churn)
    gains = [each.ours - each.goal for each in results if each.case.endswith(", mean") and each.goal is not None]
    if len(gains) > 1:
        results.append(
            result("mean gain over FGD as published", "points", [statistics.fmean(gains)], goal=GOAL_MEAN_GAIN)
        )
    report("gpu", results)


if __name__ == "__main__":
    main()
