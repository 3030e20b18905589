"""What a twin does in one process, measured by the CPU time of a process that has done nothing before.

    python -m benches.inprocess WHAT [NUMBER ...]

prints what was measured as a JSON list. `benches/twin.py` runs it, within limits of time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from benches.traffic import WATCHERS, pod
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.meta import Manifest
from kubewright.client.transport import Request
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.heap import keep_many_objects
from kubewright.store.versioned import Bucket, Change, Record
from kubewright.twin.cluster import Twin
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from kubewright.twin.watch import WatchHub

JSON = {"content-type": "application/json", "accept": "application/json"}
PODS = "/api/v1/namespaces/default/pods"
FORKS = 5


def post(number: int, mode: str = "production") -> Request:
    return Request("POST", PODS, {}, JSON, pod(f"p-{number:06d}", mode))


async def bare() -> ApiServer:
    """Return an API server without controllers and nodes."""
    server = ApiServer(Clock.virtual(), KindTable.builtin())
    body = b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default"}}'
    assert (await server.handle(Request("POST", "/api/v1/namespaces", {}, JSON, body))).status == 201
    return server


async def creates(count: int, *, alike: bool = True) -> list[float]:
    """Pods created a second: replicas of one spec, or each with a spec that no other has."""
    server = await bare()
    requests = [post(number) if alike else post(number, f"mode-{number}") for number in range(count)]
    begun = time.process_time()
    for request in requests:
        assert (await server.handle(request)).status == 201
    return [count / (time.process_time() - begun)]


async def unlike(count: int) -> list[float]:
    return await creates(count, alike=False)


TAKEN_TOGETHER = 1000
"""Changes after which watchers take what there is: one that is further behind than the server keeps is cut off."""


async def fan_out(count: int) -> list[float]:
    """Events that ten watchers in the same process get a second: with the writes that cause them, and without.

    Without them: to take in each change as the store tells of it, to encode it once, and to hand it to all ten.
    """
    server = await bare()
    watch = Request("GET", PODS, {"watch": "true"}, JSON)
    streams = [(await server.handle(watch)).stream for _ in range(WATCHERS)]
    telling = Telling(server.hub)
    writing = taking = 0.0
    for first in range(0, count, TAKEN_TOGETHER):
        requests = [post(number) for number in range(first, min(first + TAKEN_TOGETHER, count))]
        begun = time.process_time()
        for request in requests:
            await server.handle(request)
        written = time.process_time()
        for stream in streams:
            assert stream is not None
            lines = aiter(stream)
            for _ in requests:
                assert await anext(lines)
        taking += time.process_time() - written
        writing += written - begun
    return [count * WATCHERS / seconds for seconds in (writing + taking, telling.seconds + taking)]


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
        await _populate(twin, pods)
        await asyncio.sleep(120)
        yield twin


async def _populate(twin: Twin, pods: int) -> None:
    replicas = 100
    for number in range(pods // replicas):
        await twin.client().create(DEPLOYMENTS, deployment(number, replicas), namespace="default")
    store = twin.server.store
    while sum(_is_running(each) for each in store.list(("", "pods"))[0]) < pods:  # noqa: ASYNC110
        await asyncio.sleep(10)


def _is_running(record: Record) -> bool:
    """Look without decoding: the records are many, and most of them old."""
    return b'"phase":"Running"' in record.encoded


async def populate(nodes: int, pods: int) -> list[float]:
    """Return the milliseconds of CPU for each pod from its Deployment to running, and the gigabytes held after it."""
    async with Twin(Clock.virtual(), nodes=nodes) as twin:
        begun = time.process_time()
        await _populate(twin, pods)
        return [1000 * (time.process_time() - begun) / pods, _gigabytes()]


async def memory(nodes: int, pods: int) -> list[float]:
    """Return the gigabytes that this process holds with all of them running."""
    async with populated(nodes, pods):
        return [_gigabytes()]


def _gigabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e9


async def idle(nodes: int, pods: int) -> list[float]:
    """Return the seconds of a virtual hour in which nothing happens, and the milliseconds of each fork of it all."""
    async with populated(nodes, pods) as twin:
        begun = time.process_time()
        await asyncio.sleep(3600)
        seconds = time.process_time() - begun
        return [seconds, *(_fork(twin, pods) for _ in range(FORKS))]


def _fork(twin: Twin, pods: int) -> float:
    begun = time.process_time()
    forked = twin.fork()
    seconds = time.process_time() - begun
    assert len(forked.server.store.list(("", "pods"))[0]) == pods
    return 1000 * seconds


MEASURES: dict[str, Callable[..., Coroutine[Any, Any, list[float]]]] = {
    "creates": creates,
    "unlike": unlike,
    "fan-out": fan_out,
    "populate": populate,
    "memory": memory,
    "idle": idle,
}


def main() -> None:
    what, *numbers = sys.argv[1:]
    keep_many_objects()
    print(json.dumps(run_virtual(MEASURES[what](*map(int, numbers)))))


if __name__ == "__main__":
    main()
