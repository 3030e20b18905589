"""Pods that are resized in place, as their kubelet sees it."""

import dataclasses
import json

import msgspec
import pytest

from kubewright.api.core import Node, Pod
from kubewright.twin.kubelet.life import Verdict
from kubewright.twin.kubelet.nodestate import NodeState
from tests.unit.twin.controllers.build import NOW
from tests.unit.twin.kubelet.play import Play, container, manifest

SHORT = Verdict("OutOfcpu", "Node didn't have enough resource: cpu, requested: 900, used: 0, capacity: 800")


class Resized(Play):
    """A pod that runs with 100m and may be given more."""

    def __init__(self, **more):
        self.refusal = None
        super().__init__(containers=[container(resources=resources("100m"), **more)])
        self.until(10)

    @property
    def around(self):
        return dataclasses.replace(super().around, fits=lambda _: self.refusal)

    def resize(self, cpu):
        self.manifest["spec"]["containers"][0]["resources"] = resources(cpu)
        self.manifest["metadata"]["generation"] += 1
        return self.look()

    def conditions(self):
        return [each["type"] for each in self.status["conditions"] if each["type"].startswith("PodResize")]

    def seen(self):
        status = self.of("main")
        return status["allocatedResources"]["cpu"], status["resources"]["requests"]["cpu"]


def resources(cpu):
    return {"requests": {"cpu": cpu}, "limits": {"cpu": "2"}}


def test_a_resize_is_allocated_then_actuated():
    play = Resized()
    assert (play.seen(), play.conditions()) == (("100m", "100m"), [])
    play.resize("300m")
    assert (play.seen(), play.conditions()) == (("300m", "100m"), ["PodResizeInProgress"])
    assert play.life.due_at == NOW + 11
    play.until(11)
    assert (play.seen(), play.conditions()) == (("300m", "300m"), [])
    assert play.of("main")["restartCount"] == 0
    started, completed = play.messages("ResizeStarted"), play.messages("ResizeCompleted")
    what, _, body = started[0].partition(": ")
    assert what == "Pod resize started"
    assert json.loads(body) == {"containers": [{"name": "main", "resources": resources("300m")}], "generation": 2}
    assert completed == [f"Pod resize completed: {body}"]
    assert play.life.due_at is None


def test_a_container_whose_policy_asks_for_it_is_restarted():
    play = Resized(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}])
    play.resize("300m").until(20)
    assert play.messages("Killing") == ["Container main resize requires restart"]
    assert (play.of("main")["restartCount"], play.seen()) == (1, ("300m", "300m"))


def test_a_resize_for_which_there_is_no_room_is_tried_again():
    play = Resized()
    play.refusal = SHORT
    play.resize("900m").until(25)
    assert (play.seen(), play.conditions()) == (("100m", "100m"), ["PodResizePending"])
    assert play.condition("PodResizePending") == ("True", "Deferred", SHORT.message)
    (told,) = play.messages("ResizeDeferred")
    assert told.startswith("Pod resize OutOfcpu: {")
    assert json.loads(told.partition(": ")[2])["error"] == SHORT.message
    play.refusal = None
    assert play.until(30).conditions() == ["PodResizeInProgress"]
    assert play.until(31).seen() == ("900m", "900m")


def test_a_resize_that_is_taken_back_is_forgotten():
    play = Resized()
    play.refusal = SHORT
    assert play.resize("900m").conditions() == ["PodResizePending"]
    assert play.resize("100m").conditions() == []
    assert play.life.due_at is None


@pytest.mark.parametrize(("cpu", "reason"), [("3", None), ("5", "OutOfcpu")])
def test_a_node_books_what_a_pod_wants_by_now(cpu, reason):
    node = msgspec.convert({"metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "4", "pods": "9"}}}, Node)
    state = NodeState.of(node)

    def pod(amount):
        return msgspec.convert(manifest(containers=[container(resources={"requests": {"cpu": amount}})]), Pod)

    assert state.take(pod("1"), node, lambda: ()) is None
    refusal = state.resize(pod(cpu), node)
    assert (refusal.reason if refusal else None) == reason
    assert state.booked["u"]["cpu"] == (1000 if reason else 3000)
