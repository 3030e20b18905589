"""Jobs whose failures and successes are judged by policies, and index by index."""

import pytest

from tests.contract.asking import eventually


@pytest.fixture
def jobs(api, namespace):
    return api.of("jobs", namespace)


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


def job(name, *, seconds="0.1", code="0", **spec):
    notes = {"twin.kubewright.dev/exit-after": seconds, "twin.kubewright.dev/exit-code": code}
    body = {
        "containers": [{"name": "main", "image": "nginx:1"}],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
    }
    template = {"metadata": {"annotations": notes}, "spec": body}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def ended(found):
    conditions = found["status"].get("conditions", [])
    return any(each["type"] in {"Complete", "Failed"} and each["status"] == "True" for each in conditions)


def reasons(found):
    return [(each["type"], each["reason"]) for each in found["status"]["conditions"]]


def exits(action, *codes, operator="In"):
    return {"action": action, "onExitCodes": {"operator": operator, "values": list(codes)}}


async def test_an_exit_code_may_end_the_job_at_once(jobs, namespace):
    policy = {"rules": [exits("Ignore", 1), exits("FailJob", 42)]}
    (await jobs.create(job("fatal", code="42", podFailurePolicy=policy))).ok()
    found = await jobs.becomes("fatal", ended)
    assert reasons(found) == [("FailureTarget", "PodFailurePolicy"), ("Failed", "PodFailurePolicy")]
    message = found["status"]["conditions"][0]["message"]
    assert message.startswith(f"Container main for pod {namespace}/fatal-")
    assert message.endswith(" failed with exit code 42 matching FailJob rule at index 1")
    assert found["status"]["failed"] == 1
    assert found["spec"]["podReplacementPolicy"] == "Failed"


async def test_ignored_failures_are_not_counted(jobs, pods):
    policy = {"rules": [exits("Ignore", 3)]}
    (await jobs.create(job("patient", code="3", backoffLimit=0, podFailurePolicy=policy))).ok()

    async def failed():
        found = (await pods.list()).ok()["items"]
        return [
            each for each in found if each["status"]["phase"] == "Failed" and not each["metadata"].get("finalizers")
        ]

    await eventually(failed)
    found = (await jobs.get("patient")).ok()
    assert "failed" not in found["status"]
    assert not found["status"].get("conditions")


async def test_each_index_fails_by_itself(jobs, pods):
    limits = {"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 0}
    (await jobs.create(job("indexed", code="1", **limits))).ok()
    found = await jobs.becomes("indexed", ended)
    assert reasons(found) == [("FailureTarget", "FailedIndexes"), ("Failed", "FailedIndexes")]
    assert found["status"]["failedIndexes"] == "0,1"
    assert found["status"]["failed"] == 2
    assert found["spec"]["backoffLimit"] == 2**31 - 1
    made = (await pods.list()).ok()["items"]
    count = "batch.kubernetes.io/job-index-failure-count"
    assert [each["metadata"]["annotations"][count] for each in made] == ["0", "0"]


async def test_too_many_failed_indexes_end_the_job(jobs):
    limits = {"completionMode": "Indexed", "completions": 3, "parallelism": 1, "backoffLimitPerIndex": 0}
    (await jobs.create(job("few", code="1", maxFailedIndexes=1, **limits))).ok()
    found = await jobs.becomes("few", ended)
    assert reasons(found)[-1] == ("Failed", "MaxFailedIndexesExceeded")
    assert found["status"]["failedIndexes"] == "0,1"


async def test_an_index_that_failed_is_tried_again_with_its_count(jobs, pods):
    limits = {"completionMode": "Indexed", "completions": 1, "backoffLimitPerIndex": 1}
    (await jobs.create(job("again", code="1", **limits))).ok()
    found = await jobs.becomes("again", ended)
    assert reasons(found)[-1] == ("Failed", "FailedIndexes")
    made = (await pods.list()).ok()["items"]
    counts = [each["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] for each in made]
    assert sorted(counts) == ["0", "1"]


async def test_an_index_may_fail_for_good_at_once(jobs):
    limits = {"completionMode": "Indexed", "completions": 1, "backoffLimitPerIndex": 5}
    policy = {"rules": [exits("FailIndex", 7)]}
    (await jobs.create(job("once", code="7", podFailurePolicy=policy, **limits))).ok()
    found = await jobs.becomes("once", ended)
    assert found["status"]["failed"] == 1
    assert found["status"]["failedIndexes"] == "0"


async def test_some_successes_may_be_enough(jobs, pods):
    policy = {"rules": [{"succeededIndexes": "7"}, {"succeededCount": 1}]}
    sizes = {"completionMode": "Indexed", "completions": 8, "parallelism": 1}
    (await jobs.create(job("enough", successPolicy=policy, **sizes))).ok()
    found = await jobs.becomes("enough", ended)
    assert reasons(found) == [("SuccessCriteriaMet", "SuccessPolicy"), ("Complete", "SuccessPolicy")]
    assert found["status"]["conditions"][0]["message"] == "Matched rules at index 1"
    assert found["status"]["completedIndexes"].startswith("0")


async def test_a_suspended_job_has_no_pods_until_it_is_resumed(jobs, pods):
    (await jobs.create(job("paused", seconds="600", suspend=True, parallelism=2))).ok()
    found = await jobs.becomes("paused", lambda found: found["status"].get("conditions"))
    assert reasons(found) == [("Suspended", "JobSuspended")]
    assert "startTime" not in found["status"]
    (await jobs.merge("paused", {"spec": {"suspend": False}})).ok()
    found = await jobs.becomes("paused", lambda found: found["status"].get("ready") == 2)
    assert reasons(found) == [("Suspended", "JobResumed")]
    (await jobs.merge("paused", {"spec": {"suspend": True}})).ok()
    await jobs.becomes("paused", lambda found: not found["status"].get("active"))

    async def none():
        return not (await pods.list()).ok()["items"]

    await eventually(none)
    found = (await jobs.get("paused")).ok()
    assert "failed" not in found["status"]


async def test_a_job_of_somebody_elses_is_left_alone(jobs, pods):
    (await jobs.create(job("theirs", managedBy="example.com/controller"))).ok()
    (await jobs.create(job("ours", managedBy="kubernetes.io/job-controller"))).ok()
    await jobs.becomes("ours", ended)
    assert not (await jobs.get("theirs")).ok()["status"]
