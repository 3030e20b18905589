"""The same operator by three kits on a real API server: ours, Kopf and controller-runtime, in turn.

What each keeps is small: an object of image, replicas and ports becomes a Deployment and a Service, and its status says
so (`benches/peers`). Each life begins with an empty API server and goes through four phases: a thousand objects are
created at once; all get another image; the operator is restarted with all of them there; nothing happens.

An object counts as ready when its status says that the children of its present generation are applied. Neither
kube-controller-manager nor kubelets run: what they do with a Deployment takes longer than what any of the operators
does, and would be measured in its place (`--controllers` runs the first, to see). Calls are counted by the API server's
audit log, time on the processor and memory by the kernel; a phase's time on the processor is taken until the operator
has come to rest, not only until all is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benches.peers.audit import Audit, audit_flags
from benches.peers.crowd import Crowd
from benches.peers.process import Measured
from benches.report import Result, compared, report, result
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from kubewright.client.rest import RestClient
from kubewright.clock import run_wall
from tools.cluster import CONTROLLER_RUNTIME, ControlPlane

READERS = frozenset({"get", "list", "watch"})
OURS, KOPF, CONTROLLERS = "kubewright", "Kopf", "controller-runtime"
MOST_MEMORY_MB = 90
IDLE_SECONDS = 10.0
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Phase:
    """What an operator took for one phase."""

    seconds: float
    cpu_seconds: float
    calls: Counter[str]

    @property
    def writes(self) -> int:
        """Count the calls that were to change something, refused ones included."""
        return sum(count for verb, count in self.calls.items() if verb not in READERS)

    def __str__(self) -> str:
        calls = ", ".join(f"{verb} {count}" for verb, count in sorted(self.calls.items())) or "no calls"
        return f"{self.seconds:.1f} s, {self.cpu_seconds:.2f} CPU-s; {calls}"


@dataclass(frozen=True, slots=True)
class Life:
    """One operator's four phases, and the most memory that it had."""

    create: Phase
    update: Phase
    restart: Phase
    idle: Phase
    peak_mb: float

    @property
    def writes(self) -> int:
        """Count the writes of creation and update."""
        return self.create.writes + self.update.writes


def commands(kubeconfig: Path) -> dict[str, list[str]]:
    """Return how each operator is started; none elects a leader."""
    python = [sys.executable, "-m"]
    quiet = ["--no-leader-elect", "--listen", "127.0.0.1:0"]
    return {
        OURS: [*python, "kubewright", "operate", "benches.peers.ours:build", "--kubeconfig", str(kubeconfig), *quiet],
        KOPF: [
            *python,
            "benches.peers.kopf_run",
            "run",
            "--quiet",
            "--standalone",
            "-A",
            "-m",
            "benches.peers.kopf_operator",
        ],
        CONTROLLERS: [str(CONTROLLER_RUNTIME.binary("controller-runtime")), "-config", str(kubeconfig)],
    }


@contextmanager
def running(command: Sequence[str], kubeconfig: Path) -> Iterator[Measured]:
    """Run an operator; what it says goes to a file, of which the end is shown if it fails."""
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each start compiles everything anew
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        try:
            yield Measured(process)
        except BaseException:
            said.seek(0)
            print(said.read().decode(errors="replace")[-2000:])
            raise
        finally:
            process.terminate()
            process.wait(timeout=60)


@dataclass(frozen=True, slots=True)
class Bench:
    """One control plane with a crowd to be served, and what is counted there."""

    crowd: Crowd
    audit: Audit
    command: Sequence[str]
    kubeconfig: Path

    async def life(self) -> Life:
        """Take an operator through the four phases."""
        with running(self.command, self.kubeconfig) as first:
            await self._within(first, self.crowd.probe("one"))
            await first.rest()
            create = await self._phase(first, lambda: self.crowd.create("web:1"))
            await self.crowd.check("web:1")
            update = await self._phase(first, lambda: self.crowd.update("web:2"))
            await self.crowd.check("web:2")
            peak = first.peak_mb()
        self.audit.take()
        with running(self.command, self.kubeconfig) as second:
            busy_seconds = await second.rest(until=self.audit.watched)
            restart = Phase(busy_seconds, second.cpu_seconds(), self.audit.take())
            idle = await self._phase(second, lambda: asyncio.sleep(IDLE_SECONDS))
            await self._within(second, self.crowd.probe("two"))
            return Life(create, update, restart, idle, max(peak, second.peak_mb()))

    async def _phase(self, operator: Measured, work: Callable[[], Awaitable[None]]) -> Phase:
        self.audit.take()
        loop = asyncio.get_running_loop()
        cpu, begun = operator.cpu_seconds(), loop.time()
        await self._within(operator, work())
        seconds = loop.time() - begun
        await operator.rest()
        return Phase(seconds, operator.cpu_seconds() - cpu, self.audit.take())

    @staticmethod
    async def _within(operator: Measured, work: Awaitable[None]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(operator.must_live())
            await work
            watching.cancel()


async def measure(plane: ControlPlane, audit: Audit, peer: str, objects: int) -> Life:
    """Let one operator live on a control plane of its own."""
    config = load(plane.kubeconfig)
    client = RestClient(HttpTransport(config), user_agent=audit.mine)
    try:
        async with Crowd.on(client, objects) as crowd:
            return await Bench(crowd, audit, commands(plane.kubeconfig)[peer], plane.kubeconfig).life()
    finally:
        await client.close()


def lived(peer: str, objects: int, *, controllers: bool) -> Life:
    """Start an empty control plane and let one operator live on it."""
    with tempfile.TemporaryDirectory() as folder:
        audit = Audit(Path(folder, "audit.log"))
        flags = {"kube-apiserver": audit_flags(Path(folder), audit.log)}
        state = Path(folder, "state")
        with ControlPlane.start(state, controllers=controllers, scheduler=False, extra_arguments=flags) as plane:
            life = run_wall(measure(plane, audit, peer, objects))
    for name in ("create", "update", "restart", "idle"):
        print(f"{peer}, {name}: {getattr(life, name)}")
    print(f"{peer}: at most {life.peak_mb:.0f} MB", flush=True)
    return life


def results(objects: int, lives: dict[str, list[Life]]) -> list[Result]:
    """Compare ours with each of the others."""
    ours = lives[OURS]
    found = [
        result("restart: writes", "calls", [life.restart.writes for life in ours], goal=0, less_is_better=True),
        result("most memory", "MB", [life.peak_mb for life in ours], goal=MOST_MEMORY_MB, less_is_better=True),
    ]
    for peer in (name for name in lives if name != OURS):
        speed, cpu = (2.0, 4.0) if peer == KOPF else (1.0, None)

        def against(
            case: str,
            unit: str,
            of: Callable[[Life], float],
            goal: float | None = None,
            *,
            peer: str = peer,
            less: bool = True,
        ) -> None:
            values = ([of(life) for life in ours], [of(life) for life in lives[peer]])
            found.append(compared(case, unit, *values, peer, goal=goal, less_is_better=less))

        against("created: objects ready", "a second", lambda life: objects / life.create.seconds, speed, less=False)
        against("created: CPU", "CPU-s", lambda life: life.create.cpu_seconds, cpu)
        against("updated: objects ready", "a second", lambda life: objects / life.update.seconds, speed, less=False)
        against("updated: CPU", "CPU-s", lambda life: life.update.cpu_seconds, cpu)
        against("created and updated: writes", "calls", lambda life: life.writes, 1.0)
        against("restarted: at rest again", "s", lambda life: life.restart.seconds)
        against("restarted: CPU", "CPU-s", lambda life: life.restart.cpu_seconds)
        against("most memory", "MB", lambda life: life.peak_mb)
    for name, of in lives.items():
        percents = [life.idle.cpu_seconds * 100 / IDLE_SECONDS for life in of]
        found.append(result(f"idle: CPU of {name}", "% of a core", percents))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer", choices=[KOPF, CONTROLLERS], action="append", help="only against these")
    parser.add_argument("--alone", action="store_true", help="ours alone")
    parser.add_argument("--controllers", action="store_true", help="with kube-controller-manager")
    options = parser.parse_args()
    CONTROLLER_RUNTIME.build()
    peers = [OURS, *([] if options.alone else options.peer or [KOPF, CONTROLLERS])]
    lives: dict[str, list[Life]] = {peer: [] for peer in peers}
    for run in range(options.runs):
        first = run % len(peers)
        for peer in peers[first:] + peers[:first]:
            lives[peer].append(lived(peer, options.objects, controllers=options.controllers))
    report("operator", results(options.objects, lives))


if __name__ == "__main__":
    main()
