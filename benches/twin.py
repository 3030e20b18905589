"""The twin's speed and size: writes, watches, lists, forks, memory, and idle virtual time.

What happens in one process is measured by its CPU time (`benches/inprocess.py`): one core, whatever else the machine
does. What the real kube-apiserver with etcd can do as well is measured by the wall clock in turn with it, by the same
load generator in a process of its own. Its cases need the binaries of `make control-plane`; `--without-peer` leaves
them out.

Every case has its limit, and all together have theirs: what did not end within it, or failed, says so in its place.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benches.report import Result, compared, report, result, unmeasured
from benches.traffic import WATCHERS
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.clock import Clock, run_wall
from kubewright.runtime.heap import keep_many_objects
from kubewright.runtime.shutdown import run_until_signalled
from kubewright.twin.kinds import KindTable
from kubewright.twin.serve import serving
from kubewright.twin.server import ApiServer
from tools.cluster import ControlPlane

PEER = "kube-apiserver with etcd"
ALL_SECONDS = 15 * 60
namespaces = (f"bench-{number}" for number in itertools.count(1))


class UnmeasuredError(Exception):
    """A case that did not end in time, or failed; its text says which."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a figure is called, and what it should be."""

    name: str
    unit: str
    goal: float | None = None
    less_is_better: bool = False

    def outcome(self, ours: Sequence[float], peer: Sequence[float] = (), *, failure: str = "") -> list[Result]:
        """Return the figure against its goal, and against the peer's figures where there are any."""
        if not ours or failure:
            found = [unmeasured(self.name, self.unit, goal=self.goal, why=failure)]
        else:
            found = [result(self.name, self.unit, ours, goal=self.goal, less_is_better=self.less_is_better)]
        pairs = min(len(ours), len(peer))
        if pairs:
            pair = ours[:pairs], peer[:pairs]
            found.append(compared(self.name, self.unit, *pair, PEER, less_is_better=self.less_is_better))
        return found


class Runner:
    """Runs programs that print a measure, none longer than its limit, and all within `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def run(self, module: str, *arguments: object, limit: float) -> list[float]:
        """Return what a module of ours prints; raises UnmeasuredError."""
        limit = min(limit, self._ends_at - time.monotonic())
        if limit <= 0:
            raise UnmeasuredError("not begun: no time was left")
        command = [sys.executable, "-m", f"benches.{module}", *map(str, arguments)]
        try:
            done = subprocess.run(command, check=True, capture_output=True, timeout=limit)
        except subprocess.TimeoutExpired:
            raise UnmeasuredError(f"did not end in {limit:.0f} s") from None
        except subprocess.CalledProcessError as error:
            sys.stderr.write(error.stderr.decode(errors="replace"))
            raise UnmeasuredError(f"failed: {_last_line(error.stderr)}") from None
        found = json.loads(done.stdout)
        return found if isinstance(found, list) else [found]


def _last_line(text: bytes) -> str:
    return next((line for line in reversed(text.decode(errors="replace").splitlines()) if line.strip()), "no word")


Measure = Callable[[], list[float]]


def in_turn(runs: int, *measures: Measure) -> tuple[list[list[list[float]]], list[str]]:
    """Run the measures in turn, `runs` times; returns each one's outcomes, and why it has no more of them."""
    outcomes: list[list[list[float]]] = [[] for _ in measures]
    failures = ["" for _ in measures]
    for _ in range(runs):
        for number, measure in enumerate(measures):
            if failures[number]:
                continue
            try:
                outcomes[number].append(measure())
            except UnmeasuredError as error:
                failures[number] = str(error)
    return outcomes, failures


def in_process(runner: Runner, runs: int, count: int) -> list[Result]:
    cases = {
        "creates": [Case("pod creates in process, replicas of one spec", "pods/s", 5_000)],
        "unlike": [Case("pod creates in process, no two specs alike", "pods/s", 5_000)],
        "fan-out": [
            Case(f"watch fan-out to {WATCHERS} in process, with the creates", "events/s", 50_000),
            Case(f"watch fan-out to {WATCHERS} in process, alone", "events/s", 50_000),
        ],
    }
    measures = [lambda what=what: runner.run("inprocess", what, count, limit=60) for what in cases]
    outcomes, failures = in_turn(runs, *measures)
    return [
        found
        for figures, values, failure in zip(cases.values(), outcomes, failures, strict=True)
        for number, case in enumerate(figures)
        for found in case.outcome([each[number] for each in values], failure=failure)
    ]


def whole_clusters(runner: Runner, share: int) -> list[Result]:
    nodes, pods = 500 // share, 10_000 // share
    hour = Case(f"a virtual hour of {nodes:,} idle nodes and {pods:,} pods", "s", 5, less_is_better=True)
    fork = Case(f"fork of {nodes:,} nodes and {pods:,} running pods", "ms", 50, less_is_better=True)
    outcomes, failures = in_turn(1, lambda: runner.run("inprocess", "idle", nodes, pods, limit=200))
    seconds, *forks = outcomes[0][0] if outcomes[0] else [0.0]
    found = hour.outcome([seconds] if forks else [], failure=failures[0]) + fork.outcome(forks, failure=failures[0])
    nodes, pods = 5_000 // share, 50_000 // share
    size = Case(f"memory of {nodes:,} nodes and {pods:,} running pods", "GB", 2, less_is_better=True)
    outcomes, failures = in_turn(1, lambda: runner.run("inprocess", "memory", nodes, pods, limit=300))
    return found + size.outcome([each[0] for each in outcomes[0]], failure=failures[0])


@contextlib.contextmanager
def served(folder: Path) -> Generator[tuple[Path, int]]:
    """Serve the API alone, as the peer does, from a process of its own; yields its kubeconfig and the process."""
    kubeconfig = folder / "twin"
    process = subprocess.Popen([sys.executable, "-m", "benches.twin", "--serve", str(kubeconfig)])
    try:
        while not kubeconfig.exists():
            if process.poll() is not None:
                raise UnmeasuredError("the twin's server ended at once")
            time.sleep(0.05)
        yield kubeconfig, process.pid
    finally:
        process.terminate()
        process.wait()


async def serve(kubeconfig: Path) -> None:
    async with serving(ApiServer(Clock.wall(), KindTable.builtin()), kubeconfig):
        await run_until_signalled(asyncio.Event().wait())


async def make_namespace(kubeconfig: Path, name: str) -> None:
    """Make a namespace in which pods may be created, with or without a controller that gives it its account."""
    client = connect(load(kubeconfig))
    try:
        await client.raw("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
        account = {"metadata": {"name": "default"}}
        with contextlib.suppress(Exception):
            await client.raw("POST", f"/api/v1/namespaces/{name}/serviceaccounts", body=account)
    finally:
        await client.close()


def fresh(kubeconfig: Path) -> str:
    name = next(namespaces)
    asyncio.run(make_namespace(kubeconfig, name))
    return name


def over_https(runner: Runner, runs: int, *, creates: int, listed: int, without_peer: bool) -> list[Result]:
    cases = [
        Case("pod creates over HTTPS", "pods/s", 1500),
        Case(f"watch fan-out to {WATCHERS} over HTTPS, with the creates", "events/s"),
        Case(f"list of {listed:,} pods over HTTPS", "s", 0.5, less_is_better=True),
    ]
    try:
        with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
            folder = Path(name)
            twin, process = stack.enter_context(served(folder))
            clusters = [twin]
            if not without_peer:
                plane = ControlPlane.start(folder / "plane", controllers=False, scheduler=False)
                clusters.append(stack.enter_context(plane).kubeconfig)
            return _traffic(runner, runs, clusters, process, cases, (creates, creates, listed))
    except Exception as error:  # noqa: BLE001  whatever it is, the other cases are told of
        return [found for case in cases for found in case.outcome([], failure=f"failed: {error}")]


def _traffic(  # noqa: PLR0917
    runner: Runner, runs: int, clusters: list[Path], process: int, cases: list[Case], counts: tuple[int, int, int]
) -> list[Result]:
    def measures(what: str, count: int, spaces: Sequence[str] = ()) -> tuple[list[list[list[float]]], list[str]]:
        def measure(number: int) -> list[float]:
            namespace = spaces[number] if spaces else fresh(clusters[number])
            begun = cpu_seconds(process)
            found = runner.run("traffic", clusters[number], what, namespace, count, limit=60)
            return [*found, count / max(cpu_seconds(process) - begun, 0.01)]

        return in_turn(runs, *(lambda number=number: measure(number) for number in range(len(clusters))))

    found: list[Result] = []
    for what, case, count in zip(("create", "watch", "list"), cases, counts, strict=True):
        full: list[str] = []
        if what == "list":
            full = [fresh(each) for each in clusters]
            _fill(runner, clusters, full, count)
        outcomes, failures = measures(what, count, full)
        values = [[each[0] for each in ones] for ones in outcomes]
        found += case.outcome(values[0], *values[1:], failure=failures[0])
        if what == "create":
            each = Case(f"{case.name}, by the CPU time of the server", case.unit, case.goal)
            found += each.outcome([ones[1] for ones in outcomes[0]], failure=failures[0])
    return found


def cpu_seconds(process: int) -> float:
    """Return how long a process has run on any core: what is left of it beside others on the machine."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _fill(runner: Runner, clusters: list[Path], spaces: list[str], count: int) -> None:
    """Create what is to be listed; where that takes too long, the list finds too little and fails."""
    for cluster, namespace in zip(clusters, spaces, strict=True):
        with contextlib.suppress(UnmeasuredError):
            runner.run("traffic", cluster, "create", namespace, count, limit=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of each case, once: goals mean nothing then")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        keep_many_objects()
        run_wall(serve(options.serve))
        return
    share, runs = (10, 1) if options.quick else (1, options.runs)
    runner = Runner(ALL_SECONDS)
    report(
        "twin",
        [
            *in_process(runner, runs, 10_000 // share),
            *over_https(
                runner, runs, creates=5_000 // share, listed=20_000 // share, without_peer=options.without_peer
            ),
            *whole_clusters(runner, share),
        ],
    )


if __name__ == "__main__":
    main()
