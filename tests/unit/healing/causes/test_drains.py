"""Drains that budgets block: told from nodes that are only closed, and mended without ever having too few pods."""

import msgspec
import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import NODES, Node
from kubewright.api.meta import ObjectKey
from kubewright.api.policy import PodDisruptionBudget
from kubewright.healing.causes.drains import CAUSES
from kubewright.healing.finding import Case, Ref
from kubewright.healing.remedies.room import DELETION_COST, FIRST, ROOM, make_room, take_room_back
from kubewright.healing.seen import seen_of
from kubewright.signals.signal import Fault, Signal, Witness
from tests.unit.healing.causes.world import NOW, made, owned, pod, release, template

NODE = ObjectKey("", "n1")
CLOSED = Signal("c", Fault.NODE_CLOSED, (NODES, NODE), "closed", NOW - 20, Witness.CHANGE, "n1")


def node(*, unschedulable=True, taints=()):
    spec = {"unschedulable": unschedulable, "taints": list(taints)}
    return msgspec.convert({"metadata": {"name": "n1", "uid": "n1"}, "spec": spec}, Node)


def fleet(replicas=2, available=2, **annotations):
    metadata = {"annotations": annotations, "resourceVersion": "7", "generation": 3}
    spec = {"replicas": replicas, "template": template("web:1")}
    status = {"availableReplicas": available, "observedGeneration": 3}
    return made(DEPLOYMENTS.type, "web", metadata=metadata, spec=spec, status=status)


def on_node(name="web-1-a", **annotations):
    found = pod(name, 1)
    metadata = msgspec.structs.replace(found.metadata, annotations=annotations)
    spec = msgspec.structs.replace(found.spec, node_name="n1")
    return msgspec.structs.replace(found, metadata=metadata, spec=spec)


def budget(allowed=0):
    status = {"disruptionsAllowed": allowed, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2}
    return made(PodDisruptionBudget, "web", spec={"selector": {"matchLabels": {"app": "web"}}}, status=status)


def free():
    """A pod that may go whenever it is asked."""
    metadata = {"labels": {"app": "api"}} | owned("ReplicaSet", "uid-api-1")
    return made(type(on_node()), "api-1-a", metadata=metadata, spec={"nodeName": "n1"}, status={"phase": "Running"})


def found(*objects):
    seen = seen_of(*objects)
    return CAUSES[0].detect(Case(Ref(NODES, NODE, "n1"), (CLOSED,), seen, NOW)), seen


def test_a_drain_is_blocked_when_only_those_are_left_whom_a_budget_never_lets_go():
    finding, _ = found(node(), fleet(), release(1, "web:1"), on_node(), budget())
    assert finding.details == {"fleets": "shop/web"}


@pytest.mark.parametrize(
    "others",
    [[free()], [budget(allowed=1)]],
    ids=["somebody else is there, whom nobody has asked to go", "the budget lets the pod go"],
)
def test_a_node_that_is_only_closed_is_no_blocked_drain(others):
    objects = [node(), fleet(), release(1, "web:1"), on_node(), *others]
    if not any(isinstance(each, PodDisruptionBudget) for each in others):
        objects.append(budget())
    assert found(*objects)[0] is None


def test_what_an_autoscaler_removes_is_drained_whoever_else_is_there():
    taint = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}
    closed = node(unschedulable=False, taints=[taint])
    assert found(closed, fleet(), release(1, "web:1"), on_node(), free(), budget())[0] is not None


def steps(*objects):
    finding, _ = found(node(), fleet(), release(1, "web:1"), on_node(), budget())
    return make_room(finding, seen_of(*objects), NOW).actions


def test_room_is_made_first_then_the_kept_pod_is_the_one_too_many():
    (wide,) = steps(node(), fleet(), release(1, "web:1"), on_node(), budget())
    assert {"op": "replace", "path": "/spec/replicas", "value": 3} in wide.operations
    note = {ROOM: "2/3/n1"}
    assert steps(node(), fleet(3, 2, **note), release(1, "web:1"), on_node(), budget()) == (), "the new one is awaited"
    (mark,) = steps(node(), fleet(3, 3, **note), release(1, "web:1"), on_node(), budget(1))
    assert mark.key.name == "web-1-a"
    marked = on_node(**{DELETION_COST: FIRST})
    (narrow,) = steps(node(), fleet(3, 3, **note), release(1, "web:1"), marked, budget(1))
    assert {"op": "replace", "path": "/spec/replicas", "value": 2} in narrow.operations
    assert steps(node(), fleet(), release(1, "web:1"), budget()) == ()


@pytest.mark.parametrize(
    "closed", [True, False], ids=["the pod has gone by itself", "nobody empties the node any more"]
)
def test_room_that_is_not_needed_any_more_is_taken_back(closed):
    pods = [] if closed else [on_node()]
    (narrow,) = steps(node(unschedulable=closed), fleet(3, 2, **{ROOM: "2/3/n1"}), release(1, "web:1"), *pods, budget())
    assert {"op": "replace", "path": "/spec/replicas", "value": 2} in narrow.operations


def test_who_has_scaled_it_meanwhile_keeps_what_they_wanted():
    (narrow,) = steps(node(), fleet(5, 5, **{ROOM: "2/3/n1"}), release(1, "web:1"), on_node(), budget())
    assert [each["op"] for each in narrow.operations] == ["test", "remove"]


def test_what_did_not_help_is_undone():
    finding, _ = found(node(), fleet(), release(1, "web:1"), on_node(), budget())
    seen = seen_of(node(), fleet(3, 2, **{ROOM: "2/3/n1"}))
    (narrow,) = take_room_back(finding, seen, NOW).actions
    assert {"op": "replace", "path": "/spec/replicas", "value": 2} in narrow.operations
