"""Advice for pods that have waited for a while: after kube-scheduler's words, the cheapest change that would help.

For one whose queue has no quota left for it that comes first, then what a node would take.

Never in a pod's turn: somebody who has waited ten seconds can wait a few more, and pods that are alike share one piece
of advice. At most a tenth of the loop's time goes into it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.explain.runtimes import RunTimes, endings
from kubewright.explain.why import Ending, Situation, explain
from kubewright.placement.policy import Policy
from kubewright.runtime.rounds import surviving
from kubewright.scheduler.queue import QueuedPod
from kubewright.scheduler.state import ClusterState
from kubewright.scheduler.telling import Teller, plain

AFTER_SECONDS = 10.0
LOOK_SECONDS = 5.0
KEEP_SECONDS = 60.0
"""How long advice holds for others of its like, and for the pod that was given it."""
WRITES_AT_A_TIME = 32
SHARE_OF_TIME = 0.1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Advice:
    text: str
    given_at: float


class Waiting(Protocol):
    """Who waits, and what teams' queues know of it."""

    def pending(self) -> Iterable[QueuedPod]:
        """Return the pods that have no node."""
        ...

    def like(self, pod: Pod) -> Hashable:
        """Return what pods share that wait for the same quota."""
        ...

    def advice(self, pod: Pod) -> str:
        """Return what would let a pod's queue have what it takes; nothing if it may."""
        ...


class Adviser:
    """Looks through the pods that wait."""

    def __init__(
        self,
        state: ClusterState,
        waiting: Waiting,
        teller: Teller,
        policy: Policy,
        clock: Clock,
    ) -> None:
        self._state = state
        self._waiting = waiting
        self._teller = teller
        self._policy = policy
        self._clock = clock
        self._by_like: dict[object, _Advice] = {}
        self._advised: dict[ObjectKey, float] = {}
        self._endings: tuple[Ending, ...] = ()
        self._learned_at = float("-inf")

    async def run(self) -> None:
        """Advise until cancelled."""
        loop = asyncio.get_running_loop()
        pause = LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            began = loop.time()
            written = 0
            for queued in self._due():
                known, text = None, ""
                with surviving(f"advice for {queued.key}"):
                    known = self._known(queued.pod)
                    text = self._advice(queued.pod) if known is None else known
                    await self._give(queued.pod, text)
                written += bool(text)
                if known is None or written == WRITES_AT_A_TIME:
                    break
            # What was awaited counts, too: a server that is slow to take advice is asked less often.
            pause = max(LOOK_SECONDS if not written else 0.0, (loop.time() - began) / SHARE_OF_TIME)

    def _due(self) -> list[QueuedPod]:
        """Return who has waited long enough since it was told, or advised."""
        now = self._clock.now()
        pending = [
            each for each in self._waiting.pending() if each.refused_by and now - each.first_seen_at >= AFTER_SECONDS
        ]
        keys = {each.key for each in pending}
        self._advised = {key: at for key, at in self._advised.items() if key in keys}
        return [each for each in pending if now - self._advised.get(each.key, float("-inf")) >= KEEP_SECONDS]

    def _known(self, pod: Pod) -> str | None:
        found = self._by_like.get(self._like(pod))
        return None if found is None or self._clock.now() - found.given_at >= KEEP_SECONDS else found.text

    def _like(self, pod: Pod) -> object:
        """Return what pods share that can be advised alike; one with volumes is like no other."""
        if pod.spec.volumes:
            return pod.key
        shape = self._state.snapshot.row(pod).shape.key
        return shape, pod.spec.priority, pod.spec.preemption_policy, self._waiting.like(pod)

    def _advice(self, pod: Pod) -> str:
        now = self._clock.now()
        if now - self._learned_at >= KEEP_SECONDS:
            pods = self._state.pods.index.values()
            self._endings, self._learned_at = tuple(endings(pods, {}, RunTimes.of(pods), now)), now
            self._by_like.clear()
        situation = Situation(self._state.snapshot, self._policy, tuple(self._state.budgets()), self._endings)
        text = " ".join(filter(None, (self._waiting.advice(pod), explain(pod, situation).hint)))
        self._by_like[self._like(pod)] = _Advice(text, now)
        return text

    async def _give(self, pod: Pod, text: str) -> None:
        self._advised[pod.key] = self._clock.now()
        present = find_condition(pod.status.conditions, "PodScheduled")
        if not text or present is None or present.status != "False":
            return
        try:
            await self._teller.failed(pod, present.reason, plain(present.message), self._clock.now(), advice=text)
        except OpError as error:
            _log.info("%s could not be advised: %s", pod.key, error)
