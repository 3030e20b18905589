"""Pods that are deleted: how long what runs gets, and in which order it ends."""

import pytest

from kubewright.twin.kubelet.behaviour import Acts
from kubewright.twin.kubelet.life import Stage
from tests.unit.twin.controllers.build import NOW
from tests.unit.twin.kubelet.play import Play, container

STUBBORN = Acts(stop_seconds=None)


@pytest.mark.parametrize(
    ("grace", "acts", "seconds", "code"),
    [
        pytest.param(30, Acts(stop_seconds=4, stop_code=143), 4, 143, id="it stops when it is told"),
        pytest.param(30, STUBBORN, 30, 137, id="it is killed when it does not listen"),
        pytest.param(3, Acts(stop_seconds=4), 3, 137, id="it is killed when it takes too long"),
        pytest.param(0, Acts(stop_seconds=4), 2, 137, id="it gets two seconds in any case"),
        pytest.param(30, Acts(stop_seconds=4, pre_stop_seconds=10), 14, 0, id="its hook comes first"),
        pytest.param(30, Acts(stop_seconds=None, pre_stop_seconds=40), 32, 137, id="its hook may take all the time"),
    ],
)
def test_how_a_deleted_pod_ends(grace, acts, seconds, code):
    play = Play(acts={"main": acts}).until(10).delete(grace)
    assert (play.phase, play.state(), play.life.stage) == ("Running", "running", Stage.STOPPING)
    assert play.life.due_at == NOW + 10 + seconds
    play.until(10 + seconds)
    assert play.life.stage is Stage.GONE
    assert play.of("main")["state"]["terminated"]["exitCode"] == code
    assert play.phase == ("Failed" if code else "Succeeded")
    assert play.messages("Killing") == ["Stopping container main"]


def test_a_pod_that_never_ran_is_gone_at_once():
    play = Play().delete()
    assert (play.life.stage, play.phase) == (Stage.GONE, "Failed")
    assert play.state() == "ContainerStatusUnknown"


def test_a_second_delete_shortens_the_time():
    play = Play(acts={"main": STUBBORN}).until(10).delete(30)
    play.now += 5
    play.delete(8)
    assert play.life.due_at == NOW + 18
    play.delete(1)
    assert play.life.due_at == NOW + 17


def test_sidecars_end_last_and_in_reverse():
    init = [container("one", restartPolicy="Always"), container("two", restartPolicy="Always")]
    stops = Acts(stop_seconds=3)
    play = Play(init=init, acts={"one": stops, "two": stops, "main": Acts(stop_seconds=5)}).until(10).delete(30)
    ends = []
    for seconds in (15, 18, 21):
        play.until(seconds)
        ends.append([name for name in ("main", "two", "one") if play.state(name) != "running"])
    assert ends == [["main"], ["main", "two"], ["main", "two", "one"]]


def test_sidecars_of_a_pod_without_time_get_two_seconds_each_at_the_end():
    init = [container("one", restartPolicy="Always")]
    play = Play(init=init, acts={"one": STUBBORN, "main": STUBBORN}).until(10).delete(20)
    assert play.until(30).state() == "Error"
    assert play.until(32).life.stage is Stage.GONE


def test_a_pod_in_a_back_off_goes_at_once_and_keeps_its_end():
    play = Play(acts={"main": Acts(exit_after_seconds=1, exit_code=3)}).until(20)
    assert play.state() == "CrashLoopBackOff"
    play.delete()
    assert (play.life.stage, play.phase, play.of("main")["state"]["terminated"]["exitCode"]) == (
        Stage.GONE,
        "Failed",
        3,
    )


def test_a_container_that_was_to_exit_anyway_is_not_given_longer():
    play = Play(acts={"main": Acts(exit_after_seconds=12, exit_code=5, stop_seconds=20)}).until(10).delete(30)
    assert play.life.due_at == NOW + 13
    play.until(13)
    assert play.of("main")["state"]["terminated"]["exitCode"] == 5


def test_a_finished_pod_that_is_deleted_is_gone():
    play = Play(acts={"main": Acts(exit_after_seconds=5)}, restartPolicy="Never").until(9)
    before = dict(play.status)
    assert play.delete().life.stage is Stage.GONE
    assert play.status == before
