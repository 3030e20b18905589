"""Pods that want a node, in the order in which they are tried.

    active --pop--> (a cycle) --wait_for--> waiting --tell(news)--> active, or backing off until its time
                              --back_off--> backing off
                              --hold--> held --room_made--> backing off, or active once its last victim is gone

As kube-scheduler's SchedulingQueue: the higher priority first, within a priority whoever was queued first; a pod that
fitted nowhere waits for news that could help one of the filters that refused it, or five minutes; from its first
failure on it waits at least 1 s, then 2, 4, 8 and 10 s. Pods that back off are taken early when nobody else waits.

Everything is synchronous; times are the caller's, in seconds. News are collected and heeded together, so that a
thousand pods that end at once wake those that wait for room once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.runtime.backoff import exponential_seconds
from kubewright.scheduler.news import QUOTA, News, helps

FIRST_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 10.0
WAIT_AT_MOST_SECONDS = 300.0
_TRIED_NOWHERE = frozenset({QUOTA})
"""Whom its quota alone keeps waiting has no need to back off: turns go by shares, not by who failed when."""


@dataclass(slots=True, eq=False)
class QueuedPod:
    """A pod in the queue, and what became of it so far."""

    pod: Pod
    queued_at: float
    """When it last became active: its rank among pods of its priority."""
    first_seen_at: float
    sequence: int
    attempts: int = 0
    failed_at: float = 0.0
    refused_by: frozenset[str] = frozenset()
    is_first: bool = False
    """Whether it has its turn before all that are not."""
    request: Mapping[str, int] | None = None
    """What it takes, once somebody has worked that out."""

    @property
    def key(self) -> ObjectKey:
        """Return the pod's namespace and name."""
        return self.pod.key

    @property
    def ready_at(self) -> float:
        """Return from when on it may be tried again."""
        if not self.attempts:
            return self.queued_at
        return self.failed_at + exponential_seconds(self.attempts - 1, FIRST_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS)


class Ordering(Protocol):
    """Says which pods take turns with each other, besides priority and time."""

    def lane(self, pod: Pod) -> str:
        """Return among which pods it waits for its turn."""
        ...

    def is_first(self, pod: Pod) -> bool:
        """Tell whether it has its turn before all that are not, and does not back off when there is news for it."""
        ...

    def next_lane(self, heads: Mapping[str, QueuedPod]) -> str:
        """Return which of several lanes has its turn, by the first pod of each."""
        ...


class OneLane:
    """The higher priority first, within a priority whoever was queued first."""

    def lane(self, pod: Pod) -> str:
        """Return the only one."""
        del pod
        return ""

    def is_first(self, pod: Pod) -> bool:
        """Put nobody first."""
        del pod
        return False

    def next_lane(self, heads: Mapping[str, QueuedPod]) -> str:
        """Return the only one."""
        return next(iter(heads))


class SchedulingQueue:
    """See the module. A pod is in it once, or was popped and neither came back nor was removed."""

    def __init__(self, ordering: Ordering | None = None) -> None:
        self._ordering = ordering or OneLane()
        self._pods: dict[ObjectKey, QueuedPod] = {}
        self._active: dict[str, list[tuple[bool, int, float, int, QueuedPod]]] = {}
        self._backing_off: list[tuple[float, int, QueuedPod]] = []
        self._in_active: set[ObjectKey] = set()
        self._in_backoff: set[ObjectKey] = set()
        self._waiting: dict[frozenset[str], dict[ObjectKey, QueuedPod]] = {}
        """By what refused them."""
        self._held: dict[ObjectKey, set[ObjectKey]] = {}
        """Pods for which room is being made, with the victims that are not gone yet: no news is for them meanwhile."""
        self._holders: dict[ObjectKey, set[ObjectKey]] = {}
        """Victim -> who waits for its end."""
        self._gated: dict[ObjectKey, Pod] = {}
        self._news: set[News] = set()
        self._sequence = 0

    def __contains__(self, key: ObjectKey) -> bool:
        return key in self._pods or key in self._gated

    def wants(self, key: ObjectKey) -> bool:
        """Tell whether a pod is in the queue, or has its turn; one with gates is not."""
        return key in self._pods

    def counts(self) -> dict[str, int]:
        """Return how many pods are where, by the names that `scheduler_pending_pods` has for it."""
        waiting = sum(len(pods) for pods in self._waiting.values())
        return {
            "active": len(self._in_active),
            "backoff": len(self._in_backoff),
            "unschedulable": waiting + len(self._held.keys() - self._in_backoff),
            "gated": len(self._gated),
        }

    def add(self, pod: Pod, now: float) -> None:
        """Take a new pod, or another state of one that is in the queue; one with gates is only kept in sight."""
        if pod.spec.scheduling_gates:
            self.remove(pod.key)
            self._gated[pod.key] = pod
            return
        self._gated.pop(pod.key, None)
        known = self._pods.get(pod.key)
        if known is None or known.pod.metadata.uid != pod.metadata.uid:
            self.remove(pod.key)
            self._sequence += 1
            known = self._pods[pod.key] = QueuedPod(pod, now, now, self._sequence)
            self._activate(known, now)
            return
        before, known.pod, known.request = known.pod, pod, None
        claims = before.status.resource_claim_statuses, pod.status.resource_claim_statuses
        if before.spec != pod.spec or before.metadata.labels != pod.metadata.labels or claims[0] != claims[1]:
            self._retry(known, now)

    def remove(self, key: ObjectKey) -> None:
        """Forget a pod: it is gone, or has a node."""
        self._gated.pop(key, None)
        known = self._pods.pop(key, None)
        self._in_active.discard(key)
        self._in_backoff.discard(key)
        self._let_go(key)
        if known is not None:
            self._stop_waiting(known)

    def pop(self, now: float) -> QueuedPod | None:
        """Take the pod to be tried next; None if there is none at present."""
        self._heed()
        self._end_backoffs(now)
        heads = {lane: head for lane in tuple(self._active) if (head := self._head(lane)) is not None}
        if not heads:
            return self._pop_early()
        lane = next(iter(heads)) if len(heads) == 1 else self._ordering.next_lane(heads)
        heapq.heappop(self._active[lane])
        self._in_active.discard(heads[lane].key)
        return heads[lane]

    def take(self, keys: Iterable[ObjectKey]) -> list[QueuedPod]:
        """Take pods out of their turn, wherever they wait, to be decided with one that was popped; the others stay."""
        found = [known for key in keys if (known := self._pods.get(key)) is not None]
        for known in found:
            self._in_active.discard(known.key)
            self._in_backoff.discard(known.key)
            self._let_go(known.key)
            self._stop_waiting(known)
        return found

    def reorder(self) -> None:
        """Put those that have their turn into their lanes anew."""
        entries = [entry for heap in self._active.values() for entry in heap if self._has_turn(entry[-1])]
        self._active = {}
        for entry in entries:
            self._push(entry)

    def wait_for(self, queued: QueuedPod, refused_by: frozenset[str], now: float) -> None:
        """Put back a pod that fits nowhere, until there is news for it."""
        if not self._fail(queued, now):
            return
        queued.refused_by = refused_by
        self._waiting.setdefault(refused_by, {})[queued.key] = queued

    def hold(self, queued: QueuedPod, victims: Iterable[ObjectKey]) -> None:
        """Put back a pod for which room is being made, until that is done and every victim is `gone`."""
        if self._pods.get(queued.key) is queued:
            self._held[queued.key] = set(victims)
            for victim in self._held[queued.key]:
                self._holders.setdefault(victim, set()).add(queued.key)

    def room_made(self, queued: QueuedPod, began_at: float, now: float) -> None:
        """Give a pod that was held its turn if its victims are gone, else when they are, or its back-off ends."""
        if queued.key not in self._held or not self._fail(queued, began_at):
            return
        queued.refused_by = frozenset()
        if self._held[queued.key]:
            self._delay(queued)
        else:
            self._activate(queued, now)

    def no_room_made(self, queued: QueuedPod, refused_by: frozenset[str], began_at: float) -> None:
        """Let a pod that was held wait for news from now on, if it is still held."""
        if self._pods.get(queued.key) is queued and self._let_go(queued.key):
            self.wait_for(queued, refused_by, began_at)

    def gone(self, key: ObjectKey, now: float) -> None:
        """Say that a pod gave back what it took, which may be the last that somebody waits for."""
        for holder in self._holders.pop(key, ()):
            self._held[holder].discard(key)
            if not self._held[holder] and holder in self._in_backoff:
                self._in_backoff.discard(holder)
                self._activate(self._pods[holder], now)

    def back_off(self, queued: QueuedPod, now: float) -> None:
        """Put back a pod for which something went wrong that time may mend."""
        if self._fail(queued, now):
            queued.refused_by = frozenset()
            self._delay(queued)

    def tell(self, news: News) -> None:
        """Say what happened."""
        if self._waiting:
            self._news.add(news)

    def flush(self, now: float) -> None:
        """Let those try again that have waited for five minutes without any news for them."""
        old = [
            queued
            for pods in self._waiting.values()
            for queued in pods.values()
            if now - queued.failed_at >= WAIT_AT_MOST_SECONDS
        ]
        for queued in old:
            self._retry(queued, now)

    def next_at(self) -> float | None:
        """Return when a pod is due that backs off now; None if none does."""
        while self._backing_off and not self._holds(self._backing_off[0][-1]):
            heapq.heappop(self._backing_off)
        return self._backing_off[0][0] if self._backing_off else None

    def pending(self) -> Iterator[QueuedPod]:
        """Yield every pod that is in the queue, gated ones aside."""
        yield from self._pods.values()

    def _fail(self, queued: QueuedPod, now: float) -> bool:
        """Count a failure; tell whether the pod is still wanted."""
        if self._pods.get(queued.key) is not queued:
            return False
        queued.attempts += 1
        queued.failed_at = now
        return True

    def _heed(self) -> None:
        """Move those for whom there was news: to their turn, or to the end of their back-off."""
        if not self._news:
            return
        news, self._news = self._news, set()
        for refused_by in [each for each in self._waiting if helps(news, each)]:
            for queued in self._waiting.pop(refused_by).values():
                if refused_by == _TRIED_NOWHERE or self._ordering.is_first(queued.pod):
                    self._activate(queued, queued.queued_at)
                else:
                    self._delay(queued)

    def _retry(self, queued: QueuedPod, now: float) -> None:
        if queued.key in self._in_active or queued.key in self._in_backoff:
            return
        if self._stop_waiting(queued):
            if queued.ready_at > now:
                self._delay(queued)
            else:
                self._activate(queued, now)

    def _stop_waiting(self, queued: QueuedPod) -> bool:
        pods = self._waiting.get(queued.refused_by)
        if pods is None or pods.pop(queued.key, None) is None:
            return False
        if not pods:
            del self._waiting[queued.refused_by]
        return True

    def _let_go(self, key: ObjectKey) -> bool:
        """Wait for nobody's end any longer; tell whether the pod was held."""
        victims = self._held.pop(key, None)
        for victim in victims or ():
            self._holders[victim].discard(key)
            if not self._holders[victim]:
                del self._holders[victim]
        return victims is not None

    def _activate(self, queued: QueuedPod, now: float) -> None:
        self._let_go(queued.key)
        queued.queued_at = now
        queued.is_first = self._ordering.is_first(queued.pod)
        self._in_active.add(queued.key)
        self._push((not queued.is_first, -queued.pod.spec.priority, now, queued.sequence, queued))

    def _push(self, entry: tuple[bool, int, float, int, QueuedPod]) -> None:
        heapq.heappush(self._active.setdefault(self._ordering.lane(entry[-1].pod), []), entry)

    def _has_turn(self, queued: QueuedPod) -> bool:
        return queued.key in self._in_active and self._pods.get(queued.key) is queued

    def _head(self, lane: str) -> QueuedPod | None:
        """Return the first pod of a lane; one without any is forgotten."""
        heap = self._active[lane]
        while heap:
            if self._has_turn(heap[0][-1]):
                return heap[0][-1]
            heapq.heappop(heap)
        del self._active[lane]
        return None

    def _delay(self, queued: QueuedPod) -> None:
        self._in_backoff.add(queued.key)
        heapq.heappush(self._backing_off, (queued.ready_at, queued.sequence, queued))

    def _end_backoffs(self, now: float) -> None:
        while self._backing_off and (self._backing_off[0][0] <= now or not self._holds(self._backing_off[0][-1])):
            queued = heapq.heappop(self._backing_off)[-1]
            if self._holds(queued):
                self._in_backoff.discard(queued.key)
                self._activate(queued, now)

    def _pop_early(self) -> QueuedPod | None:
        """Take the one whose back-off ends first, unless an error put it there: haste would only repeat that."""
        if self.next_at() is None or not self._backing_off[0][-1].refused_by:
            return None
        queued = heapq.heappop(self._backing_off)[-1]
        self._in_backoff.discard(queued.key)
        return queued

    def _holds(self, queued: QueuedPod) -> bool:
        return queued.key in self._in_backoff and self._pods.get(queued.key) is queued
