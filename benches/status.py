"""`kubewright status` as somebody types it, and `kubewright --help`: their time and their processor time.

`python -m benches.status [--nodes 500 --pods 25000]`. A twin's API server, in this process and by TLS on loopback,
holds nodes and pods that stand still, and applications; what is measured is the command's own process, whole.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benches.fleet import NAMESPACE, manifest
from benches.report import Result, report, result
from benches.standing import fill
from kubewright.api.core import NAMESPACES
from kubewright.api.crds import all_crds
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.install.kinds import DEFINITIONS
from kubewright.twin.kinds import KindTable
from kubewright.twin.serve import serving
from kubewright.twin.server import ApiServer

APPS = 500
RUNS = 7
UNDERSTOOD = {0, 3}


def timed(arguments: Sequence[str]) -> tuple[float, float]:
    """Run a command; return its seconds, and those of them on a processor."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "kubewright", *arguments], stdout=subprocess.DEVNULL, env=kept)
    _, state, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(state)
    if process.returncode not in UNDERSTOOD:
        raise RuntimeError(f"kubewright {' '.join(arguments)} ended with {process.returncode}")
    return seconds, used.ru_utime + used.ru_stime


async def several(arguments: Sequence[str]) -> tuple[list[float], list[float], float]:
    """Run it once to fill caches, then several times, beside the server.

    Returns the times, the processor times, and what the server took on the processor for each run.
    """
    await asyncio.to_thread(timed, arguments)
    begun = time.process_time()
    each = [await asyncio.to_thread(timed, arguments) for _ in range(RUNS)]
    return [seconds for seconds, _ in each], [cpu for _, cpu in each], (time.process_time() - begun) / RUNS


async def measure(nodes: int, pods: int) -> list[Result]:
    """Fill a cluster, ask it, and return what was measured."""
    server = ApiServer(Clock.wall(), KindTable.builtin())
    client = RestClient(InProcessTransport(server))
    await fill(client, nodes, pods)
    for each in all_crds():
        await client.create(DEFINITIONS, each)
    await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    for number in range(APPS):
        await client.create(APP_SERVICES, manifest(number), namespace=NAMESPACE)
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder, "kubeconfig")
        async with serving(server, kubeconfig):
            status, status_cpu, server_cpu = await several(["status", "--kubeconfig", str(kubeconfig)])
            usage, usage_cpu, _ = await several(["--help"])
    size = f"{nodes} nodes, {pods} pods, {APPS} applications"
    return [
        result(f"status ({size})", "s", status, goal=1.5, less_is_better=True),
        result("status, its own processor time", "s", status_cpu),
        result("status, the twin's API server's processor time", "s", [server_cpu]),
        result("--help", "ms", [1000 * each for each in usage], goal=150, less_is_better=True),
        result("--help, its own processor time", "ms", [1000 * each for each in usage_cpu]),
    ]


def main() -> None:
    """Measure and report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, default=500)
    options.add_argument("--pods", type=int, default=25_000)
    asked = options.parse_args()
    report("status", asyncio.run(measure(asked.nodes, asked.pods)))


if __name__ == "__main__":
    main()
