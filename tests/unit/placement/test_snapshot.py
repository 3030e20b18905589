"""Booking, giving back and forking."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from kubewright.api.selectors import LabelSelector
from kubewright.placement.peers import Wanted
from kubewright.placement.pods import ANY_ADDRESS
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

NODES = [node("a"), node("b"), node("c", gpu_x="4")]


def books(snapshot):
    return snapshot.requested.tolist(), snapshot.scored.tolist(), sorted(str(key) for key in snapshot.placed)


def test_a_fork_goes_its_own_way():
    snapshot = ClusterSnapshot.of(NODES, [pod("x", on="a", requests={"cpu": "1"})])
    before = books(snapshot)
    fork = snapshot.fork()
    assert books(fork) == before
    fork.assume(fork.row(pod("y", requests={"cpu": "1"}, host_ports=[("", "TCP", 80)])), 1)
    fork.forget(pod("x").key)
    assert books(snapshot) == before
    assert not list(snapshot.host_ports())
    assert list(fork.host_ports()) == [(1, (ANY_ADDRESS, "TCP", 80))]


def test_a_pod_without_requests_counts_as_a_small_one_in_scores_only():
    snapshot = ClusterSnapshot.of(NODES, [pod("x", on="b")])
    assert snapshot.scored[:, 1].tolist() == [100, 200 * 1024**2]
    assert snapshot.requested[:, 1].tolist() == [0, 0, 1, 0]


def test_an_explicit_zero_stays_zero():
    snapshot = ClusterSnapshot.of(NODES, [pod("x", on="b", requests={"cpu": "0"})])
    assert snapshot.scored[:, 1].tolist() == [0, 200 * 1024**2]


STEPS = st.lists(st.tuples(st.sampled_from("uvwxyz"), st.integers(-1, 2), st.integers(0, 3000)))


@given(STEPS)
def test_after_any_steps_the_columns_are_those_of_a_new_snapshot(steps):
    snapshot, where = ClusterSnapshot.of(NODES), {}
    for name, column, cpu in steps:
        if column < 0:
            assert snapshot.forget(pod(name).key) == (where.pop(name, None) is not None)
        else:
            on = NODES[column].metadata.name
            where[name] = pod(name, on=on, requests={"cpu": f"{cpu}m"})
            snapshot.assume(snapshot.row(where[name]), column)
    assert books(snapshot) == books(ClusterSnapshot.of(NODES, where.values()))


def test_a_pod_that_gets_labels_with_its_binding_counts_for_those_who_look_for_them():
    wanted = Wanted(("default",), None, LabelSelector({"zone": "z"}))
    snapshot = ClusterSnapshot.of(NODES)
    group = snapshot.shapes.peers.group([wanted])
    assumed = pod("x", requests={"cpu": "1"})
    snapshot.assume(snapshot.row(assumed), 1)
    version, taken = snapshot.version, books(snapshot)
    bound = pod("x", on="b", requests={"cpu": "1"})
    bound = structs.replace(bound, metadata=structs.replace(bound.metadata, labels={"zone": "z"}))
    assert snapshot.matching(group).tolist() == [0, 0, 0]
    snapshot.book(bound)
    assert snapshot.matching(group).tolist() == [0, 1, 0]
    assert snapshot.version == version  # no node stands otherwise
    assert snapshot.forget(bound.key)
    assert snapshot.matching(group).tolist() == [0, 0, 0]
    snapshot.assume(snapshot.row(bound), 1)
    assert books(snapshot) == taken


def test_forgetting_tells_whether_anything_is_free_now_a_promise_included():
    snapshot = ClusterSnapshot.of(NODES)
    snapshot.nominate(snapshot.row(pod("x")), "a")
    assert snapshot.forget(pod("x").key)
    assert not snapshot.forget(pod("x").key)
