"""CronJobs: what they refuse, and the Jobs that they make."""

import pytest

from tests.contract.asking import eventually, invalid
from tests.contract.manifests import cron_job

SCHEDULES = {
    "* * * *": "expected exactly 5 fields, found 4: [* * * *]",
    "60 * * * *": "end of range (60) above maximum (59): 60",
    "0 25 * * *": "end of range (25) above maximum (23): 25",
    "* * 0 * *": "beginning of range (0) below minimum (1): 0",
    "5-1 * * * *": "beginning of range (5) beyond end of range (1): 5-1",
    "*/0 * * * *": "step of range should be a positive number: */0",
    "1-2-3 * * * *": "too many hyphens: 1-2-3",
    "1/2/3 * * * *": "too many slashes: 1/2/3",
    "-1 * * * *": 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax',
    "x * * * *": 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax',
    "* * * * sunday": 'failed to parse int from sunday: strconv.Atoi: parsing "sunday": invalid syntax',
    "@often": "unrecognized descriptor: @often",
    "@every 1d": 'failed to parse duration @every 1d: time: unknown unit "d" in duration "1d"',
    "@every 5": 'failed to parse duration @every 5: time: missing unit in duration "5"',
    "@every x": 'failed to parse duration @every x: time: invalid duration "x"',
}


@pytest.fixture
def cron_jobs(api, namespace):
    return api.of("cronjobs", namespace)


@pytest.fixture
def jobs(api, namespace):
    return api.of("jobs", namespace)


@pytest.mark.parametrize(("schedule", "problem"), SCHEDULES.items(), ids=SCHEDULES)
async def test_a_schedule_that_does_not_parse_is_refused(cron_jobs, schedule, problem):
    refused = (await cron_jobs.create(cron_job("tick", schedule=schedule))).refused
    assert refused == invalid('CronJob.batch "tick"', f'spec.schedule: Invalid value: "{schedule}": {problem}')


@pytest.mark.parametrize(
    "schedule", ["0 0 31 2 *", "5/15 * * * MON-fri", "@midnight", "@every 1h30m", "0 0 ? * *", ", * * * *"]
)
async def test_a_schedule_that_parses_is_taken(cron_jobs, schedule):
    (await cron_jobs.create(cron_job("tick", schedule=schedule), dryRun="All")).ok()


async def test_a_zone_belongs_into_its_own_field(cron_jobs):
    refused = (await cron_jobs.create(cron_job("tick", schedule="TZ=UTC * * * * *"))).refused
    detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
    assert refused == invalid('CronJob.batch "tick"', f'spec.schedule: Invalid value: "TZ=UTC * * * * *": {detail}')


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        ("", "timeZone must be nil or non-empty string"),
        ("Mars/Base", "unknown time zone Mars/Base"),
        ("../etc", "unknown time zone ../etc"),
        ("Local", "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
    ],
)
async def test_a_zone_must_be_known(cron_jobs, zone, problem):
    refused = (await cron_jobs.create(cron_job("tick", timeZone=zone))).refused
    assert refused == invalid('CronJob.batch "tick"', f'spec.timeZone: Invalid value: "{zone}": {problem}')


async def test_a_name_leaves_room_for_the_time(cron_jobs):
    name = "x" * 53
    refused = (await cron_jobs.create(cron_job(name))).refused
    line = f'metadata.name: Invalid value: "{name}": must be no more than 52 characters'
    assert refused == invalid(f'CronJob.batch "{name}"', line)


async def test_a_job_is_made_when_it_is_due(api, namespace, cron_jobs, jobs):
    made = (await cron_jobs.create(cron_job("tick", schedule="@every 1s", timeZone="Asia/Tokyo"))).ok()

    async def first():
        return next(iter((await jobs.list()).ok()["items"]), None)

    job = await eventually(first)
    assert job["metadata"]["name"].startswith("tick-")
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("CronJob", made["metadata"]["uid"], True)
    scheduled = job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert scheduled.endswith("+09:00")
    assert job["metadata"]["labels"]["made-by"] == "tick"

    def ran(found):
        return {"lastScheduleTime", "lastSuccessfulTime"} <= found.get("status", {}).keys()

    await cron_jobs.becomes("tick", ran)
    (await cron_jobs.merge("tick", {"spec": {"suspend": True}})).ok()
    await cron_jobs.becomes("tick", lambda found: not found["status"].get("active"))

    async def told():
        found = (await api.of("events", namespace).list(fieldSelector="involvedObject.name=tick")).ok()["items"]
        # Those of many jobs are told together, in other words.
        told = [each for each in found if not each["message"].startswith("(combined from similar events)")]
        reasons = {each["reason"]: each["message"] for each in told}
        return reasons if {"SuccessfulCreate", "SawCompletedJob"} <= reasons.keys() else None

    messages = await eventually(told)
    assert messages["SuccessfulCreate"].startswith("Created job tick-")
    assert messages["SawCompletedJob"].endswith(", condition: Complete")


async def test_a_suspended_one_makes_nothing(cron_jobs, jobs):
    (await cron_jobs.create(cron_job("asleep", schedule="@every 1s", suspend=True))).ok()
    (await cron_jobs.create(cron_job("awake", schedule="@every 1s"))).ok()

    async def several():
        return (await jobs.list()).ok()["items"]

    assert all(each["metadata"]["name"].startswith("awake-") for each in await eventually(several))
