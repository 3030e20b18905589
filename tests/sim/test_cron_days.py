"""Days of jobs that are made by the clock."""

import asyncio

from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.conditions import is_true
from kubewright.api.core import EVENTS
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.twin.kubelet import behaviour
from tests.sim.build import run

HOUR = 3600
TICK = ObjectKey("default", "tick")


def cron_job(schedule, *, seconds, code=0, **spec):
    notes = {behaviour.EXIT_AFTER: str(seconds), behaviour.EXIT_CODE: str(code)}
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "job:1"}]}
    job = {"backoffLimit": 0, "template": {"metadata": {"annotations": notes}, "spec": pod}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": job}, **spec},
    }


async def jobs(day):
    return (await day.client.list(JOBS)).items


def test_an_hourly_job_runs_every_hour_and_keeps_three():
    async def day(day):
        await day.create(CRON_JOBS, cron_job("0 * * * *", seconds=60))
        await asyncio.sleep(6 * HOUR + 300)
        found = await day.client.get(CRON_JOBS, TICK)
        assert found.status.last_schedule_time == "2030-01-01T06:00:00Z"
        assert parse_time(found.status.last_successful_time) - parse_time(found.status.last_schedule_time) < 90
        assert not found.status.active
        assert sorted(each.status.start_time[11:16] for each in await jobs(day)) == ["04:00", "05:00", "06:00"]

    run(day)


def test_what_runs_longer_than_its_interval_is_left_alone_when_others_are_forbidden():
    async def day(day):
        await day.create(CRON_JOBS, cron_job("0 * * * *", seconds=1.5 * HOUR, concurrencyPolicy="Forbid"))
        await asyncio.sleep(5 * HOUR + 300)
        # At one and at three; at two and at four the one before still ran.
        assert len(await jobs(day)) == 3
        skipped = await day.client.list(EVENTS, field_selector="reason=JobAlreadyActive")
        assert sum(each.count for each in skipped.items) >= 2

    run(day)


def test_what_runs_longer_than_its_interval_is_replaced_when_that_is_asked_for():
    async def day(day):
        await day.create(CRON_JOBS, cron_job("0 * * * *", seconds=1.5 * HOUR, concurrencyPolicy="Replace"))
        await asyncio.sleep(3 * HOUR + 300)
        (left,) = await jobs(day)
        assert left.status.start_time == "2030-01-01T03:00:00Z"
        assert left.status.active == 1

    run(day)


def test_of_failures_one_is_kept():
    async def day(day):
        await day.create(CRON_JOBS, cron_job("*/10 * * * *", seconds=5, code=1))
        await asyncio.sleep(HOUR + 300)
        (left,) = await jobs(day)
        assert is_true(left.status.conditions, "Failed")

    run(day)


def test_after_a_pause_only_the_latest_start_is_made_up_for():
    async def day(day):
        await day.create(CRON_JOBS, cron_job("0 * * * *", seconds=5, suspend=True))
        await asyncio.sleep(5.5 * HOUR)
        await day.client.patch(CRON_JOBS, TICK, {"spec": {"suspend": False}})
        await asyncio.sleep(60)
        (made,) = await jobs(day)
        found = await day.client.get(CRON_JOBS, TICK)
        assert found.status.last_schedule_time == "2030-01-01T05:00:00Z"
        assert made.status.start_time == "2030-01-01T05:30:00Z"

    run(day)
