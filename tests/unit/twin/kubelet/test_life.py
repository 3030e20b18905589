"""A simulated pod's life, step by step, and what its status says at each."""

import msgspec
import pytest

from kubewright.api.core import PodStatus
from kubewright.api.meta import rfc3339
from kubewright.twin.kubelet.life import Behaviour, Stage, advance, backoff_seconds, begin, crash, resume
from kubewright.twin.kubelet.status import status_patch
from tests.unit.twin.controllers.build import NOW, pod

QUICK = Behaviour(create_seconds=1, stop_seconds=2)
NEW = pod("a", ready=False, phase="Pending")


def told(subject, life, now=NOW):
    patch = status_patch(subject, life, pod_ip="10.0.0.9", host_ip="172.16.0.1", now=now)["status"]
    # A null of a patch takes the field away.
    conditions = patch["conditions"]
    patch["conditions"] = [{name: value for name, value in each.items() if value is not None} for each in conditions]
    status = msgspec.convert(patch, PodStatus)
    (container,) = status.container_statuses
    ready = next(each.is_true for each in status.conditions if each.type == "Ready")
    state = next(
        (kind if kind != "waiting" else value.reason)
        for kind in ("running", "waiting", "terminated")
        if (value := getattr(container.state, kind)) is not None
    )
    return status.phase, state, ready, status.pod_ip


def last_of(life):
    patch = status_patch(NEW, life, pod_ip="10.0.0.9", host_ip="172.16.0.1", now=NOW)["status"]
    ended = patch["containerStatuses"][0]["lastState"]["terminated"]
    return ended["exitCode"], ended["reason"], ended["startedAt"], ended["finishedAt"]


def run(behaviour=QUICK, subject=NEW):
    return advance(begin(behaviour, NOW), subject, behaviour, NOW + 1)


def test_it_is_created_then_runs_and_is_ready():
    life = begin(QUICK, NOW)
    assert told(NEW, life) == ("Pending", "ContainerCreating", False, "")
    assert advance(life, NEW, QUICK, NOW + 0.9) is life
    running = advance(life, NEW, QUICK, NOW + 1)
    assert told(NEW, running) == ("Running", "running", True, "10.0.0.9")
    assert running.due_at is None


def test_readiness_may_come_later_or_never():
    late = Behaviour(create_seconds=1, ready_seconds=5)
    life = run(late)
    assert told(NEW, life) == ("Running", "running", False, "10.0.0.9")
    assert life.due_at == NOW + 6
    assert told(NEW, advance(life, NEW, late, NOW + 6))[2]
    never = run(Behaviour(create_seconds=1, ready_seconds=None))
    assert (never.due_at, never.ready) == (None, False)


def test_an_image_that_cannot_be_pulled_is_tried_later_each_time():
    failing = Behaviour(create_seconds=1, fail_pull=True)
    life, now, waits = run(failing), NOW + 1, []
    assert told(NEW, life) == ("Pending", "ImagePullBackOff", False, "")
    for _ in range(7):
        waits.append(life.due_at - now)
        now = life.due_at
        life = advance(life, NEW, failing, now)
    assert waits == [10, 20, 40, 80, 160, 300, 300]
    assert advance(life, NEW, QUICK, life.due_at).stage is Stage.RUNNING


def test_a_container_that_exits_is_restarted_later_each_time():
    dying = Behaviour(create_seconds=1, exit_after_seconds=5, exit_code=3)
    life, waits = run(dying), []
    for _ in range(5):
        ended_at = life.exit_at
        life = advance(life, NEW, dying, ended_at)
        assert told(NEW, life) == ("Running", "CrashLoopBackOff", False, "10.0.0.9")
        waits.append(life.due_at - ended_at)
        life = advance(life, NEW, dying, life.due_at)
    assert waits == [1, 10, 20, 40, 80]
    assert life.restarts == 5


def test_a_container_that_ran_long_enough_is_forgiven():
    dying = Behaviour(create_seconds=1, exit_after_seconds=700)
    life = run(dying)
    for _ in range(3):
        life = advance(life, NEW, dying, life.exit_at)
        assert life.due_at - life.last.ended_at == 1
        life = advance(life, NEW, dying, life.due_at)


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [
        pytest.param("Never", 0, "Succeeded", id="it may not restart and did well"),
        pytest.param("Never", 2, "Failed", id="it may not restart and failed"),
        pytest.param("OnFailure", 0, "Succeeded", id="it restarts only after a failure and did well"),
        pytest.param("OnFailure", 2, "Running", id="it restarts after a failure"),
        pytest.param("Always", 0, "Running", id="it always restarts"),
    ],
)
def test_what_becomes_of_a_pod_that_exits(policy, code, phase):
    subject = pod("a", ready=False, phase="Pending", policy=policy)
    behaviour = Behaviour(create_seconds=1, exit_after_seconds=5, exit_code=code)
    life = advance(run(behaviour, subject), subject, behaviour, NOW + 6)
    assert told(subject, life)[0] == phase
    assert (life.stage is Stage.ENDED) == (phase != "Running")


def test_a_crash_ends_only_what_runs():
    life = crash(run(), 137, NOW + 9)
    ended = advance(life, NEW, QUICK, NOW + 9)
    assert ended.stage is Stage.BACKOFF
    again = advance(ended, NEW, QUICK, ended.due_at)
    assert last_of(again) == (137, "Error", rfc3339(NOW + 1), rfc3339(NOW + 9))
    creating = begin(QUICK, NOW)
    assert crash(creating, 1, NOW) is creating


@pytest.mark.parametrize(("grace", "wait"), [(30, 2), (1, 1), (0, 0)])
def test_it_takes_its_time_to_stop_but_no_longer_than_its_grace(grace, wait):
    going = pod("a", terminating=True)
    going = msgspec.structs.replace(
        going, metadata=msgspec.structs.replace(going.metadata, deletion_grace_period_seconds=grace)
    )
    life = advance(run(), going, QUICK, NOW + 10)
    assert (life.stage, life.due_at) == (Stage.STOPPING, NOW + 10 + wait)
    assert advance(life, going, QUICK, life.due_at).stage is Stage.GONE


def test_a_pod_that_never_ran_stops_at_once():
    life = advance(begin(QUICK, NOW), pod("a", terminating=True), QUICK, NOW)
    assert life.due_at == NOW
    assert advance(life, pod("a", terminating=True), QUICK, NOW).stage is Stage.GONE


def test_a_kubelet_that_starts_anew_goes_on_from_the_status():
    assert resume(pod("a", phase="Succeeded"), QUICK, NOW).stage is Stage.ENDED
    running = resume(pod("a", restarts=4), QUICK, NOW)
    assert (running.stage, running.ready, running.restarts) == (Stage.RUNNING, True, 4)
    assert resume(NEW, QUICK, NOW).stage is Stage.CREATING


def test_the_back_off_has_a_limit():
    assert [backoff_seconds(failures) for failures in (0, 1, 5, 99)] == [10, 20, 300, 300]
