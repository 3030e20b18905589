"""Python's cyclic collector in a process that keeps tens of thousands of objects for as long as it lives.

Its defaults look through all of them again and again, and find nothing: what is cached here has no cycles.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 100


def keep_many_objects() -> None:
    """Collect less often; called once by commands that cache a cluster or are one."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
