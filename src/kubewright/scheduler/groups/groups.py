"""Gangs and queues as the scheduler has them: one object that orders, decides, keeps count and looks at the clock.

The service asks it in five places: whose turn it is (as the queue's `Ordering`), what becomes of a pod, until when a
pod must be bound, what is to be counted when a binding failed, and to run beside it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from kubewright.api.core import PODS, Pod
from kubewright.api.crds.queue import QUEUES
from kubewright.api.meta import Manifest
from kubewright.errors import OpError
from kubewright.runtime.informer import Change
from kubewright.runtime.operators import Operator
from kubewright.runtime.optional import OptionalInformer
from kubewright.runtime.rounds import surviving
from kubewright.scheduler.cycle import Cycle, Outcome, Placement
from kubewright.scheduler.evict import Evictor
from kubewright.scheduler.groups.admission import Admission
from kubewright.scheduler.groups.cycle import GroupCycle
from kubewright.scheduler.groups.gangs import Gangs
from kubewright.scheduler.groups.metrics import GroupMetrics, QueueFigures
from kubewright.scheduler.groups.reading import Gang
from kubewright.scheduler.groups.status import status_of
from kubewright.scheduler.groups.telling import GroupTeller
from kubewright.scheduler.news import News
from kubewright.scheduler.queue import QueuedPod, SchedulingQueue
from kubewright.scheduler.state import ClusterState

TICK_SECONDS = 1.0
STATUS_SECONDS = 5.0
GAVE_BACK = "GangGaveBack"

_log = logging.getLogger(__name__)


class Groups:
    """See the module."""

    def __init__(
        self,
        operator: Operator,
        state: ClusterState,
        cycle: Cycle,
        evictor: Evictor,
        *,
        tell: Callable[[News], None],
        metrics: GroupMetrics | None = None,
    ) -> None:
        self._operator = operator
        self._clock = operator.clock
        self._evictor = evictor
        self._tell = tell
        self._metrics = metrics or GroupMetrics()
        self._metrics.watch(self._figures)
        self.queue = SchedulingQueue(self)
        self._admission = Admission(operator, state.pods, self._heard)
        self._gangs = Gangs(operator.client, tell, self.queue.wants)
        self._cycle = GroupCycle(cycle, state, self.queue, self._admission, self._gangs)
        self._teller = GroupTeller(operator.client, self._gangs.pod_groups.informer, operator.clock, operator.name)
        state.pods.add_handler(self._on_pod)

    def lane(self, pod: Pod) -> str:
        """Return the queue of a pod: those of one take turns by priority and time."""
        return self._admission.queue_of(pod.metadata.namespace)

    def is_first(self, pod: Pod) -> bool:
        """Tell whether a pod completes a gang that runs in part."""
        return self._gangs.is_partial(pod)

    def next_lane(self, heads: Mapping[str, QueuedPod]) -> str:
        """Return whose turn it is: who completes a gang; then the queue that has least of its share.

        Pods without a queue take turns with that one by priority and time.
        """
        first = {lane: head for lane, head in heads.items() if head.is_first} or heads
        queues = [lane for lane in first if lane]
        best = min(queues, key=lambda each: (self._admission.turn(each, first[each]), each), default="")
        if "" not in first or not best:
            return best
        return min("", best, key=lambda lane: (-first[lane].pod.spec.priority, first[lane].queued_at, lane))

    def decide(self, queued: QueuedPod, now: float) -> Sequence[Outcome]:
        """Return what becomes of a pod, and of those that are decided with it."""
        outcomes, gang = self._cycle.decide(queued, now), self._gangs.of(queued.pod)
        if gang is not None:
            self._teller.note(gang, outcomes)
        return outcomes

    def pending(self) -> Iterable[QueuedPod]:
        """Return the pods that have no node."""
        return self.queue.pending()

    def like(self, pod: Pod) -> Hashable:
        """Return what pods share that wait for the same quota."""
        return self._cycle.like(pod)

    def advice(self, pod: Pod) -> str:
        """Return what would let a pod's queue have what it takes; nothing if it may."""
        return self._cycle.advice(pod)

    def bound(self, placement: Placement, now: float) -> None:
        """Count a pod that was bound."""
        queue = self._admission.queue_of(placement.pod.metadata.namespace)
        if queue:
            self._metrics.wait_seconds.labels(queue).observe(now - placement.queued.first_seen_at)

    def gave_back(self, pod: Pod) -> None:
        """Count a pod no longer whose binding failed."""
        self._admission.gave_back(pod.key)
        self._gangs.gave_back(pod)

    def evicted(self, victim: Pod) -> None:
        """Count a pod that had to go."""
        self._cycle.comebacks.pushed(victim)
        queue = self._admission.queue_of(victim.metadata.namespace)
        if queue:
            self._metrics.reclaimed.labels(queue).inc()

    async def wait_known(self) -> None:
        """Wait until it is known which groups and queues there are."""
        for each in self._kinds():
            await each.wait_known()

    async def run(self) -> None:
        """Follow the kinds, give back what is overdue, and write what queues and groups are told, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for each in self._kinds():
                tasks.create_task(each.run())
            tasks.create_task(self._tick(), name="gangs' deadlines")
            tasks.create_task(self._write_statuses(), name="queues' statuses")
            tasks.create_task(self._teller.run(), name="what groups are told")

    def _kinds(self) -> tuple[OptionalInformer[Any], ...]:
        return self._admission.queues, self._gangs.pod_groups, self._gangs.coscheduling

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self._clock.now()
            with surviving("gangs' deadlines"):
                for gang, pods in tuple(self._gangs.overdue(now)):
                    await self._give_back(gang, pods, now)
            with surviving("queues' times"):
                if self._admission.is_used:
                    self._pass_time(now)

    def _pass_time(self, now: float) -> None:
        admission, rooms = self._admission, self._cycle.rooms
        admission.history.advance(admission.tree, now)
        ended = admission.backoffs.ended(now)
        if rooms.next_at is not None and rooms.next_at <= now:
            rooms.next_at, ended = None, True
        if admission.expire(now) or ended:
            self._tell(News.QUEUE)

    async def _give_back(self, gang: Gang, pods: Sequence[Pod], now: float) -> None:
        """Take a gang off its nodes that is not whole by its deadline."""
        self._metrics.gangs_given_back.inc()
        why = f"gang {gang.key} was not whole {gang.deadline_seconds:g} s after it began, and needs {gang.needed} pods"
        for pod in pods:
            try:
                await self._evictor.evict(pod, now, why)
            except OpError as error:
                _log.info("%s is not taken off yet: %s", pod.key, error)
            self._operator.recorder.record(pod, PODS, "Warning", GAVE_BACK, why)
        self._tell(News.GROUP)

    async def _write_statuses(self) -> None:
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            with surviving("queues' statuses"):
                await self._write_all()

    async def _write_all(self) -> None:
        if not self._admission.is_used:
            return
        tree, now = self._admission.tree, self._clock.now()
        pending = Counter(self.lane(each.pod) for each in self.queue.pending())
        running = Counter(queue for queue, _ in self._admission.charged.values())
        for queue in tuple(self._admission.queues.informer.index.values()):
            name = queue.metadata.name
            if name not in tree:
                continue
            problem = self._admission.problems.get(name)
            manifest = status_of(queue, tree, problem, pending=pending[name], running=running[name], now=now)
            if manifest is not None:
                await self._write(manifest)

    async def _write(self, manifest: Manifest) -> None:
        try:
            await self._operator.client.apply(QUEUES, manifest, field_manager=self._operator.name, subresource="status")
        except OpError as error:
            _log.info("the status of a queue is not written: %s", error)

    def _figures(self) -> Mapping[str, QueueFigures]:
        if not self._admission.is_used:
            return {}
        tree, now = self._admission.tree, self._clock.now()
        since: dict[str, list[float]] = {}
        for each in self.queue.pending():
            since.setdefault(self.lane(each.pod), []).append(each.first_seen_at)
        found: dict[str, QueueFigures] = {}
        for name in tree:
            waits, keys = since.get(name, []), sorted(tree.limited(name))
            found[name] = QueueFigures(
                len(waits),
                now - min(waits) if waits else 0.0,
                tree.share(name),
                {key: tree.used(name, key) for key in keys},
                {key: tree.borrowed(name, key) for key in keys},
                {key: tree.nominal(name, key) for key in keys},
            )
        return found

    def _on_pod(self, change: Change[Pod]) -> None:
        self._gangs.follow(change)
        self._admission.follow(change)

    def _heard(self, news: News) -> None:
        """Queues changed: what waits for its turn waits in other lanes."""
        self.queue.reorder()
        self._tell(news)
