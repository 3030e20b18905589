"""Both clusters at once, without controllers: a real API server and a bare twin's, each asked over HTTPS.

Controllers would write between a sequence's steps, at moments of their own, so none runs: no scheduler, no garbage
collector, no namespace controller. What is left is the API server, whose answers and events are compared.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubewright.client.http import HttpTransport
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.kubeconfig import load
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.twin.bootstrap import system_objects
from kubewright.twin.kinds import KindTable
from kubewright.twin.serve import serving
from kubewright.twin.server import ApiServer
from tests.contract.asking import Api
from tests.contract.sequences.draws import watches
from tests.contract.sequences.kinds import DEFINITION, KINDS
from tests.contract.sequences.sides import LAST, Side
from tests.contract.sequences.steps import Step
from tools.cluster import ControlPlane

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Difference:
    """Where the two clusters went apart."""

    where: str
    real: Any
    twin: Any
    steps: tuple[Step, ...]
    harmless: bool = False
    """Both refused, in other words: their objects are still alike."""

    def __str__(self) -> str:
        steps = "\n".join(f"  {step}" for step in self.steps)
        return f"{self.where}\nafter\n{steps}\nreal: {self.real}\ntwin: {self.twin}"


@dataclass
class Pair:
    """The two API servers; `compare` does a sequence to both."""

    real: Api
    twin: Api
    loop: asyncio.AbstractEventLoop
    kubeconfigs: tuple[Path, Path]
    """Of the real one and of the twin."""

    def compare(self, steps: tuple[Step, ...], *, patient: bool = False) -> list[Difference]:
        """Do the steps to both and tell where they differ: the first place, or if `patient` all until they part."""
        return self.loop.run_until_complete(self._compare(steps, patient=patient))

    async def _compare(self, steps: tuple[Step, ...], *, patient: bool) -> list[Difference]:
        namespace = f"random-{os.getpid()}-{next(_numbers)}"
        kinds = {step.kind: KINDS[step.kind] for step in steps}
        sides = [Side(api, namespace, kinds) for api in (self.real, self.twin)]
        await asyncio.gather(*(_prepare(side.api, namespace) for side in sides))
        planned = watches(steps)
        followed = [[await side.follow(watch) for watch in planned] for side in sides]
        async with asyncio.TaskGroup() as group:
            tasks = [[group.create_task(follow()) for follow in follows] for follows in followed]
            try:
                found = await self._steps(sides, steps, patient=patient)
            finally:
                for side in sides:
                    await _end(side)
        if found and not (patient and found[-1].harmless):
            return found
        for number, watch in enumerate(planned):
            real, twin = (side.names.neutral(each[number].result()) for side, each in zip(sides, tasks, strict=True))
            if real != twin:
                return [*found, Difference(f"the events of {watch}", *_first_difference(real, twin), steps)]
        states = [await side.state() for side in sides]
        if states[0] != states[1]:
            return [*found, Difference("the objects at the end", *_narrowed(*states), steps)]
        orders = [side.names.versions() for side in sides]
        if orders[0] != orders[1]:
            return [*found, Difference("the order of the versions", *orders, steps)]
        return found

    async def _steps(self, sides: list[Side], steps: tuple[Step, ...], *, patient: bool) -> list[Difference]:
        found: list[Difference] = []
        for number, step in enumerate(steps, start=1):
            real, twin = await asyncio.gather(*(side.do(step) for side in sides))
            if real != twin:
                harmless = real["code"] >= 400 and twin["code"] >= 400
                where = f"the answer to {step}"
                found.append(Difference(where, *_narrowed(real, twin), steps[:number], harmless))
                if not (patient and harmless):
                    break
        return found


async def _prepare(api: Api, namespace: str) -> None:
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    (await api.ask("POST", "/api/v1/namespaces", made)).ok()
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    (await api.of("serviceaccounts", namespace).create(account)).ok()


async def _end(side: Side) -> None:
    for kind in side.kinds.values():
        await side.api.ask("POST", side.collection(kind).path, kind.document(LAST), fieldManager="end")


def _first_difference(real: list[Any], twin: list[Any]) -> tuple[Any, Any]:
    for one, other in itertools.zip_longest(real, twin):
        if one != other:
            return _narrowed(one, other) if one and other else (one, other)
    return real, twin


def _narrowed(real: Any, twin: Any) -> tuple[Any, Any]:
    """Keep only what differs of two documents."""
    if isinstance(real, dict) and isinstance(twin, dict):
        names = [
            name for name in {**real, **twin} if real.get(name) != twin.get(name) or (name in real) != (name in twin)
        ]
        parts = {name: _narrowed(real.get(name, "<absent>"), twin.get(name, "<absent>")) for name in names}
        return {name: part[0] for name, part in parts.items()}, {name: part[1] for name, part in parts.items()}
    return real, twin


@contextmanager
def paired(state: Path) -> Iterator[Pair]:
    """Start both, or use the real one of KUBEWRIGHT_BARE_CONTROL_PLANE."""
    running = os.environ.get("KUBEWRIGHT_BARE_CONTROL_PLANE")
    if running:
        with _pair(Path(running), state) as pair:
            yield pair
    else:
        with (
            ControlPlane.start(state / "plane", controllers=False, scheduler=False) as plane,
            _pair(plane.kubeconfig, state) as pair,
        ):
            yield pair


@contextmanager
def _pair(real: Path, state: Path) -> Iterator[Pair]:
    with bare_twin(state / "twin.kubeconfig") as twin, asyncio.Runner() as runner:
        transports = [HttpTransport(load(str(path))) for path in (real, twin)]
        pair = Pair(*(Api(transport) for transport in transports), runner.get_loop(), (real, twin))
        for api in (pair.real, pair.twin):
            runner.run(_define(api))
        yield pair
        for transport in transports:
            runner.run(transport.close())


async def _define(api: Api) -> None:
    await api.of("customresourcedefinitions").create(DEFINITION)
    widgets = api.of(KINDS["widget"].plural, "default", root=KINDS["widget"].root)
    await widgets.served()


@contextmanager
def bare_twin(kubeconfig: Path) -> Iterator[Path]:
    """Serve a twin without controllers from a thread of its own."""
    started, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        server = ApiServer(Clock.wall(), KindTable.builtin())
        server.need_accounts()
        client = RestClient(InProcessTransport(server))
        for each in system_objects():
            await client.create(each.resource, each.manifest)
        server.bootstrap()
        async with serving(server, kubeconfig):
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(60)
        yield kubeconfig
    finally:
        ended.set()
        thread.join()
