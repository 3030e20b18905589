"""The twin's speed and size: writes, watches, lists, forks, memory, and idle virtual time.

What happens in one process is measured by its CPU time: one core, whatever else the machine does. What the real
kube-apiserver with etcd can do as well is measured by the wall clock in turn with it, by the same load generator in a
process of its own. Its cases need the binaries of `make control-plane`; `--without-peer` leaves them out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

from benches.report import Result, alternate, compared, report, result
from benches.traffic import WATCHERS, pod
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.meta import Manifest
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.client.transport import Request
from kubewright.clock import Clock, run_virtual, run_wall
from kubewright.runtime.heap import keep_many_objects
from kubewright.runtime.shutdown import run_until_signalled
from kubewright.store.versioned import Bucket, Change, Record
from kubewright.twin.cluster import Twin
from kubewright.twin.kinds import KindTable
from kubewright.twin.serve import serving
from kubewright.twin.server import ApiServer
from kubewright.twin.watch import WatchHub
from tools.cluster import ControlPlane

PEER = "kube-apiserver with etcd"
JSON = {"content-type": "application/json", "accept": "application/json"}
PODS = "/api/v1/namespaces/default/pods"
namespaces = (f"bench-{number}" for number in itertools.count(1))


def post(number: int, mode: str = "production") -> Request:
    return Request("POST", PODS, {}, JSON, pod(f"p-{number:06d}", mode))


async def bare() -> ApiServer:
    """Return an API server without controllers and nodes."""
    server = ApiServer(Clock.virtual(), KindTable.builtin())
    body = b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}'
    assert (await server.handle(Request("POST", "/api/v1/namespaces", {}, JSON, body))).status == 201
    return server


async def creates(count: int, *, alike: bool = True) -> float:
    """Pods created a second: replicas of one spec, or each with a spec that no other has."""
    server = await bare()
    requests = [post(number) if alike else post(number, f"mode-{number}") for number in range(count)]
    begun = time.process_time()
    for request in requests:
        assert (await server.handle(request)).status == 201
    return count / (time.process_time() - begun)


async def fan_out(count: int, *, with_writes: bool = True) -> float:
    """Events that ten watchers in the same process get a second, with or without the writes that cause them.

    Without them: to take in each change as the store tells of it, to encode it once, and to hand it to all ten.
    """
    server = await bare()
    watch = Request("GET", PODS, {"watch": "true"}, JSON)
    streams = [(await server.handle(watch)).stream for _ in range(WATCHERS)]
    requests = [post(number) for number in range(count)]
    telling = Telling(server.hub)
    begun = time.process_time()
    for request in requests:
        await server.handle(request)
    taking = time.process_time()
    for stream in streams:
        assert stream is not None
        lines = aiter(stream)
        for _ in range(count):
            assert await anext(lines)
    ended = time.process_time()
    return count * WATCHERS / (ended - begun if with_writes else ended - taking + telling.seconds)


class Telling:
    """Times what a hub does inside of each write."""

    def __init__(self, hub: WatchHub) -> None:
        self.seconds = 0.0
        self._fan_out = hub._fan_out  # noqa: SLF001  the one place where a change meets its watches
        hub._fan_out = self._timed  # noqa: SLF001

    def _timed(self, bucket: Bucket, change: Change) -> None:
        begun = time.process_time()
        self._fan_out(bucket, change)
        self.seconds += time.process_time() - begun


async def forks(count: int) -> float:
    """Return the milliseconds that a fork of a whole twin takes."""
    twin = Twin(Clock.virtual(), nodes=100)
    async with twin:
        for number in range(count):
            await twin.server.handle(post(number))
        await asyncio.sleep(60)
        begun = time.process_time()
        forked = twin.fork()
        seconds = time.process_time() - begun
        assert len(forked.server.store.list(("", "pods"))[0]) == count
    return 1000 * seconds


def deployment(number: int, replicas: int) -> Manifest:
    labels = {"app": f"app-{number:04d}"}
    resources = {"requests": {"cpu": "100m", "memory": "128Mi"}}
    container = {"name": "main", "image": "registry.example/shop:1.2.3", "resources": resources}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": labels["app"]}, "spec": spec}


@contextlib.asynccontextmanager
async def populated(nodes: int, pods: int):
    """Run a twin whose nodes all run their share of pods."""
    async with Twin(Clock.virtual(), nodes=nodes) as twin:
        replicas = 100
        for number in range(pods // replicas):
            await twin.client().create(DEPLOYMENTS, deployment(number, replicas), namespace="default")
        store = twin.server.store
        while sum(_is_running(each) for each in store.list(("", "pods"))[0]) < pods:  # noqa: ASYNC110
            await asyncio.sleep(10)
        await asyncio.sleep(120)
        yield twin


def _is_running(record: Record) -> bool:
    """Look without decoding: the records are many, and most of them old."""
    return b'"phase":"Running"' in record.encoded


async def memory(nodes: int, pods: int) -> float:
    """Return the gigabytes that this process holds with all of them running."""
    async with populated(nodes, pods):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e9  # noqa: ASYNC240


async def idle_hour(nodes: int, pods: int) -> float:
    """Return the seconds that a virtual hour takes in which nothing happens."""
    async with populated(nodes, pods):
        begun = time.process_time()
        await asyncio.sleep(3600)
        return time.process_time() - begun


IN_A_PROCESS: dict[str, Callable[[int, int], Coroutine[Any, Any, float]]] = {"memory": memory, "idle": idle_hour}


def in_a_process(what: str, nodes: int, pods: int, seconds: int) -> float:
    """Measure in a process that has done nothing before; infinite when it does not end in `seconds`."""
    command = [sys.executable, "-m", "benches.twin", "--measure", what, str(nodes), str(pods)]
    try:
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        print(f"{what} of {nodes:,} nodes and {pods:,} pods did not end in {seconds} s", file=sys.stderr)
        return math.inf
    return float(done.stdout)


@contextlib.contextmanager
def served(folder: Path) -> Generator[Path]:
    """Serve the API alone, as the peer does, from a process of its own."""
    kubeconfig = folder / "twin"
    process = subprocess.Popen([sys.executable, "-m", "benches.twin", "--serve", str(kubeconfig)])
    try:
        while not kubeconfig.exists():
            assert process.poll() is None
            time.sleep(0.05)
        yield kubeconfig
    finally:
        process.terminate()
        process.wait()


async def serve(kubeconfig: Path) -> None:
    async with serving(ApiServer(Clock.wall(), KindTable.builtin()), kubeconfig):
        await run_until_signalled(asyncio.Event().wait())


def traffic(kubeconfig: Path, what: str, namespace: str, count: int) -> float:
    command = [sys.executable, "-m", "benches.traffic", str(kubeconfig), what, namespace, str(count)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


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


def over_https(runs: int, without_peer: bool, creates_count: int, list_count: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        clusters = [stack.enter_context(served(folder))]
        if not without_peer:
            clusters.append(
                stack.enter_context(ControlPlane.start(folder / "plane", controllers=False, scheduler=False)).kubeconfig
            )

        def measures(what: str, count: int) -> list[list[float]]:
            return alternate(runs, *(lambda each=each: traffic(each, what, fresh(each), count) for each in clusters))

        created = measures("create", creates_count)
        watched = measures("watch", creates_count)
        full = [fresh(each) for each in clusters]
        for cluster, namespace in zip(clusters, full, strict=True):
            traffic(cluster, "create", namespace, list_count)
        pairs = zip(clusters, full, strict=True)
        listed = alternate(runs, *(lambda pair=pair: traffic(pair[0], "list", pair[1], list_count) for pair in pairs))
    listing = f"list of {list_count:,} pods over HTTPS"
    found = [
        result("pod creates over HTTPS", "pods/s", created[0], goal=1500),
        result(f"watch fan-out to {WATCHERS} over HTTPS, with the creates", "events/s", watched[0]),
        result(listing, "s", listed[0], goal=0.5, less_is_better=True),
    ]
    if not without_peer:
        found += [
            compared("pod creates over HTTPS", "pods/s", created[0], created[1], PEER),
            compared(f"watch fan-out to {WATCHERS} over HTTPS, with the creates", "events/s", *watched, PEER),
            compared(listing, "s", *listed, PEER, less_is_better=True),
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of each case, once: goals mean nothing then")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "NODES", "PODS"), help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    keep_many_objects()
    if options.serve:
        run_wall(serve(options.serve))
        return
    if options.measure:
        what, nodes, pods = options.measure
        print(run_virtual(IN_A_PROCESS[what](int(nodes), int(pods))))
        return
    share, runs = (10, 1) if options.quick else (1, options.runs)
    in_process = alternate(
        runs,
        lambda: run_virtual(creates(10_000 // share)),
        lambda: run_virtual(creates(10_000 // share, alike=False)),
        lambda: run_virtual(fan_out(10_000 // share)),
        lambda: run_virtual(fan_out(10_000 // share, with_writes=False)),
        lambda: run_virtual(forks(10_000 // share)),
    )
    gc.collect()
    nodes, pods = 5_000 // share, 50_000 // share
    idle = 500 // share, 10_000 // share
    report(
        "twin",
        [
            result("pod creates in process, replicas of one spec", "pods/s", in_process[0], goal=5_000),
            result("pod creates in process, no two specs alike", "pods/s", in_process[1], goal=5_000),
            result(f"watch fan-out to {WATCHERS} in process, with the creates", "events/s", in_process[2], goal=50_000),
            result(f"watch fan-out to {WATCHERS} in process, alone", "events/s", in_process[3], goal=50_000),
            result(f"fork of {10_000 // share:,} running pods", "ms", in_process[4], goal=50, less_is_better=True),
            *over_https(runs, options.without_peer, 5_000 // share, 20_000 // share),
            result(
                f"memory of {nodes:,} nodes and {pods:,} running pods",
                "GB",
                [in_a_process("memory", nodes, pods, 300)],
                goal=2,
                less_is_better=True,
            ),
            result(
                f"a virtual hour of {idle[0]:,} idle nodes and {idle[1]:,} pods",
                "s",
                [in_a_process("idle", *idle, 120)],
                goal=5,
                less_is_better=True,
            ),
        ],
    )


if __name__ == "__main__":
    main()
