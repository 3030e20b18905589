"""Nodes that are promised to pods, gates, and what is said before any node is looked at."""

import msgspec
import pytest

from kubewright.api.affinity import Affinity, NodeAffinity, NodeSelector, NodeSelectorTerm
from kubewright.api.pods import PodSchedulingGate, PodStatus
from kubewright.api.requirements import Requirement
from kubewright.placement.fit import Fit, fit
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

ONE = {"cpu": "1"}


def promised(snapshot, name="first", priority=10, on="a"):
    snapshot.nominate(snapshot.row(pod(name, priority=priority, requests=ONE)), on)
    return snapshot


def test_a_promised_node_is_left_to_a_pod_of_equal_priority():
    snapshot = promised(ClusterSnapshot.of([node("a", cpu="1")]))
    assert (
        str(fit(pod("new", priority=10, requests=ONE), snapshot, 0)) == "0/1 nodes are available: 1 Insufficient cpu."
    )
    assert isinstance(fit(pod("new", priority=11, requests=ONE), snapshot, 0), Fit)


def test_a_promise_keeps_nobody_away_who_leaves_room_for_both():
    snapshot = promised(ClusterSnapshot.of([node("a", cpu="2")]))
    assert isinstance(fit(pod("new", requests=ONE), snapshot, 0), Fit)


def test_a_pod_takes_the_node_that_it_was_promised_though_another_is_better():
    waiting = msgspec.structs.replace(pod("p", requests=ONE), status=PodStatus(nominated_node_name="a"))
    snapshot = ClusterSnapshot.of([node("a", cpu="2"), node("b", cpu="64")])
    assert fit(waiting, snapshot, 0).node == "a"
    snapshot.assume(snapshot.row(pod("x", requests={"cpu": "2"})), 0)
    assert fit(waiting, snapshot, 0).node == "b"


def test_a_promise_is_kept_or_given_back():
    snapshot = promised(ClusterSnapshot.of([node("a", cpu="1")]))
    snapshot.assume(snapshot.row(pod("first", priority=10, requests=ONE)), 0)
    assert not snapshot.nominated
    snapshot.forget(pod("first").key)
    promised(snapshot).forget(pod("first").key)
    assert isinstance(fit(pod("new", requests=ONE), snapshot, 0), Fit)


def test_pods_that_ask_for_a_node_are_nominated_when_a_snapshot_is_taken():
    waiting = msgspec.structs.replace(pod("p"), status=PodStatus(nominated_node_name="a"))
    assert set(ClusterSnapshot.of([node("a")], [waiting]).nominated) == {waiting.key}


def test_a_gated_pod_is_not_placed():
    gated = pod("p", scheduling_gates=(PodSchedulingGate("x"),))
    assert "scheduling gates" in fit(gated, ClusterSnapshot.of([node("a")]), 0).problem


def test_affinity_to_two_nodes_at_once_is_a_contradiction():
    fields = tuple(Requirement("metadata.name", "In", (name,)) for name in "ab")
    required = NodeSelector((NodeSelectorTerm(match_fields=fields),))
    affinity = Affinity(NodeAffinity(required_during_scheduling_ignored_during_execution=required))
    wanting = msgspec.structs.replace(pod("p"), spec=msgspec.structs.replace(pod("p").spec, affinity=affinity))
    assert fit(wanting, ClusterSnapshot.of([node("a"), node("b")]), 0).problem == "pod affinity terms conflict"


def test_a_diagnosis_tells_how_many_nodes_one_filter_alone_keeps():
    nodes = [node("a", cpu="1"), node("b", cpu="1", unschedulable=True), node("c", cpu="1")]
    found = fit(pod("p", requests={"cpu": "2"}), ClusterSnapshot.of(nodes), 0)
    assert {each.filter: (each.n_nodes, each.n_alone) for each in found.refusals} == {
        "NodeUnschedulable": (1, 0),
        "NodeResourcesFit": (2, 2),
    }


def test_a_node_that_is_not_among_those_named_is_kept_by_node_affinity_alone():
    fields = (Requirement("metadata.name", "In", ("a",)),)
    required = NodeSelector((NodeSelectorTerm(match_fields=fields),))
    affinity = Affinity(NodeAffinity(required_during_scheduling_ignored_during_execution=required))
    wanting = pod("p", requests={"cpu": "2"})
    wanting = msgspec.structs.replace(wanting, spec=msgspec.structs.replace(wanting.spec, affinity=affinity))
    nodes = [node("a", cpu="1"), node("b"), node("c"), node("d", cpu="1")]
    found = fit(wanting, ClusterSnapshot.of(nodes), 0)
    assert {each.filter: (each.n_nodes, each.n_alone) for each in found.refusals} == {
        "NodeAffinity": (3, 2),
        "NodeResourcesFit": (1, 1),
    }


@pytest.mark.parametrize("amount", ["-1", "-1e30", "1e19", "9" * 40])
@pytest.mark.parametrize("resource", ["cpu", "memory", "nvidia.com/gpu"])
def test_what_is_out_of_range_on_nodes_or_pods_breaks_nothing_and_books_nothing_over(resource, amount):
    lying = node("a", **{"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": "4"} | {resource: amount})
    snapshot = ClusterSnapshot.of([lying, node("b", **{"nvidia.com/gpu": "1"})])
    small, huge = pod("p", requests={resource: "1"}), pod("h", requests={resource: "9" * 19})
    assert fit(small, snapshot, 0).node in ({"a", "b"} if not amount.startswith("-") else {"b"})
    assert {dict(each.reasons)[f"Insufficient {resource}"] for each in fit(huge, snapshot, 0).refusals} == {2}
    for number in range(100):
        there = pod(f"there-{number}", on="b", requests={resource: "9" * 19})
        snapshot.assume(snapshot.row(there), 1)
    assert getattr(fit(small, snapshot, 0), "node", "") != "b"
