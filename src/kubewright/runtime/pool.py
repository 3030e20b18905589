"""Bulk work: jobs in, results out as they come, at most so many at once.

For work that is done once and then over, such as creating thousands of objects; what must be *kept* so is a
Controller's. A job that fails with an OpError is a result like any other; a bug ends the whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from kubewright.errors import OpError

J = TypeVar("J", bound=Hashable)
A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Result(Generic[J, R]):
    """What became of one job."""

    job_id: J
    outcome: R | OpError

    @property
    def failed(self) -> bool:
        """Whether the outcome is an OpError."""
        return isinstance(self.outcome, OpError)

    def value(self) -> R:
        """Return what the job returned; raises the OpError that it failed with."""
        if isinstance(self.outcome, OpError):
            raise self.outcome
        return self.outcome


class WorkerPool(Generic[A, R]):
    """Runs `work` on each job's argument, at most `workers` at once.

        async with pool.run((name, manifest) for ...) as results:
            async for result in results:
                ...

    Jobs are drawn only as workers come free, and workers wait while results are not fetched: neither piles up. Leaving
    the block, in whatever way, cancels what still runs and waits until it has ended; no task outlives the block.
    """

    def __init__(self, work: Callable[[A], Awaitable[R]], *, workers: int) -> None:
        if workers < 1:
            raise ValueError("a pool needs a worker")
        self._work = work
        self._workers = workers

    @asynccontextmanager
    async def run(self, jobs: Iterable[tuple[J, A]]) -> AsyncGenerator[AsyncGenerator[Result[J, R]]]:
        """Start working on `jobs`, pairs of id and argument; give their results in the order in which they end."""
        results: asyncio.Queue[Result[J, R] | None] = asyncio.Queue(self._workers)
        pending = iter(jobs)
        async with asyncio.TaskGroup() as group, aclosing(_until_none(results)) as stream:
            working = group.create_task(self._run_all(pending, results), name="worker pool")
            try:
                yield stream
            finally:
                working.cancel()

    async def _run_all(self, jobs: Iterator[tuple[J, A]], results: asyncio.Queue[Result[J, R] | None]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._run_some(jobs, results))
        await results.put(None)

    async def _run_some(self, jobs: Iterator[tuple[J, A]], results: asyncio.Queue[Result[J, R] | None]) -> None:
        for job_id, argument in jobs:
            try:
                outcome: R | OpError = await self._work(argument)
            except OpError as error:
                outcome = error
            await results.put(Result(job_id, outcome))


async def _until_none(results: asyncio.Queue[Result[J, R] | None]) -> AsyncGenerator[Result[J, R]]:
    while (result := await results.get()) is not None:
        yield result
