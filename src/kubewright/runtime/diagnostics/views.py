"""What there is to be seen: tasks, a processor profile, memory, reconciles."""

from __future__ import annotations

import asyncio
import gc
import io
import tracemalloc
from collections import Counter
from collections.abc import Sequence

import msgspec

from kubewright.runtime.traces import Trace

_TYPES_SHOWN = 50
_LINES_SHOWN = 50
_INTERVAL_SECONDS = 0.005
_FRAMES = 5


def tasks() -> str:
    """Return every task of the loop with where it waits."""
    said = io.StringIO()
    found = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())
    said.write(f"{len(found)} tasks\n")
    for task in found:
        said.write("\n")
        task.print_stack(file=said)
    return said.getvalue()


async def profile(seconds: float, *, as_text: bool) -> str:
    """Return where the loop's thread spent its time in the next seconds: for speedscope.app, or as a tree to read."""
    from pyinstrument import Profiler
    from pyinstrument.renderers import ConsoleRenderer, SpeedscopeRenderer

    # Not by the context of a task: everything that the loop runs is what is asked for.
    profiler = Profiler(interval=_INTERVAL_SECONDS, async_mode="disabled")
    profiler.start()
    try:
        await asyncio.sleep(seconds)
    finally:
        session = profiler.stop()
    renderer = ConsoleRenderer(show_all=True) if as_text else SpeedscopeRenderer(show_all=True)
    return renderer.render(session)


def objects() -> str:
    """Return how many objects of each type the collector knows, the most first."""
    counts = Counter(type(each).__qualname__ for each in gc.get_objects())
    lines = [f"{count:>10} {name}" for name, count in counts.most_common(_TYPES_SHOWN)]
    return "\n".join([f"{counts.total():>10} objects; collections by generation: {_collections()}", *lines, ""])


def _collections() -> str:
    return ", ".join(str(each["collections"]) for each in gc.get_stats())


async def growth(seconds: float) -> str:
    """Return what is allocated in the next seconds and still there at their end, by where, the most first."""
    tracemalloc.start(_FRAMES)
    try:
        before = tracemalloc.take_snapshot()
        await asyncio.sleep(seconds)
        found = tracemalloc.take_snapshot().compare_to(before, "lineno")
    finally:
        tracemalloc.stop()
    return "".join(f"{each}\n" for each in found[:_LINES_SHOWN])


def reconciles(traces: Sequence[Trace], now: float) -> bytes:
    """Return reconciles as JSON; `now` is the loop's time, and they began so many seconds `ago`."""
    return msgspec.json.encode([{"ago": round(now - each.began, 3), **msgspec.to_builtins(each)} for each in traces])
