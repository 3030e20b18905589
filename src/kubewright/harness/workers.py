"""Lives in as many processes as there are processors. What was prepared is inherited: worlds are not sent about."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from kubewright.harness.prepared import Prepared

T = TypeVar("T")
R = TypeVar("R")
_CHUNK = 4

_shared: tuple[Prepared, Callable[[Prepared, Any], Any]] | None = None
"""What the processes find when they begin."""


def each_of(prepared: Prepared, live: Callable[[Prepared, T], R], items: Sequence[T], jobs: int) -> list[R]:
    """Return what `live` makes of each item, in order."""
    gc.collect()
    gc.freeze()
    if jobs <= 1 or len(items) <= _CHUNK:
        return [live(prepared, item) for item in items]
    global _shared  # noqa: PLW0603  see there
    _shared = (prepared, live)
    try:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            return pool.map(_live_shared, items, chunksize=_CHUNK)
    finally:
        _shared = None


def _live_shared(item: Any) -> Any:
    if _shared is None:
        raise RuntimeError("only called in processes that inherit what was prepared")
    prepared, live = _shared
    return live(prepared, item)
