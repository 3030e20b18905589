"""Runs the Job's decisions: counts pods, makes and deletes them, ends the job, and removes it when its time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.batch import JOBS, Job
from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.twin.caches import BY_LABEL, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.expectations import EXPIRY_SECONDS, Expectations
from kubewright.twin.controllers.job.decide import decide, has_ended
from kubewright.twin.controllers.job.tally import FINALIZER, Tally, release
from kubewright.twin.controllers.ownership import take
from kubewright.twin.controllers.podnews import PodNews
from kubewright.twin.controllers.podwrites import PodWriter
from kubewright.twin.controllers.writes import Patch, Remove, Writer

NAME = "job-controller"
_JOB_NAME = "batch.kubernetes.io/job-name"
_OWN = frozenset({"", "kubernetes.io/job-controller"})


@dataclass(frozen=True, slots=True)
class JobReconciler:
    """One Job's turn."""

    caches: Caches
    writer: Writer
    context: Context
    expected: Expectations[ObjectKey]

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one Job on; jobs that others manage are left alone."""
        now = self.context.clock.now()
        job = self.caches.jobs.index.get(key)
        if job is None:
            self.expected.forget(key)
            await self._release_orphans(key)
            return Done()
        if job.spec.managed_by not in _OWN:
            return Done()
        pods = await take(self.writer, self.caches.pods, job, JOBS, job.spec.selector)
        if job.metadata.deletion_timestamp is not None:
            await self.writer.do(release(pod) for pod in pods if _is_held(pod))
            return Done()
        if has_ended(job):
            await self.writer.do(release(pod) for pod in pods if _is_held(pod))
            return await self._expire(job, now)
        if not self.expected.met(key, now):
            return RequeueAfter(EXPIRY_SECONDS)
        return await self._step(job, pods, now)

    async def _step(self, job: Job, pods: Sequence[Pod], now: float) -> Done | RequeueAfter:
        decision = decide(job, pods, Tally.of(job, pods), now)
        pod_writer = PodWriter(JOBS, self.writer, self.context.clock, self.expected)
        for write in decision.writes:
            if isinstance(write, Patch):
                await self.writer.do_one(write)
            else:
                await pod_writer.do(job, write)
        if await self._write_status(job, decision.status):
            await self.writer.do(decision.news)
        let_go = (pod for pod in pods if pod.metadata.uid in decision.released and _is_held(pod))
        await self.writer.do(release(pod) for pod in let_go)
        at = decision.look_again_at
        return Done() if at is None else RequeueAfter(max(at - now, 0.0))

    async def _release_orphans(self, key: ObjectKey) -> None:
        """Nobody counts the pods of a job that is gone: they may go."""
        for pod in self.caches.pods.index.by(BY_LABEL, (key.namespace, _JOB_NAME, key.name)):
            if _is_held(pod):
                await self.writer.do_one(release(pod))

    async def _expire(self, job: Job, now: float) -> Done | RequeueAfter:
        """Delete an ended job when its time to live is over."""
        ttl = job.spec.ttl_seconds_after_finished
        if ttl is None:
            return Done()
        ends = [find_condition(job.status.conditions, type_) for type_ in ("Complete", "Failed")]
        times = [each.last_transition_time for each in ends if each and each.is_true and each.last_transition_time]
        due_at = max((parse_time(each) for each in times), default=now) + ttl
        if due_at > now:
            return RequeueAfter(due_at - now)
        await self.writer.do_one(Remove(JOBS, job.key, job.metadata.uid, "Foreground"))
        return Done()

    async def _write_status(self, job: Job, status: dict[str, Any]) -> bool:
        """Write what changed; return whether anything did."""
        present = msgspec.to_builtins(job.status)
        uncounted: dict[str, Any] | None = present["uncountedTerminatedPods"]
        if uncounted is not None:
            present["uncountedTerminatedPods"] = {name: uids for name, uids in uncounted.items() if uids}
        present["conditions"] = [_essence(each) for each in present["conditions"]]
        asked = {**status, "conditions": [_essence(each) for each in status["conditions"]]}
        changes = {name: status[name] for name, value in asked.items() if present[name] != value}
        if not changes:
            return False
        if "uncountedTerminatedPods" in changes:
            none = dict.fromkeys(("succeeded", "failed"))
            changes["uncountedTerminatedPods"] = {**none, **changes["uncountedTerminatedPods"]}
        await self.writer.do_one(
            Patch(
                JOBS,
                job.key,
                job.metadata.uid,
                {"status": changes},
                "status",
                resource_version=job.metadata.resource_version,
            )
        )
        return True


def _essence(condition: dict[str, Any]) -> tuple[str, str]:
    return condition["type"], condition["status"]


def _is_held(pod: Pod) -> bool:
    return FINALIZER in pod.metadata.finalizers


def add_to(context: Context) -> None:
    """Wire the controller: its own kind and its pods."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    expected: Expectations[ObjectKey] = Expectations()
    watch_own(caches.jobs, queue)
    caches.pods.add_handler(PodNews(caches.jobs, JOBS, lambda each: each.spec.selector, queue, expected))
    reconciler = JobReconciler(caches, context.writer(NAME), context, expected)
    context.controller(NAME, reconciler, queue, (caches.jobs, caches.pods), concurrency=5)
