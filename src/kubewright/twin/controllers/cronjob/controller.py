"""Runs the CronJob's decisions: clears old Jobs away, makes the one that is due, and keeps the status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.batch import CRON_JOBS, JOBS, CronJob, Job
from kubewright.api.meta import ObjectKey, controller_of, rfc3339
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter, watch_own, watch_owned
from kubewright.twin.caches import BY_CONTROLLER, Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.cronjob.decide import (
    Progress,
    Start,
    due,
    job_manifest,
    observe,
    outcome,
    outdated,
    reference,
)
from kubewright.twin.controllers.cronjob.timing import next_look_seconds, schedule_of
from kubewright.twin.controllers.writes import Create, Patch, Remove, Writer

NAME = "cronjob-controller"


@dataclass(frozen=True, slots=True)
class CronJobReconciler:
    """One CronJob's turn."""

    caches: Caches
    writer: Writer
    context: Context

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one CronJob on."""
        cron_job = self.caches.cron_jobs.index.get(key)
        if cron_job is None:
            return Done()
        jobs = self.caches.jobs.index.by(BY_CONTROLLER, (key.namespace, cron_job.metadata.uid))
        if not _agree(cron_job, jobs):
            # What was written at the last start may not have come to the caches yet.
            cron_job = await self.context.client.get(CRON_JOBS, key)
            jobs = [*jobs, *await self._unseen(cron_job, jobs)]
        progress = observe(cron_job, jobs)
        for removal in outdated(cron_job, jobs):
            await self._remove(progress, removal)
        now = self.context.clock.now()
        start, wait = due(cron_job, progress, now)
        last = cron_job.status.last_schedule_time
        if start is not None and await self._start(progress, start):
            last = rfc3339(start.at)
        await self._write_status(progress, last)
        if start is not None:
            status = msgspec.structs.replace(cron_job.status, last_schedule_time=last)
            wait = next_look_seconds(msgspec.structs.replace(cron_job, status=status), schedule_of(cron_job), now)
        return Done() if wait is None else RequeueAfter(max(wait, 0.0))

    async def _unseen(self, cron_job: CronJob, jobs: Sequence[Job]) -> list[Job]:
        """Return the active Jobs that the cache does not have and the server does."""
        seen = {job.metadata.uid for job in jobs}
        found: list[Job] = []
        for each in cron_job.status.active:
            if each.uid in seen:
                continue
            try:
                found.append(await self.context.client.get(JOBS, ObjectKey(each.namespace, each.name)))
            except OpError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
        return [job for job in found if job.metadata.uid not in seen]

    async def _remove(self, progress: Progress, removal: Remove) -> None:
        await self.writer.do_one(removal)
        progress.drop(removal.uid)
        progress.tell("Normal", "SuccessfulDelete", f"Deleted job {removal.key.name}")

    async def _start(self, progress: Progress, start: Start) -> bool:
        """Make the Job that is due; return whether it is ours."""
        for each in start.replaced:
            removal = Remove(JOBS, ObjectKey(each.namespace, each.name), each.uid, "Background")
            await self._remove(progress, removal)
        cron_job = progress.cron_job
        manifest = job_manifest(cron_job, start.at)
        try:
            made = await self.writer.do_one(Create(JOBS, manifest))
        except OpError as error:
            if error.kind is not ErrorKind.ALREADY_EXISTS:
                progress.tell("Warning", "FailedCreate", f"Error creating job: {error.detail}")
                await self.writer.do(progress.news)
                raise
            key = ObjectKey(cron_job.metadata.namespace, manifest["metadata"]["name"])
            made = await self.context.client.get(JOBS, key)
            owner = controller_of(made)
            if owner is None or owner.uid != cron_job.metadata.uid:
                return False
        else:
            progress.tell("Normal", "SuccessfulCreate", f"Created job {manifest['metadata']['name']}")
        if isinstance(made, Job):
            progress.active.append(reference(made))
        return True

    async def _write_status(self, progress: Progress, last_schedule_time: str | None) -> None:
        status, cron_job = progress.cron_job.status, progress.cron_job
        changes: dict[str, Any] = {}
        if tuple(progress.active) != status.active:
            changes["active"] = [msgspec.to_builtins(each) for each in progress.active] or None
        if last_schedule_time != status.last_schedule_time:
            changes["lastScheduleTime"] = last_schedule_time
        if progress.last_successful_time != status.last_successful_time:
            changes["lastSuccessfulTime"] = progress.last_successful_time
        if changes:
            version = cron_job.metadata.resource_version
            uid = cron_job.metadata.uid
            patch = Patch(CRON_JOBS, cron_job.key, uid, {"status": changes}, "status", resource_version=version)
            await self.writer.do_one(patch)
        await self.writer.do(progress.news)


def _agree(cron_job: CronJob, jobs: Sequence[Job]) -> bool:
    """Tell whether the status names just the Jobs that run."""
    running = {job.metadata.uid for job in jobs if not outcome(job)}
    return running == {each.uid for each in cron_job.status.active}


def add_to(context: Context) -> None:
    """Wire the controller: its own kind and its Jobs."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.cron_jobs, queue)
    watch_owned(caches.jobs, queue, CRON_JOBS)
    reconciler = CronJobReconciler(caches, context.writer(NAME), context)
    context.controller(NAME, reconciler, queue, (caches.cron_jobs, caches.jobs), concurrency=5)
