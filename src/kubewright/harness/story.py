"""A story that is lived with an operator: on the twin under virtual time, or on a cluster in ordinary time.

The tests of operators call it, such as those of a project that `kubewright new operator` makes. A story is a coroutine
function that is given a client, does what users do, and says by `eventually` what must come of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.client.protocol import Client
from kubewright.clock import Clock, run_virtual, run_wall
from kubewright.errors import ErrorKind, OpError
from kubewright.harness.subject import Build
from kubewright.runtime.operators import Operator
from kubewright.twin.cluster import Twin

Story: TypeAlias = Callable[[Client], Awaitable[None]]
NODES = 2
_POLL_SECONDS = 0.2
_ENDS_SECONDS = 0.5


def live(name: str, build: Build, story: Story, *, kubeconfig: str = "") -> None:
    """Live a story beside an operator: on the cluster of a kubeconfig, or without one on a twin of two nodes."""
    if kubeconfig:
        run_wall(_on_cluster(name, build, story, kubeconfig))
    else:
        run_virtual(_on_twin(name, build, story))


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 120.0) -> None:
    """Wait until something holds; raises AssertionError when it does not in time. What is not there yet may come."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not await _holds(holds):
        if loop.time() >= until:
            raise AssertionError(f"not within {seconds:g} s")
        await asyncio.sleep(_POLL_SECONDS)


async def _holds(holds: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await holds()
    except OpError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return False


async def _on_twin(name: str, build: Build, story: Story) -> None:
    async with Twin(Clock.virtual(), nodes=NODES) as twin:
        await _beside(_operator(name, build, twin.client(), twin.clock), story, twin.client())


async def _on_cluster(name: str, build: Build, story: Story, kubeconfig: str) -> None:
    config = load(Path(kubeconfig))
    client, user = connect(config), connect(config)
    try:
        await _beside(_operator(name, build, client, Clock.wall()), story, user)
    finally:
        await client.close()
        await user.close()
        await asyncio.sleep(_ENDS_SECONDS)  # a connection that was being made when the operator ended is given up


def _operator(name: str, build: Build, client: Client, clock: Clock) -> Operator:
    operator = Operator(name, client, clock)
    build(operator)
    return operator


async def _beside(operator: Operator, story: Story, user: Client) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(operator.run())
        while not operator.synced:  # noqa: ASYNC110  it is synced when its caches are
            await asyncio.sleep(_POLL_SECONDS)
        await story(user)
        running.cancel()
