"""Which pods with GPUs are moved in a cluster."""

from kubewright.api.core import Taint
from kubewright.devices.requests import GPU
from kubewright.placement.defragment import plan_moves
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod


def cluster(*, taints=()):
    nodes = [gpu_node("a"), gpu_node("b"), gpu_node("c", taints=taints)]
    wants_all = [pod(f"all{each}", on="d", requests={GPU: "4", "cpu": "1"}) for each in range(6)]
    ones = [pod(f"one-{each}", on=each, requests={GPU: "1", "cpu": "1"}) for each in "abc"]
    return ClusterSnapshot.of([*nodes, gpu_node("d", gpus="24")], [*wants_all, *ones])


def gpu_node(name, *, gpus="4", taints=()):
    return node(name, cpu="64", taints=taints, **{GPU: gpus})


def movable(found):
    return found.metadata.name.startswith("one")


def test_single_gpus_that_are_spread_are_brought_together():
    moves = plan_moves(cluster(), movable, 10)
    assert len(moves) == 2
    assert len({each.target for each in moves}) == 1


def test_nobody_goes_where_a_filter_stands_against_it_or_who_may_not():
    tainted = cluster(taints=(Taint("old", "", "NoSchedule"),))
    assert "c" not in {each.target for each in plan_moves(tainted, movable, 10)}
    assert plan_moves(cluster(), lambda found: False, 10) == []
    assert plan_moves(cluster(), movable, 0) == []


def test_a_cluster_without_gpus_has_nothing_to_move():
    assert plan_moves(ClusterSnapshot.of([node("a")], [pod("p", on="a")]), lambda found: True, 10) == []


def test_room_is_made_for_who_waits():
    ones = [pod(f"one-{each}", on=each, requests={GPU: "1", "cpu": "1"}) for each in "abc"]
    snapshot = ClusterSnapshot.of([gpu_node(each) for each in "abc"], ones)
    waiting = [pod(f"all-{each}", requests={GPU: "4", "cpu": "1"}) for each in range(3)]
    assert plan_moves(snapshot, movable, 10) == []
    assert len(plan_moves(snapshot, movable, 10, waiting)) == 2
