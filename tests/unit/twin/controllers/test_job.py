"""Jobs: how many pods, until when, and each counted once."""

import msgspec
import pytest

from kubewright.api.batch import (
    ExitCodes,
    Job,
    JobSpec,
    JobStatus,
    PodConditionPattern,
    PodFailurePolicy,
    PodFailureRule,
    SuccessPolicy,
    SuccessRule,
    Uncounted,
)
from kubewright.api.conditions import Condition
from kubewright.api.core import ContainerState, ContainerStateTerminated, ContainerStatus
from kubewright.api.meta import ObjectMeta, rfc3339
from kubewright.twin.controllers.job.decide import decide
from kubewright.twin.controllers.job.indexes import parse, written
from kubewright.twin.controllers.job.tally import FINALIZER, Tally
from kubewright.twin.controllers.writes import Create, Remove
from tests.unit.twin.controllers.build import NOW, TEMPLATE, pod


def job(*, status=None, **spec):
    body = JobSpec(template=TEMPLATE, **{"completions": 1, **spec})
    metadata = ObjectMeta(name="j", namespace="default", uid="j", generation=1)
    return Job(metadata=metadata, spec=body, status=JobStatus(**(status or {})))


def of(name, phase="Running", *, held=True, index=None, **options):
    notes = {} if index is None else {"batch.kubernetes.io/job-completion-index": str(index)}
    made = pod(name, phase=phase, ready=phase == "Running", notes=notes, created_at=NOW - 60, **options)
    finalizers = (FINALIZER,) if held else ()
    return msgspec.structs.replace(made, metadata=msgspec.structs.replace(made.metadata, finalizers=finalizers))


def step(given, *pods):
    return decide(given, pods, Tally.of(given, pods), NOW)


def made(decision):
    return sum(isinstance(write, Create) for write in decision.writes)


def gone(decision):
    return [write.key.name for write in decision.writes if isinstance(write, Remove)]


def types(decision):
    return [each["type"] for each in decision.status["conditions"]]


@pytest.mark.parametrize(
    ("given", "pods", "expected"),
    [
        pytest.param(job(completions=5, parallelism=2), (), 2, id="as many at a time as may be"),
        pytest.param(job(completions=3, parallelism=5), (), 3, id="no more than are to succeed"),
        pytest.param(job(completions=3, parallelism=3), (of("a"), of("b", "Succeeded")), 1, id="what ran counts"),
        pytest.param(job(completions=None, parallelism=2), (of("a", "Succeeded"), of("b")), 0, id="one is enough"),
        pytest.param(job(suspend=True), (), 0, id="none while suspended"),
        pytest.param(job(), (of("a", "Failed"),), 1, id="a failure long ago is made up for"),
    ],
)
def test_how_many_pods_are_made(given, pods, expected):
    assert made(step(given, *pods)) == expected


def test_an_indexed_job_fills_the_gaps():
    given = job(completions=4, parallelism=4, completion_mode="Indexed", status={"completed_indexes": "0,3"})
    decision = step(given, of("a", index=2))
    (create,) = decision.writes
    assert create.manifest["metadata"]["generateName"] == "j-1-"


def test_a_failure_just_now_is_waited_for():
    decision = step(job(), failed("a", ago=1))
    assert (made(decision), decision.look_again_at) == (0, NOW + 9)


def test_a_job_ends_only_when_its_pods_are_counted():
    held = step(job(), of("a", "Succeeded"))
    assert types(held) == ["SuccessCriteriaMet"]
    assert held.status["uncountedTerminatedPods"] == {"succeeded": ["uid-a"]}
    assert held.status["succeeded"] == 0
    noted = {"uncounted_terminated_pods": Uncounted(succeeded=("uid-a",))}
    counted = step(job(status=noted), of("a", "Succeeded", held=False))
    assert types(counted) == ["SuccessCriteriaMet", "Complete"]
    assert (counted.status["succeeded"], counted.status["uncountedTerminatedPods"]) == (1, {})


def test_a_pod_that_is_counted_is_not_counted_again():
    counted = job(completions=2, status={"succeeded": 1})
    decision = step(counted, of("a", "Succeeded", held=False))
    assert decision.status["succeeded"] == 1


def test_too_many_failures_take_the_others_along():
    decision = step(job(parallelism=2, completions=2, backoff_limit=0), of("a", "Failed"), of("b"))
    assert (types(decision), gone(decision)) == (["FailureTarget"], ["b"])


def test_pods_that_are_too_many_are_let_go_before_they_could_count_as_failed():
    for given in (job(suspend=True), job(parallelism=0)):
        first, second = step(given, of("a")).writes
        assert (first.changes, second.key.name) == ({"metadata": {"finalizers": None}}, "a")


def test_a_deadline_ends_the_job():
    late = job(active_deadline_seconds=10, status={"start_time": rfc3339(NOW - 11)})
    assert gone(step(late, of("a"))) == ["a"]
    early = job(active_deadline_seconds=10, status={"start_time": rfc3339(NOW - 4)})
    assert step(early, of("a")).look_again_at == NOW + 6


@pytest.mark.parametrize(
    ("indexes", "text"),
    [((), ""), ((0, 1), "0,1"), ((0, 1, 2), "0-2"), ((0, 2, 3, 4, 7), "0,2-4,7")],
)
def test_indexes_are_written_as_ranges(indexes, text):
    assert written(indexes) == text
    assert parse(text) == set(indexes)


def rule(action, codes=(), *, operator="In", condition=""):
    exits = ExitCodes(None, operator, tuple(codes)) if codes else None
    return PodFailureRule(action, exits, (PodConditionPattern(condition),) if condition else ())


def failed(name, code=1, *, index=None, before=0, ago=100, held=True, conditions=()):
    ended = ContainerState(terminated=ContainerStateTerminated(code, finished_at=rfc3339(NOW - ago)))
    made = of(name, "Failed", index=index, held=held)
    notes = {**made.metadata.annotations, "batch.kubernetes.io/job-index-failure-count": str(before)}
    status = msgspec.structs.replace(
        made.status,
        container_statuses=(ContainerStatus("main", state=ended),),
        conditions=tuple(Condition(each, "True") for each in conditions),
    )
    metadata = msgspec.structs.replace(made.metadata, annotations=notes)
    return msgspec.structs.replace(made, metadata=metadata, status=status)


def with_rules(*rules, **spec):
    return job(pod_failure_policy=PodFailurePolicy(rules), pod_replacement_policy="Failed", **spec)


def test_a_failure_that_is_ignored_is_not_counted_and_made_up_for():
    decision = step(with_rules(rule("Ignore", [42]), backoff_limit=0), failed("a", 42))
    assert (made(decision), decision.status["failed"], types(decision)) == (1, 0, [])
    assert decision.released == {"uid-a"}
    assert types(step(with_rules(rule("Ignore", [42]), backoff_limit=0), failed("a", 1))) == ["FailureTarget"]


def test_a_failure_may_end_the_job_at_once():
    given = with_rules(rule("FailJob", [42]), completions=2, parallelism=2)
    decision = step(given, failed("a", 42), of("b"))
    (condition,) = decision.status["conditions"]
    assert (condition["type"], condition["reason"]) == ("FailureTarget", "PodFailurePolicy")
    assert condition["message"] == (
        "Container main for pod default/a failed with exit code 42 matching FailJob rule at index 0"
    )
    assert gone(decision) == ["b"]


def test_the_first_rule_that_matches_counts():
    rules = (rule("Ignore", condition="DisruptionTarget"), rule("FailJob", [1, 2], operator="NotIn"))
    evicted = failed("a", 42, conditions=["DisruptionTarget"])
    assert types(step(with_rules(*rules), evicted)) == []
    (condition,) = step(with_rules(*rules), failed("a", 42)).status["conditions"]
    assert condition["message"].endswith("failed with exit code 42 matching FailJob rule at index 1")
    assert types(step(with_rules(*rules), failed("a", 2))) == []


def indexed(**spec):
    return job(completion_mode="Indexed", **{"completions": 3, "parallelism": 3, **spec})


def test_a_failed_pod_stays_until_its_index_is_tried_again():
    given = indexed(backoff_limit_per_index=1, backoff_limit=2**31 - 1, status={"completed_indexes": "1,2"})
    decision = step(given, failed("a", index=0))
    (create,) = decision.writes
    assert create.manifest["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "1"
    assert decision.released == frozenset()
    replaced = step(given, failed("a", index=0), of("b", index=0))
    assert replaced.released == {"uid-a"}


def test_an_index_waits_after_its_own_failures_only():
    given = indexed(backoff_limit_per_index=3, backoff_limit=2**31 - 1)
    decision = step(given, failed("a", index=0, ago=1))
    assert [create.manifest["metadata"]["generateName"] for create in decision.writes] == ["j-1-", "j-2-"]
    busy = (of("b", index=1), of("c", index=2))
    assert step(given, failed("a", index=0, ago=1), *busy).look_again_at == NOW + 9
    assert step(given, failed("a", index=0, before=1, ago=1), *busy).look_again_at == NOW + 19


def test_an_index_fails_for_good_and_the_job_when_the_others_are_done():
    given = indexed(backoff_limit_per_index=1, backoff_limit=2**31 - 1)
    others = (of("b", index=1), of("c", index=2))
    decision = step(given, failed("a", index=0, before=1), *others)
    assert (decision.status["failedIndexes"], made(decision), types(decision)) == ("0", 0, [])
    done = indexed(
        backoff_limit_per_index=1, backoff_limit=9, status={"completed_indexes": "1,2", "failed_indexes": "0"}
    )
    (condition,) = step(done).status["conditions"][:1]
    assert (condition["type"], condition["reason"]) == ("FailureTarget", "FailedIndexes")


def test_too_many_failed_indexes_end_the_job():
    given = indexed(backoff_limit_per_index=0, backoff_limit=9, max_failed_indexes=1, status={"failed_indexes": "1"})
    (condition,) = step(given, failed("a", index=0), of("c", index=2)).status["conditions"]
    assert condition["reason"] == "MaxFailedIndexesExceeded"


def test_an_index_may_fail_at_once():
    given = indexed(
        backoff_limit_per_index=5,
        backoff_limit=9,
        pod_failure_policy=PodFailurePolicy((rule("FailIndex", [7]),)),
        pod_replacement_policy="Failed",
    )
    decision = step(given, failed("a", 7, index=0), of("b", index=1), of("c", index=2))
    assert decision.status["failedIndexes"] == "0"


SUCCESSES = {
    "all of some": (SuccessRule("0-1"), "0,1", True),
    "not all of some": (SuccessRule("0-1"), "1,2", False),
    "some of some": (SuccessRule("0-2", 1), "2", True),
    "any two": (SuccessRule(None, 2), "0,4", True),
    "beyond the completions": (SuccessRule("7"), "0", False),
}


@pytest.mark.parametrize(("given", "done", "met"), SUCCESSES.values(), ids=SUCCESSES)
def test_a_success_policy_is_met_by(given, done, met):
    policy = SuccessPolicy((SuccessRule("4"), given))
    status = {"completed_indexes": done}
    decision = step(indexed(completions=5, success_policy=policy, status=status), of("z", index=3))
    if not met:
        assert types(decision) == []
        return
    (condition,) = decision.status["conditions"]
    expected = ("SuccessCriteriaMet", "SuccessPolicy", f"Matched rules at index {0 if '4' in done else 1}")
    assert (condition["type"], condition["reason"], condition["message"]) == expected
    assert gone(decision) == ["z"]
