"""Whom a pod pushes aside, on which node, and when nobody."""

import msgspec
import pytest

from kubewright.api.conditions import Condition
from kubewright.api.meta import ObjectMeta, rfc3339
from kubewright.api.pods import PodStatus
from kubewright.api.policy import PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus
from kubewright.api.selectors import LabelSelector
from kubewright.api.tolerations import Taint
from kubewright.placement.preempt import NEVER, WAITS, NoPreemption, preempt
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

ONE = {"cpu": "1"}


def placed(name, on, *, priority=0, since=0, labels=None, requests=ONE, **status):
    made = pod(name, on=on, priority=priority, requests=requests)
    metadata = ObjectMeta(name=name, namespace="default", uid=f"uid-{name}", labels=labels or {}, **status)
    return msgspec.structs.replace(made, metadata=metadata, status=PodStatus("Running", start_time=rfc3339(since)))


def budget(allowed, **labels):
    return PodDisruptionBudget(
        metadata=ObjectMeta(name="budget", namespace="default"),
        spec=PodDisruptionBudgetSpec(selector=LabelSelector(labels)),
        status=PodDisruptionBudgetStatus(disruptions_allowed=allowed),
    )


def wanting(cpu="1", priority=10, **spec):
    return pod("new", priority=priority, requests={"cpu": cpu}, **spec)


CASES = {
    "no more go than must, the youngest of the least priority first": (
        [node("a", cpu="3")],
        [placed("old", "a", since=1), placed("young", "a", since=9), placed("other", "a", priority=5, since=20)],
        [], "1", ("a", ["young"])),
    "a large pod takes the place of several": (
        [node("a", cpu="3")], [placed(each, "a", since=number) for number, each in enumerate("xyz")], [], "2",
        ("a", ["y", "z"])),
    "where the victim has the lower priority": (
        [node("a", cpu="1"), node("b", cpu="1")], [placed("x", "a", priority=3), placed("y", "b", priority=2)], [], "1",
        ("b", ["y"])),
    "where fewer go": (
        [node("a", cpu="2"), node("b", cpu="2")],
        [placed("x", "a"), placed("y", "a"), placed("z", "b", requests={"cpu": "2"})], [], "2", ("b", ["z"])),
    "where the victim began last": (
        [node("a", cpu="1"), node("b", cpu="1")], [placed("x", "a", since=5), placed("y", "b", since=9)], [], "1",
        ("b", ["y"])),
    "where no budget is broken, be the priority higher": (
        [node("a", cpu="1"), node("b", cpu="1")],
        [placed("x", "a", labels={"app": "web"}), placed("y", "b", priority=9)], [budget(0, app="web")], "1",
        ("b", ["y"])),
    "a pod that a budget keeps is spared, though another is older": (
        [node("a", cpu="2")], [placed("x", "a", since=9, labels={"app": "web"}), placed("y", "a", since=1)],
        [budget(0, app="web")], "1", ("a", ["y"])),
}  # fmt: skip


@pytest.mark.parametrize(("nodes", "pods", "budgets", "cpu", "expected"), CASES.values(), ids=CASES)
def test_room_is_made(nodes, pods, budgets, cpu, expected):
    snapshot = ClusterSnapshot.of(nodes, pods)
    found = preempt(wanting(cpu), snapshot, 0, budgets)
    assert (found.node, [each.metadata.name for each in found.victims]) == expected
    assert set(snapshot.placed) == {each.key for each in pods}


def test_a_broken_budget_is_counted_when_nothing_else_helps():
    snapshot = ClusterSnapshot.of([node("a", cpu="1")], [placed("x", "a", labels={"app": "web"})])
    found = preempt(wanting(), snapshot, 0, [budget(0, app="web")])
    assert found.n_violations == 1
    assert str(found) == "preemption: found a potential placement for pod on node a, preempting 1 victims"
    assert preempt(wanting(), snapshot, 0, [budget(1, app="web")]).n_violations == 0


def test_nobody_goes_where_that_does_not_help():
    nodes = [node("a", cpu="1"), node("b", cpu="4", taints=[Taint("x")]), node("c", cpu="2"), node("d", cpu="2")]
    pods = [placed("x", "c", priority=99, requests={"cpu": "2"}), placed("y", "d"), placed("z", "d", priority=99)]
    found = preempt(wanting("2"), ClusterSnapshot.of(nodes, pods), 0)
    assert str(found) == (
        "preemption: 0/4 nodes are available: 1 Insufficient cpu, 1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )


def test_a_pod_that_must_not_push_does_not():
    snapshot = ClusterSnapshot.of([node("a", cpu="1")], [placed("x", "a")])
    assert preempt(wanting(preemption_policy="Never"), snapshot, 0) == NoPreemption(1, problem=NEVER)


def test_while_its_victims_go_a_pod_asks_for_no_more():
    victim = placed("x", "a", deletion_timestamp=rfc3339(0))
    condition = Condition(type="DisruptionTarget", status="True", reason="PreemptionByScheduler")
    victim = msgspec.structs.replace(victim, status=PodStatus("Running", conditions=(condition,)))
    snapshot = ClusterSnapshot.of([node("a", cpu="1"), node("b", cpu="1")], [victim, placed("y", "b")])
    waiting = msgspec.structs.replace(wanting(), status=PodStatus(nominated_node_name="a"))
    assert preempt(waiting, snapshot, 0) == NoPreemption(2, problem=WAITS)


def test_pods_of_lower_priority_that_were_promised_the_node_must_look_elsewhere():
    snapshot = ClusterSnapshot.of([node("a", cpu="1")], [placed("x", "a")])
    snapshot.nominate(snapshot.row(pod("lesser", priority=5, requests=ONE)), "a")
    assert preempt(wanting(), snapshot, 0).outranked == (pod("lesser").key,)


def test_what_is_promised_to_an_equal_is_not_given_away():
    snapshot = ClusterSnapshot.of([node("a", cpu="2")], [placed("x", "a"), placed("y", "a")])
    snapshot.nominate(snapshot.row(pod("equal", priority=10, requests=ONE)), "a")
    assert len(preempt(wanting(), snapshot, 0).victims) == 2
