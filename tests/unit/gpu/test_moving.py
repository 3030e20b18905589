"""Which node of a pool is emptied to be partitioned anew, and when nobody is moved."""

import msgspec
import pytest
from msgspec.structs import replace

from kubewright.api.core import NODES, Pod
from kubewright.api.crds.gpupolicy import GPU_POLICIES
from kubewright.api.plan import Evict
from kubewright.api.policy import PodDisruptionBudget
from kubewright.gpu.configs import DRAINING, MIG_LABEL, layout_name
from kubewright.gpu.decide import Pool, decide
from tests.unit.gpu.test_decide import LARGE, ONE, SMALL, THREE, gpu_node, mig

SMALLS = [{ONE: 7}]
RULES = mig((ONE, 7), (THREE, 0), repartition=True, migration_budget=4)


def user(name, node="", resource=SMALL, owner="ReplicaSet", priority=0, **labels):
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": "r", "uid": "r", "controller": True}] if owner else []
    document = {
        "metadata": {"name": name, "namespace": "default", "uid": name, "labels": labels, "ownerReferences": owners},
        "spec": {
            "nodeName": node,
            "priority": priority,
            "containers": [{"name": "c", "resources": {"requests": {resource: "1"}, "limits": {resource: "1"}}}],
        },
    }
    return msgspec.convert(document, Pod)


def budget(allowed, **labels):
    document = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed},
    }
    return msgspec.convert(document, PodDisruptionBudget)


def planned(nodes, pods, rules=RULES, budgets=()):
    return decide(rules, Pool.of(rules, [rules], nodes, pods, budgets), 0.0)


def evicted(plan):
    return [each.key.name for each in plan.actions if isinstance(each, Evict)]


def cordoned(plan):
    applied = (each.manifest for each in plan.actions if getattr(each, "resource", None) is NODES)
    return [each["metadata"]["name"] for each in applied if each.get("spec", {}).get("unschedulable")]


def reason(plan):
    statuses = [each.manifest["status"] for each in plan.actions if getattr(each, "resource", None) is GPU_POLICIES]
    return statuses[0]["conditions"][0]["reason"]


def pair(state="success"):
    return [gpu_node(name, layout=SMALLS, state=state, follows="p") for name in ("a", "b")]


WAITS = user("big", resource=LARGE)


def test_the_node_with_the_fewest_pods_is_emptied_and_takes_no_others():
    pods = [user("a1", "a"), user("a2", "a"), user("b1", "b"), WAITS]
    plan = planned(pair(), pods)
    assert (evicted(plan), cordoned(plan), reason(plan)) == (["b1"], ["b"], "MakingRoom")


def test_an_idle_node_is_partitioned_and_nobody_moved():
    plan = planned(pair(), [user("a1", "a"), WAITS])
    assert (evicted(plan), cordoned(plan)) == ([], [])
    [node] = [each.manifest for each in plan.actions if each.resource is NODES]
    assert node["metadata"]["name"] == "b"
    assert node["metadata"]["labels"][MIG_LABEL] != layout_name(SMALLS)


NOBODY = {
    "nobody may be moved": ({"rules": mig((ONE, 7), (THREE, 0), repartition=True)}, {}),
    "more pods than may be moved": ({"rules": mig((ONE, 7), (THREE, 0), repartition=True, migration_budget=0)}, {}),
    "nobody makes it anew": ({}, {"owner": ""}),
    "it belongs to the node": ({}, {"owner": "DaemonSet"}),
    "it is more important": ({}, {"priority": 1}),
    "it has a whole GPU": ({}, {"resource": "nvidia.com/gpu"}),
    "its budget allows none": ({"budgets": [budget(0, app="x")]}, {"app": "x"}),
}


@pytest.mark.parametrize("case", NOBODY)
def test_nobody_is_moved_when(case):
    more, pod = NOBODY[case]
    plan = planned(pair(), [user("a1", "a", **pod), user("b1", "b", **pod), WAITS], **more)
    assert (evicted(plan), cordoned(plan)) == ([], [])


def test_nobody_is_moved_who_would_find_no_instance_elsewhere():
    full = [user(f"{node}{number}", node) for node in "ab" for number in range(4)]
    assert evicted(planned(pair(), [*full, WAITS])) == []


@pytest.mark.parametrize("state", ["failed", "pending", "rebooting"])
def test_nobody_is_moved_while_a_partitioning_is_under_way_or_failed(state):
    nodes = [*pair(), gpu_node("c", layout=SMALLS, state=state, follows="p")]
    plan = planned(nodes, [user("a1", "a"), user("b1", "b"), user("c1", "c"), WAITS])
    assert (evicted(plan), cordoned(plan)) == ([], [])


def drained(layout=SMALLS, state="success", **allocatable):
    node = gpu_node("b", layout=layout, state=state, follows="p")
    notes = {**node.metadata.annotations, DRAINING: "p"}
    status = replace(node.status, allocatable={**node.status.allocatable, **allocatable})
    metadata = replace(node.metadata, annotations=notes)
    return replace(node, metadata=metadata, spec=replace(node.spec, unschedulable=True), status=status)


def test_a_node_that_is_being_emptied_is_finished_first():
    nodes = [pair()[0], drained()]
    plan = planned(nodes, [user("a1", "a"), user("b1", "b"), user("b2", "b"), WAITS])
    assert evicted(plan) == ["b1", "b2"]
    assert cordoned(plan) == []  # it is already


def test_an_emptied_node_is_partitioned_and_kept_clear_until_its_instances_are_there():
    nodes = [pair()[0], drained()]
    plan = planned(nodes, [user("a1", "a"), WAITS])
    assert (evicted(plan), cordoned(plan)) == ([], ["b"])
    coming = [{THREE: 2}]
    plan = planned([pair()[0], drained(coming)], [user("a1", "a"), WAITS])
    assert (evicted(plan), [each for each in plan.actions if getattr(each, "resource", None) is NODES]) == ([], [])
    plan = planned([pair()[0], drained(coming, **{LARGE: "2"})], [user("a1", "a"), WAITS])
    [node] = [each.manifest for each in plan.actions if getattr(each, "resource", None) is NODES]
    assert "spec" not in node
    assert DRAINING not in node["metadata"]["annotations"]


def test_a_node_is_given_back_when_nobody_waits_any_more():
    node = drained(SMALLS, **{SMALL: "7"})
    plan = planned([pair()[0], node], [user("b1", "b")])
    [manifest] = [each.manifest for each in plan.actions if getattr(each, "resource", None) is NODES]
    assert "spec" not in manifest
    assert evicted(plan) == []
