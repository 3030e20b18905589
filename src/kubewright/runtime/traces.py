"""The last reconciles of a process: why each ran, how long, what it asked of the API server, how it ended.

Controllers write them where `RuntimeMetrics` bears a `Traces`, which is so under `--debug` alone. What a reconcile asks
is found by its context: the tasks that it starts share it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator, Hashable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

MOST_TRACES = 500
_MOST_REQUESTS = 50
_MOST_CAUSES = 8
_RUNNING = "running"


@dataclass(slots=True)
class Trace:
    """One reconcile. `seconds` and `outcome` are those of the end, once there is one."""

    controller: str
    key: str
    causes: tuple[str, ...]
    """What had queued it, the first of them; none when it came back by itself."""
    began: float
    """In seconds of the loop."""
    seconds: float = 0.0
    outcome: str = _RUNNING
    requests: list[str] = field(default_factory=list[str])
    """Method, path and status of the first of them, in order."""
    requests_unlisted: int = 0


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


class Traces:
    """Keeps the last reconciles, and what has queued the next ones."""

    def __init__(self) -> None:
        self._kept: deque[Trace] = deque(maxlen=MOST_TRACES)
        self._causes: dict[tuple[str, Hashable], list[str]] = {}

    def caused(self, queue: str, key: Hashable, cause: str) -> None:
        """Note what queued a key."""
        causes = self._causes.setdefault((queue, key), [])
        if cause not in causes and len(causes) < _MOST_CAUSES:
            causes.append(cause)

    @contextmanager
    def reconcile(self, queue: str, controller: str, key: Hashable) -> Generator[None]:
        """Follow one reconcile."""
        loop = asyncio.get_running_loop()
        trace = Trace(controller, str(key), tuple(self._causes.pop((queue, key), ())), loop.time())
        self._kept.append(trace)
        token = _current.set(trace)
        try:
            yield
        finally:
            _current.reset(token)
            trace.seconds = loop.time() - trace.began

    def last(self, controller: str = "", key: str = "") -> Sequence[Trace]:
        """Return those that are kept, of a controller and a key where they are given, the newest first."""
        return [
            each
            for each in reversed(self._kept)
            if (not controller or each.controller == controller) and (not key or each.key == key)
        ]


def note_outcome(outcome: object) -> None:
    """Say how the reconcile ends that this is called within, if one is followed; it is put into words only then."""
    trace = _current.get()
    if trace is not None:
        trace.outcome = str(outcome)


def note_request(method: str, path: str, answer: str) -> None:
    """Say what was asked of the API server within a reconcile, if one is followed."""
    trace = _current.get()
    if trace is None:
        return
    if len(trace.requests) < _MOST_REQUESTS:
        trace.requests.append(f"{method} {path} -> {answer}")
    else:
        trace.requests_unlisted += 1
