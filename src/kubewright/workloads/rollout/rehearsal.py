"""Trying a release before it is started: what is asked of whoever can, and what came of it.

Rehearsals take seconds and much reading, so they are done one after the other beside the controller, which asks each
turn and goes on with the old release meanwhile. What came of one is only remembered here: whoever takes over rehearses
again. A platform that has nothing to rehearse on holds releases that ask for it, and says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock
from kubewright.errors import OpError

AGAIN_SECONDS = 60.0
"""After how long a release that failed is tried again: the cluster may have changed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a release may start, and in one sentence what it would do, or what keeps it from it."""

    passed: bool
    message: str


class Rehearsal(Protocol):
    """Whoever can try a release elsewhere."""

    async def rehearse(self, app: AppService) -> Outcome:
        """Try the application's spec where nobody is hurt; raises OpError if the cluster cannot be read."""
        ...


NOBODY = Outcome(passed=False, message="this platform has nothing to rehearse on: set rollout.rehearse to false")


@dataclass(frozen=True, slots=True)
class _Known:
    app: AppService
    outcome: Outcome
    at: float


class Rehearsals:
    """The rehearsals of all applications: asked for by `outcome`, done by `run`."""

    def __init__(self, rehearsal: Rehearsal | None, clock: Clock) -> None:
        """Without a `rehearsal` nothing passes."""
        self._rehearsal = rehearsal
        self._clock = clock
        self._known: dict[ObjectKey, _Known] = {}
        self._wanted: dict[ObjectKey, AppService] = {}
        self._news = asyncio.Event()
        self.on_done: Callable[[ObjectKey], None] = lambda _: None
        """Told of each application that was rehearsed."""

    def outcome(self, app: AppService) -> Outcome | None:
        """Return what came of the application's present spec, or None until it is known; what failed is tried again."""
        if self._rehearsal is None:
            return NOBODY
        known = self._known.get(app.key)
        if known is not None and not _is_same(known.app, app):
            known = None
        if known is None or (not known.outcome.passed and self._clock.now() - known.at >= AGAIN_SECONDS):
            self._wanted[app.key] = app
            self._news.set()
        return known.outcome if known is not None else None

    def forget(self, key: ObjectKey) -> None:
        """Forget an application that is gone, or has no release to rehearse."""
        self._known.pop(key, None)
        self._wanted.pop(key, None)

    async def run(self) -> None:
        """Rehearse what is asked for, one after the other, until cancelled."""
        while True:
            while self._wanted and self._rehearsal is not None:
                key, app = next(iter(self._wanted.items()))
                outcome = await self._rehearsed(self._rehearsal, app)
                if self._wanted.get(key) is app:
                    del self._wanted[key]
                    self._known[key] = _Known(app, outcome, self._clock.now())
                    self.on_done(key)
            self._news.clear()
            await self._news.wait()

    async def _rehearsed(self, rehearsal: Rehearsal, app: AppService) -> Outcome:
        try:
            return await rehearsal.rehearse(app)
        except OpError as error:
            return Outcome(passed=False, message=f"it could not be rehearsed: {error}")
        except Exception as error:  # noqa: BLE001  see below
            # A bug, or a cluster that the twin cannot be: others' releases go on, and this one is held.
            _log.exception("rehearsing AppService/%s failed", app.key)
            return Outcome(passed=False, message=f"it could not be rehearsed: {type(error).__name__}: {error}")


def _is_same(one: AppService, other: AppService) -> bool:
    return (one.metadata.uid, one.metadata.generation) == (other.metadata.uid, other.metadata.generation)
