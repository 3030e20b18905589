"""What `kubewright up` costs when nothing happens: CPU of its process, and writes, with 1,000 Ready AppServices.

The cluster is the twin, served by a process of its own; the platform is the command as people run it, without leader
election, since renewing a lease is a write. Its figures come from /proc and from its own /metrics.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benches.fleet import Fleet
from benches.report import report, result
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load

GOAL_PERCENT = 2.0
PODS_PER_NODE = 100
SETTLE_SECONDS = 40
"""Longer than the platform's safety net, so that every application has come round once."""


def command(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "kubewright", *arguments], stdout=subprocess.DEVNULL)


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def requests(address: str) -> dict[str, float]:
    counted: dict[str, float] = {}
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("rest_client_requests_total{"):
                labels, _, value = line.rpartition(" ")
                method = labels.partition('method="')[2].partition('"')[0]
                counted[method] = counted.get(method, 0.0) + float(value)
    return counted


async def deploy(kubeconfig: Path, count: int) -> float:
    client = connect(load(kubeconfig))
    try:
        return await Fleet(client, count).deploy()
    finally:
        await client.close()


def wait_for(ready: Path | str) -> None:
    while True:
        try:
            if isinstance(ready, Path):
                if ready.exists():
                    return
            else:
                urllib.request.urlopen(f"http://{ready}/readyz").close()
                return
        except OSError:
            pass
        time.sleep(0.1)


def measure(count: int, seconds: float) -> tuple[float, float, float]:
    """Return percent of a core, writes, and the megabytes that the process holds."""
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig, address = Path(folder, "kubeconfig"), free_address()
        nodes = str(count // PODS_PER_NODE + 2)
        processes = [command("twin", "serve", "--nodes", nodes, "--kubeconfig", str(kubeconfig))]
        try:
            wait_for(kubeconfig)
            up = command("up", "--kubeconfig", str(kubeconfig), "--no-leader-elect", "--listen", address)
            processes.append(up)
            wait_for(address)
            asyncio.run(deploy(kubeconfig, count))
            time.sleep(SETTLE_SECONDS)
            cpu, before, begun = cpu_seconds(up.pid), requests(address), time.monotonic()
            time.sleep(seconds)
            percent = 100 * (cpu_seconds(up.pid) - cpu) / (time.monotonic() - begun)
            after = requests(address)
            memory = int(Path(f"/proc/{up.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()
    writes = sum(value - before.get(method, 0) for method, value in after.items() if method != "GET")
    return percent, writes, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    percents, writes, memory = zip(*(measure(options.count, options.seconds) for _ in range(options.runs)), strict=True)
    case = f"idle with {options.count} AppServices"
    report(
        "idle_up",
        [
            result(f"{case}: CPU", "% of a core", percents, goal=GOAL_PERCENT, less_is_better=True),
            result(f"{case}: writes", "calls", writes, goal=0, less_is_better=True),
            result(f"{case}: resident memory", "MB", memory),
        ],
    )


if __name__ == "__main__":
    main()
