"""Jobs: how many pods, until when, and each counted once."""

import msgspec
import pytest

from kubewright.api.batch import Job, JobSpec, JobStatus, Uncounted
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
    recent = msgspec.structs.replace(
        of("a", "Failed"),
        metadata=msgspec.structs.replace(of("a").metadata, creation_timestamp=rfc3339(NOW - 1)),
    )
    decision = step(job(), recent)
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
