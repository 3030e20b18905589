"""Containers that use more than they may, and nodes whose pods use more than there is."""

import dataclasses

import msgspec
import pytest

from kubewright.api.core import Pod
from kubewright.twin.kubelet import pressure
from kubewright.twin.kubelet.behaviour import Acts
from kubewright.twin.kubelet.limits import FromProfiles, crossing, tells_of_usage
from kubewright.twin.kubelet.pressure import Used
from kubewright.twin.usage.curve import constant, growing
from tests.unit.twin.controllers.build import NOW
from tests.unit.twin.kubelet.play import Play, container

MIB = 1 << 20


def limited(**limits):
    return [container(resources={"limits": {name.replace("_", "-"): text for name, text in limits.items()}})]


class Leaking(Play):
    """A pod whose container starts with 10 MiB, of memory or storage, and takes one more each second."""

    @property
    def around(self):
        usage = {"memory": growing(10 * MIB, MIB), "ephemeral-storage": growing(10 * MIB, MIB)}

        def when(spec, resource, started_at, after):
            limit = spec.resources.limits.get(resource)
            return None if limit is None else usage[resource].next_crossing(64 * MIB, after, started_at)

        return dataclasses.replace(super().around, crossing=when)


def test_a_container_over_its_memory_limit_is_killed_and_restarted():
    play = Leaking(containers=limited(memory="64Mi")).until(54)
    assert (play.state(), play.life.due_at) == ("running", NOW + 55)
    play.until(55)
    ended = play.of("main")["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    play.until(56)
    assert (play.state(), play.of("main")["restartCount"]) == ("running", 1)
    assert play.of("main")["lastState"]["terminated"]["reason"] == "OOMKilled"


def test_a_container_that_exits_before_is_not_killed():
    play = Leaking(containers=limited(memory="64Mi"), acts={"main": Acts(exit_after_seconds=20)}).until(60)
    assert play.of("main")["lastState"]["terminated"]["reason"] == "Completed"


def test_a_pod_of_which_a_container_has_written_too_much_is_evicted():
    play = Leaking(containers=limited(ephemeral_storage="64Mi")).until(60)
    text = 'Container main exceeded its local ephemeral storage limit "64Mi". '
    assert (play.phase, play.status["reason"], play.status["message"]) == ("Failed", "Evicted", text)
    assert play.messages("Evicted") == [text]


def test_only_pods_that_say_how_they_use_things_are_asked():
    assert not tells_of_usage(msgspec.convert({"metadata": {"annotations": {"a": "b"}}}, Pod))
    notes = {"twin.kubewright.dev/memory": "100Mi"}
    subject = msgspec.convert(
        {"metadata": {"uid": "u", "annotations": notes}, "spec": {"containers": limited(memory="64Mi")}}, Pod
    )
    assert tells_of_usage(subject)
    when = crossing(subject, FromProfiles())
    assert when(subject.spec.containers[0], "memory", NOW, NOW) == NOW
    assert when(subject.spec.containers[0], "ephemeral-storage", NOW, NOW) is None


def used(name, amount, *, request="0", priority=0, critical=False, curve=None):
    spec = {
        "containers": [container(resources={"requests": {"memory": request}})],
        "priority": 2_000_000_001 if critical else priority,
    }
    subject = msgspec.convert({"metadata": {"name": name}, "spec": spec}, Pod)
    return Used(subject, {"main": amount}, ((curve or constant(amount), NOW),))


@pytest.mark.parametrize(
    ("pods", "first"),
    [
        pytest.param([used("a", 100, request="200"), used("b", 50)], "b", id="it uses more than it requests"),
        pytest.param([used("a", 100, priority=5), used("b", 50)], "b", id="it is less important"),
        pytest.param([used("a", 100), used("b", 50)], "a", id="it exceeds its request by more"),
        pytest.param([used("a", 100, critical=True), used("b", 50, request="60")], "b", id="the other is critical"),
        pytest.param([used("a", 100, critical=True)], None, id="nobody may go"),
    ],
)
def test_who_goes_first(pods, first):
    found = pressure.first_to_go(pods)
    assert (found.pod.metadata.name if found else None) == first


def test_what_is_said_of_a_pod_that_was_evicted():
    said = pressure.verdict(used("a", 512 * MIB, request="64Mi"), 80 * MIB)
    assert said.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. "
        "Container main was using 512Mi, request is 64Mi, has larger consumption of memory. "
    )
    assert said.disruption == "TerminationByKubelet"


def test_a_node_is_looked_at_again_when_it_might_become_tight():
    capacity = 1000.0 * MIB
    assert pressure.next_check(capacity, [used("a", 800 * MIB)], NOW) is None
    assert pressure.next_check(capacity, [used("a", 950 * MIB)], NOW) == 10
    leak = used("a", 0, curve=growing(0.0, MIB))
    assert pressure.next_check(capacity, [leak], NOW) == 900
    assert pressure.next_check(capacity, [leak], NOW + 895) == 10
    assert pressure.available(capacity, [used("a", 1.0), used("b", 2.0)]) == capacity - 3


def test_a_tight_node_takes_only_pods_that_request_something_or_bear_it():
    def pod(qos, **spec):
        return msgspec.convert({"spec": spec, "status": {"qosClass": qos}}, Pod)

    assert pressure.refusal(pod("BestEffort")).message == "The node had condition: [MemoryPressure]. "
    assert pressure.refusal(pod("Burstable")) is None
    assert pressure.refusal(pod("BestEffort", tolerations=[{"operator": "Exists"}])) is None
