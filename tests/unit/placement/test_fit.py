"""From a pod to its node, or to the reason why there is none."""

import numpy as np
import pytest

from kubewright.api.tolerations import Taint
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import Fit, fit, place
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod


def order(*columns):
    return np.array(columns, np.intp)


def test_the_emptiest_node_is_chosen():
    nodes = [node("a"), node("b"), node("c")]
    taken = [
        pod("x", on="a", requests={"cpu": "2", "memory": "4Gi"}),
        pod("y", on="c", requests={"cpu": "1", "memory": "2Gi"}),
    ]
    chosen = fit(pod(requests={"cpu": "1", "memory": "2Gi"}), ClusterSnapshot.of(nodes, taken), order(0, 1, 2))
    assert isinstance(chosen, Fit)
    assert chosen.node == "b"


@pytest.mark.parametrize("first", [0, 1, 2])
def test_among_equals_the_order_decides(first):
    snapshot = ClusterSnapshot.of([node("a"), node("b"), node("c")])
    columns = [first, *({0, 1, 2} - {first})]
    assert fit(pod(), snapshot, order(*columns)).column == first


def test_pods_placed_together_see_each_other():
    snapshot = ClusterSnapshot.of([node("a", cpu="2"), node("b", cpu="1")])
    outcomes = list(place([pod(str(i), requests={"cpu": "1"}) for i in range(4)], snapshot, order(0, 1)))
    assert sorted(each.node for each in outcomes[:3]) == ["a", "a", "b"]
    assert str(outcomes[3]) == "0/2 nodes are available: 2 Insufficient cpu."


def test_the_first_filter_that_refuses_a_node_is_the_reason():
    nodes = [
        node("a", taints=[Taint("x")], cpu="0"),
        node("b", unschedulable=True, taints=[Taint("x")]),
        node("c", cpu="1", memory="1Mi"),
        node("d", pods="0"),
    ]
    refused = fit(pod(requests={"cpu": "2", "memory": "1Gi"}), ClusterSnapshot.of(nodes), order(0, 1, 2, 3))
    assert isinstance(refused, Diagnosis)
    assert str(refused) == (
        "0/4 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods, "
        "1 node(s) had untolerated taint(s), 1 node(s) were unschedulable."
    )
    assert {each.filter: each.n_nodes for each in refused.refusals} == {
        "NodeUnschedulable": 1, "TaintToleration": 1, "NodeResourcesFit": 2,
    }  # fmt: skip


def test_a_cluster_without_nodes_says_so():
    assert str(fit(pod(), ClusterSnapshot.of([]), order())) == "no nodes available to schedule pods"


def test_fit_changes_nothing():
    snapshot = ClusterSnapshot.of([node("a")])
    fit(pod(requests={"cpu": "1"}), snapshot, order(0))
    assert not snapshot.requested.any()
    assert not snapshot.placed
