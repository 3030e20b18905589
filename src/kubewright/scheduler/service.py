"""The scheduler as a service: pods that name it are put on nodes, the queue's first first, and bound many at once.

    caches -> SchedulingQueue -> Cycle.decide (one at a time) -> jobs -> bind or tell (many at once)

Deciding never waits for the API server: a pod is assumed where it was put, the next one is decided on that. A binding
that fails is given back, and its pod tried again. Beside another scheduler of the same cluster nothing is bound twice,
since the API server binds a pod once; what others bind is booked as soon as the watch tells of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from kubewright.api.core import PODS, Pod
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.errors import OpError
from kubewright.placement.claims import ELSEWHERE
from kubewright.placement.fit import DEFAULT_POLICY
from kubewright.placement.policy import Policy
from kubewright.placement.preempt import Preemption
from kubewright.runtime.informer import Change
from kubewright.runtime.operators import Operator
from kubewright.scheduler.advice import Adviser
from kubewright.scheduler.bind import Binder
from kubewright.scheduler.claims import Devices
from kubewright.scheduler.cycle import Cycle, Outcome, Placement, Refusal
from kubewright.scheduler.evict import OUTRANKED, Evictor
from kubewright.scheduler.groups.groups import Groups
from kubewright.scheduler.groups.metrics import GroupMetrics
from kubewright.scheduler.metrics import SchedulerMetrics
from kubewright.scheduler.news import News
from kubewright.scheduler.queue import QueuedPod
from kubewright.scheduler.state import ClusterState, has_left
from kubewright.scheduler.telling import FAILED, Teller
from kubewright.scheduler.volumes import Volumes

NAME = "kubewright-scheduler"
BINDINGS_AT_ONCE = 48
JOBS_AHEAD = 1024
"""How far deciding may run ahead of the API server."""
DECISIONS_IN_A_ROW = 16
FLUSH_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Scheduler:
    """Schedules the pods whose `schedulerName` is `name`, from the caches of an operator that it runs."""

    def __init__(
        self,
        operator: Operator,
        *,
        name: str = NAME,
        policy: Policy = DEFAULT_POLICY,
        seed: int = 0,
        metrics: SchedulerMetrics | None = None,
        groups: GroupMetrics | None = None,
    ) -> None:
        self._name = name
        self._operator = operator
        self._clock = operator.clock
        self._state = ClusterState(operator, self._tell)
        self._cycle = Cycle(self._state, policy, seed=seed)
        self._devices = Devices(operator.client, self._state.claims, operator.clock, name)
        volumes = Volumes(operator.client, self._state.storage, name)
        self._binder = Binder(operator.client, volumes, self._devices, name)
        self._teller = Teller(operator.client, operator.recorder, name)
        self._evictor = Evictor(operator.client, name)
        self._groups = Groups(operator, self._state, self._cycle, self._evictor, tell=self._tell, metrics=groups)
        self._queue = self._groups.queue
        self._adviser = Adviser(self._state, self._groups, self._teller, policy, self._clock)
        self._metrics = metrics or SchedulerMetrics()
        self._metrics.watch_pending(self._queue.counts)
        self._jobs: asyncio.Queue[Outcome] = asyncio.Queue(JOBS_AHEAD)
        operator.recorder.defer_while(lambda: not self._jobs.empty())
        self._woken = asyncio.Event()
        self._running = 0
        self._lacking: dict[ObjectKey, None] = {}
        """Pods for which claims have yet to be made."""
        self._state.pods.add_handler(self._on_pod)

    @property
    def synced(self) -> bool:
        """Whether the caches hold the cluster's state."""
        return self._operator.synced

    @property
    def settled(self) -> bool:
        """Whether no pod has its turn, and nothing that was decided is on its way."""
        counts = self._queue.counts()
        busy = counts["active"] or counts["backoff"] or self._running or self._jobs.qsize()
        return self.synced and not busy

    @property
    def definitions(self) -> Sequence[Manifest]:
        """The kinds that it brings."""
        return self._operator.definitions

    async def run(self) -> None:
        """Schedule until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._operator.run(), name="caches")
            for informer in self._state.informers:
                await informer.wait_synced()
            tasks.create_task(self._groups.run(), name="gangs and queues")
            await self._groups.wait_known()
            tasks.create_task(self._decide(), name="deciding")
            tasks.create_task(self._flush(), name="flushing")
            tasks.create_task(self._adviser.run(), name="advising")
            for number in range(BINDINGS_AT_ONCE):
                tasks.create_task(self._work(), name=f"binding {number}")

    async def _decide(self) -> None:
        loop, in_a_row = asyncio.get_running_loop(), 0
        while True:
            queued = self._queue.pop(self._clock.now())
            if queued is None:
                await self._until_woken()
                continue
            began = loop.time()
            outcomes = self._decided(queued)
            self._metrics.algorithm_seconds.observe(loop.time() - began)
            for outcome in outcomes:
                if isinstance(outcome, Refusal) and isinstance(outcome.preemption, Preemption):
                    self._queue.hold(outcome.queued, (victim.key for victim in outcome.preemption.victims))
                elif isinstance(outcome, Refusal):
                    self._queue.wait_for(outcome.queued, outcome.refused_by, outcome.began_at)
            for outcome in outcomes:
                await self._jobs.put(outcome)
            in_a_row = (in_a_row + 1) % DECISIONS_IN_A_ROW
            if not in_a_row:
                await asyncio.sleep(0)  # let news in, and bindings out

    def _decided(self, queued: QueuedPod) -> Sequence[Outcome]:
        """Return what becomes of a pod; one about which nothing can be decided backs off, and keeps nobody else."""
        try:
            return self._groups.decide(queued, self._clock.now())
        except Exception as error:  # noqa: BLE001  one pod's bug must not stop the scheduling of all the others
            _log.exception("%s: deciding failed unexpectedly", queued.key)
            self._state.forget(queued.key)
            self._queue.back_off(queued, self._clock.now())
            why = f"deciding failed unexpectedly: {type(error).__name__}: {error}"
            self._operator.recorder.record(queued.pod, PODS, "Warning", FAILED, why)
            return ()

    async def _until_woken(self) -> None:
        """Wait for news, or until a pod's back-off ends."""
        due = self._queue.next_at()
        self._woken.clear()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self._clock.now())):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._queue.flush(self._clock.now())
            self._woken.set()

    async def _work(self) -> None:
        while True:
            outcome = await self._jobs.get()
            self._running += 1
            try:
                await self._carry_out(outcome)
            finally:
                self._running -= 1

    async def _carry_out(self, outcome: Outcome) -> None:
        """Bind a pod, or say why not; one with which that fails in a way that nobody foresaw is tried again."""
        try:
            await (self._bind(outcome) if isinstance(outcome, Placement) else self._refuse(outcome))
        except Exception:  # noqa: BLE001  as above
            _log.exception("%s: what was decided could not be carried out", outcome.pod.key)
            self._state.forget(outcome.pod.key)
            self._state.break_promise(outcome.pod.key)
            self._groups.gave_back(outcome.pod)
            for queued in self._queue.take((outcome.pod.key,)):
                self._queue.back_off(queued, self._clock.now())
            self._woken.set()

    async def _bind(self, placement: Placement) -> None:
        pod = placement.pod
        try:
            async with asyncio.timeout(self._left(placement)):
                bound = await self._binder.bind(placement.chosen, placement.node, placement.annotations)
        except TimeoutError:
            await self._give_back(placement, "its gang was not whole by its deadline")
            return
        except OpError as error:
            _log.info("%s is not bound to %s yet: %s", pod.key, placement.chosen.node, error)
            await self._give_back(placement, str(error))
            return
        if not bound:
            # Gone, or bound by somebody else: the watch says which, and takes it out of the queue.
            self._state.forget(pod.key)
            self._groups.gave_back(pod)
            self._queue.back_off(placement.queued, self._clock.now())
            return
        self._queue.remove(pod.key)
        self._groups.bound(placement, self._clock.now())
        self._teller.scheduled(pod, placement.chosen.node)
        self._observe("scheduled", placement.began_at)
        queued = placement.queued
        self._metrics.scheduled(queued.attempts + 1, self._clock.now() - queued.first_seen_at)

    def _left(self, placement: Placement) -> float | None:
        """Return how many seconds there are for a binding; None for any number."""
        return None if placement.deadline is None else max(placement.deadline - self._clock.now(), 0.0)

    async def _give_back(self, placement: Placement, why: str) -> None:
        self._state.forget(placement.pod.key)
        self._groups.gave_back(placement.pod)
        self._queue.back_off(placement.queued, self._clock.now())
        self._woken.set()
        self._observe("error", placement.began_at)
        await self._say(placement.pod, "SchedulerError", why)

    async def _refuse(self, refusal: Refusal) -> None:
        self._observe("unschedulable", refusal.began_at)
        queued, nominated = refusal.queued, ""
        if any(text == ELSEWHERE for each in refusal.diagnosis.refusals for text, _ in each.reasons):
            await self._free_devices(refusal.pod)
        if refusal.preemption is not None:
            self._metrics.preemption_attempts.inc()
        if isinstance(refusal.preemption, Preemption):
            if await self._make_room(refusal, refusal.preemption):
                nominated = refusal.preemption.node
                self._queue.room_made(queued, refusal.began_at, self._clock.now())
                self._woken.set()
            else:
                self._queue.no_room_made(queued, refusal.refused_by, refusal.began_at)
                self._tell(News.POD_GONE)  # some of its victims may have ended meanwhile
        await self._say(refusal.pod, "Unschedulable", str(refusal), nominated)

    async def _free_devices(self, pod: Pod) -> None:
        """Let a pod's claims go from where it cannot run; that they are free is the news that it waits for."""
        try:
            await self._devices.free_stranded(pod)
        except OpError as error:
            _log.info("claims of %s could not be freed: %s", pod.key, error)

    async def _make_room(self, refusal: Refusal, preemption: Preemption) -> bool:
        """Evict the victims, the most important last; their end is the news that the pod waits for."""
        pod = refusal.pod
        self._metrics.preemption_victims.observe(len(preemption.victims))
        try:
            for key in preemption.outranked:
                await self._teller.not_nominated(key)
            for victim in reversed(preemption.victims):
                await self._evictor.evict(victim, self._clock.now(), refusal.eviction or OUTRANKED)
                self._groups.evicted(victim)
                self._teller.preempted(victim, pod, preemption.node)
        except OpError as error:
            _log.info("room for %s could not be made: %s", pod.key, error)
            self._state.break_promise(pod.key)
            return False
        return True

    async def _say(self, pod: Pod, reason: str, message: str, nominated: str = "") -> None:
        try:
            await self._teller.failed(pod, reason, message, self._clock.now(), nominated=nominated)
        except OpError as error:
            _log.info("%s could not be told why it waits: %s", pod.key, error)

    def _observe(self, result: str, began_at: float) -> None:
        self._metrics.attempted(result, self._name, self._clock.now() - began_at)

    def _tell(self, news: News) -> None:
        if news is News.DEVICES:
            for key in tuple(self._lacking):
                self._look_at(key, self._state.pods.index.get(key))
        self._queue.tell(news)
        self._woken.set()

    def _on_pod(self, change: Change[Pod]) -> None:
        if has_left(change):
            self._queue.gone(change.key, self._clock.now())
        self._look_at(change.key, change.new)

    def _look_at(self, key: ObjectKey, pod: Pod | None) -> None:
        self._lacking.pop(key, None)
        if pod is None or not self._wants_node(pod):
            self._queue.remove(key)
        elif pod.spec.resource_claims and self._state.claims.lacks(pod):
            self._lacking[key] = None
        else:
            self._queue.add(pod, self._clock.now())
            self._woken.set()

    def _wants_node(self, pod: Pod) -> bool:
        ours = pod.spec.scheduler_name == self._name and not pod.spec.node_name
        return ours and not pod.is_terminating and not pod.is_finished
