"""Probes as due times: asked while the answer may change something, free while it does not."""

import dataclasses

import pytest

from kubewright.twin.kubelet.behaviour import Acts
from tests.unit.twin.controllers.build import NOW
from tests.unit.twin.kubelet.play import QUICK, Play, container

HTTP = {"httpGet": {"path": "/ready", "port": 80}}
FAILING_READINESS = dataclasses.replace(QUICK, failing_probes=frozenset({"readiness"}))
FAILING_LIVENESS = dataclasses.replace(QUICK, failing_probes=frozenset({"liveness"}))


def probed(kind="readinessProbe", probe=HTTP, **more):
    return [container(**{kind: probe | more})]


def test_a_container_is_ready_when_its_probe_passes_and_then_costs_nothing():
    play = Play(containers=probed(initialDelaySeconds=5), acts={"main": Acts(first_probe_seconds=0.5)}).until(6)
    assert (play.of("main")["started"], play.of("main")["ready"]) == (True, False)
    assert play.life.due_at == NOW + 6.5
    assert play.until(6.5).of("main")["ready"]
    assert play.life.due_at is None
    assert not play.messages("Unhealthy")


def test_a_probe_is_asked_until_the_container_answers():
    play = Play(containers=probed(periodSeconds=10), acts={"main": Acts(warm_up_seconds=25)}).until(30)
    assert not play.of("main")["ready"]
    refused = 'Get "http://10.0.0.9:80/ready": dial tcp 10.0.0.9:80: connect: connection refused'
    assert play.messages("Unhealthy") == [f"Readiness probe failed: {refused}"] * 3
    assert play.until(31).of("main")["ready"]


def test_a_probe_that_begins_to_fail_is_asked_at_its_next_period_and_counts_to_its_threshold():
    play = Play(containers=probed(periodSeconds=10, failureThreshold=2)).until(33)
    assert play.of("main")["ready"]
    play.usual = FAILING_READINESS
    play.look()
    assert play.life.due_at == NOW + 41
    assert play.until(50).of("main")["ready"]
    assert not play.until(51).of("main")["ready"]
    assert play.condition("Ready")[0] == "False"
    assert play.messages("Unhealthy") == ["Readiness probe failed: HTTP probe failed with statuscode: 503"] * 2
    play.usual = QUICK
    assert play.until(61).of("main")["ready"]
    assert play.life.due_at is None


def test_success_may_have_a_threshold():
    play = Play(containers=probed(periodSeconds=10, successThreshold=3)).until(20)
    assert not play.of("main")["ready"]
    assert play.until(21).of("main")["ready"]


def test_a_failing_liveness_probe_has_the_container_restarted():
    play = Play(containers=probed("livenessProbe", periodSeconds=10, failureThreshold=3)).until(5)
    assert play.life.due_at is None
    play.usual = FAILING_LIVENESS
    play.look().until(30)
    assert play.state() == "running"
    play.until(31)
    assert play.messages("Killing") == ["Container main failed liveness probe, will be restarted"]
    assert play.state() == "running"
    play.usual = QUICK
    play.until(40)
    assert (play.of("main")["restartCount"], play.state()) == (1, "running")
    assert len(play.messages("Unhealthy")) == 3


def test_a_container_that_ignores_the_signal_is_killed_after_the_probes_grace():
    spec = probed("livenessProbe", periodSeconds=10, failureThreshold=1, terminationGracePeriodSeconds=5)
    play = Play(containers=spec).until(5)
    play.usual = dataclasses.replace(FAILING_LIVENESS, stop_seconds=None)
    play.look().until(16.5)
    ended = play.of("main")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "Error")


def test_other_probes_wait_until_the_startup_probe_has_passed():
    startup = {"tcpSocket": {"port": 80}, "periodSeconds": 5, "failureThreshold": 10}
    spec = [container(startupProbe=startup, readinessProbe=HTTP, livenessProbe=HTTP)]
    play = Play(containers=spec, acts={"main": Acts(warm_up_seconds=12)}).until(15)
    assert (play.of("main")["started"], play.of("main")["ready"]) == (False, False)
    assert set(play.messages("Unhealthy")) == {
        "Startup probe failed: dial tcp 10.0.0.9:80: connect: connection refused"
    }
    play.until(16)
    assert (play.of("main")["started"], play.of("main")["ready"]) == (True, True)
    assert play.life.due_at is None


def test_a_container_that_never_starts_up_is_restarted():
    startup = {"exec": {"command": ["true"]}, "periodSeconds": 5, "failureThreshold": 3}
    play = Play(containers=[container(startupProbe=startup)], acts={"main": Acts(warm_up_seconds=None)}).until(20)
    assert play.messages("Killing") == ["Container main failed startup probe, will be restarted"]
    assert play.of("main")["restartCount"] == 1
    assert play.messages("Unhealthy")[0] == "Startup probe failed:"


def test_with_no_probe_it_is_ready_when_it_says_so_or_never():
    assert Play(acts={"main": Acts(warm_up_seconds=5)}).until(5).condition("Ready")[0] == "False"
    late = Play(acts={"main": Acts(warm_up_seconds=5)}).until(6)
    assert (late.condition("Ready")[0], late.messages("Unhealthy")) == ("True", [])
    never = Play(acts={"main": Acts(warm_up_seconds=None)}).until(9)
    assert (never.condition("Ready")[0], never.life.due_at) == ("False", None)


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        ({"grpc": {"port": 9}}, 'service unhealthy (responded with "NOT_SERVING")'),
        ({"httpGet": {"port": "named"}}, "HTTP probe failed with statuscode: 503"),
        ({"exec": {"command": ["x"]}}, ""),
    ],
)
def test_each_kind_of_probe_fails_in_its_own_words(probe, text):
    play = Play(containers=probed(probe=probe), acts={"main": FAILING_READINESS}).until(2)
    assert play.messages("Unhealthy") == [f"Readiness probe failed: {text}".rstrip()]
