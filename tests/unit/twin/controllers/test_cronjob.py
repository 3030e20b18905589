"""Which Job a CronJob makes next, and what it says of those that it made."""

from kubewright.api.batch import CronJob, CronJobSpec, CronJobStatus, Job, JobStatus, JobTemplate
from kubewright.api.conditions import Condition
from kubewright.api.core import ObjectReference
from kubewright.api.meta import ObjectMeta, parse_time, rfc3339
from kubewright.twin.controllers.cronjob.decide import due, job_manifest, observe, outdated

MIDNIGHT = parse_time("2026-01-01T00:00:00Z")
HOUR = 3600


def cron_job(schedule="0 * * * *", *, last=None, active=(), deletion=None, **spec):
    metadata = ObjectMeta(
        name="tick", namespace="default", uid="tick", creation_timestamp=rfc3339(MIDNIGHT), deletion_timestamp=deletion
    )
    references = tuple(ObjectReference("batch/v1", "Job", "default", name, name) for name in active)
    template = JobTemplate({"labels": {"app": "tick"}}, {"template": {}})
    return CronJob(
        metadata=metadata,
        spec=CronJobSpec(schedule=schedule, job_template=template, **spec),
        status=CronJobStatus(references, rfc3339(last) if last is not None else None),
    )


def job(name, end="", *, started=MIDNIGHT):
    conditions = (Condition(end, "True"),) if end else ()
    done = rfc3339(started + 60) if end == "Complete" else None
    status = JobStatus(start_time=rfc3339(started), completion_time=done, conditions=conditions)
    return Job(metadata=ObjectMeta(name=name, namespace="default", uid=name), status=status)


def look(given, seconds, jobs=()):
    progress = observe(given, jobs)
    start, wait = due(given, progress, MIDNIGHT + seconds)
    told = [each.reason for each in progress.news]
    return (None if start is None else start.at - MIDNIGHT), wait, told


def test_before_the_first_start_it_waits():
    assert look(cron_job(), 600) == (None, HOUR - 600 + 0.1, [])


def test_the_start_that_is_due_is_made():
    assert look(cron_job(), HOUR + 0.1) == (HOUR, None, [])


def test_a_start_that_was_made_is_not_made_again():
    assert look(cron_job(last=MIDNIGHT + HOUR), HOUR + 5) == (None, HOUR - 5 + 0.1, [])


def test_of_several_that_were_missed_only_the_latest_is_made():
    assert look(cron_job(last=MIDNIGHT), 5 * HOUR + 60) == (5 * HOUR, None, [])
    assert look(cron_job(last=MIDNIGHT), 200 * HOUR + 60) == (200 * HOUR, None, ["TooManyMissedTimes"])


def test_a_start_is_missed_when_its_deadline_has_passed():
    assert look(cron_job(starting_deadline_seconds=30), HOUR + 20)[0] == HOUR
    # Beyond the deadline no start is in sight at all.
    assert look(cron_job(starting_deadline_seconds=30), HOUR + 60)[0] is None


def test_nothing_starts_while_suspended_or_going():
    assert look(cron_job(suspend=True), HOUR) == (None, None, [])
    assert look(cron_job(deletion=rfc3339(MIDNIGHT)), HOUR) == (None, None, [])


def test_a_job_that_still_runs_forbids_the_next_or_is_replaced_or_neither():
    running = [job("tick-1")]
    forbidding = cron_job(active=["tick-1"], concurrency_policy="Forbid")
    assert look(forbidding, HOUR, running)[::2] == (None, ["JobAlreadyActive"])
    replacing = cron_job(active=["tick-1"], concurrency_policy="Replace")
    progress = observe(replacing, running)
    start, _ = due(replacing, progress, MIDNIGHT + HOUR)
    assert [each.name for each in start.replaced] == ["tick-1"]
    assert look(cron_job(active=["tick-1"]), HOUR, running)[0] == HOUR


def test_a_date_that_does_not_exist_is_told_of():
    assert look(cron_job("0 0 31 2 *"), HOUR) == (None, None, ["InvalidSchedule"])


def test_jobs_that_end_leave_the_active_ones():
    given = cron_job(active=["done", "lost", "runs"])
    progress = observe(given, [job("done", "Complete"), job("runs"), job("stranger")])
    assert [each.name for each in progress.active] == ["runs"]
    assert progress.last_successful_time == rfc3339(MIDNIGHT + 60)
    assert [each.message for each in progress.news] == [
        "Saw completed job: done, condition: Complete",
        "Saw a job that the controller did not create or forgot: stranger",
        "Active job went missing: lost",
    ]


def test_the_oldest_of_too_many_ended_jobs_go():
    jobs = [job(f"good-{n}", "Complete", started=MIDNIGHT + n) for n in (3, 1, 2)] + [job("bad", "Failed"), job("runs")]
    given = cron_job(successful_jobs_history_limit=1, failed_jobs_history_limit=1)
    assert [each.key.name for each in outdated(given, jobs)] == ["good-1", "good-2"]


def test_a_job_is_named_by_the_minute_and_told_the_time_of_its_zone():
    made = job_manifest(cron_job(time_zone="Asia/Tokyo"), MIDNIGHT + HOUR)
    assert made["metadata"]["name"] == f"tick-{(MIDNIGHT + HOUR) / 60:.0f}"
    scheduled = made["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert scheduled == "2026-01-01T10:00:00+09:00"
    assert made["metadata"]["labels"] == {"app": "tick"}
