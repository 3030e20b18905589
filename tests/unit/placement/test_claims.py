"""Claims to devices in a snapshot: who could run where, what is booked, and what a fork tries."""

import msgspec
import pytest

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.resourceclaims import ResourceClaim
from kubewright.placement.claims import DeviceClaims
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import fit, place, ranked
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.standing import REFUSED
from tests.unit.devices.claims.build import asked, claim, device, device_class, sliced


def node(name):
    allocatable = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    return msgspec.convert({"metadata": {"name": name}, "status": {"allocatable": allocatable}}, Node)


def pod(name, *claims, **metadata):
    wanted = [{"name": each, "resourceClaimName": each} for each in claims]
    spec = {"containers": [{"name": "c"}], "resourceClaims": wanted}
    document = {"metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", **metadata}, "spec": spec}
    return msgspec.convert(document, Pod)


def on(name, *devices):
    return sliced(*(device(each) for each in devices), name=name, pool=name, nodeName=name)


class World:
    def __init__(self, *claims, slices=None):
        slices = slices or [on("n1", "a"), on("n2", "b", "c")]
        self.claims = {each.key: each for each in claims}
        self.view = DeviceClaims(
            self.claims,
            {ObjectKey("", "gpu"): device_class()},
            {each.key: each for each in slices},
        )
        self.snapshot = ClusterSnapshot.of([node("n1"), node("n2")], claims=self.view)

    def where(self, pod, snapshot=None):
        snapshot = snapshot or self.snapshot
        ranks = ranked(snapshot.row(pod), snapshot)
        return [each.metadata.name for each, rank in zip(snapshot.table.nodes, ranks, strict=True) if rank != REFUSED]

    def assume(self, pod, name, snapshot=None):
        snapshot = snapshot or self.snapshot
        snapshot.assume(snapshot.row(pod), snapshot.table.columns[name])

    def becomes(self, claim, **status):
        document = {**msgspec.to_builtins(claim), "status": status}
        self.claims[claim.key] = msgspec.convert(document, ResourceClaim)
        self.view.claim_changed(claim.key)


def test_pods_run_where_devices_are_left():
    one, two, other = claim(name="one"), claim(asked(count=2), name="two"), claim(name="other")
    world = World(one, two, other)
    assert world.where(pod("p", "one")) == ["n1", "n2"]
    assert world.where(pod("p", "two")) == ["n2"]
    world.assume(pod("p", "one"), "n1")
    assert world.where(pod("q", "other")) == ["n2"]
    world.snapshot.forget(pod("p").key)
    assert world.where(pod("q", "other")) == ["n1", "n2"]


def test_a_fork_books_for_itself():
    world = World(*(claim(name=each) for each in "xyzw"))
    fork = world.snapshot.fork()
    placed = list(place([pod(f"p{each}", each) for each in "xyzw"], fork, 0))
    assert [isinstance(each, Diagnosis) for each in placed] == [False, False, False, True]
    assert world.where(pod("p", "x")) == ["n1", "n2"]
    assert world.view.decided_for(pod("px")) == {}


def test_what_was_decided_stays_decided_when_the_cluster_is_laid_out_anew():
    world = World(claim(name="x"))
    wants = pod("p", "x")
    world.assume(wants, "n2")
    before = world.view.decided_for(wants)
    anew = ClusterSnapshot.of([node("n1"), node("n2"), node("n3")], claims=world.view)
    world.assume(wants, "n2", anew)
    assert world.view.decided_for(wants) == before


def test_what_the_cluster_shows_replaces_what_was_decided():
    mine, next_one = claim(name="x"), claim(name="y")
    world = World(mine, next_one, slices=[on("n1", "a")])
    wants = pod("p", "x")
    world.assume(wants, "n1")
    [decision] = world.view.decided_for(wants).values()
    world.view.mark_written(mine.key, is_written=True)
    world.snapshot.forget(wants.key)
    assert world.where(pod("q", "y")) == []  # it is written, though nobody has seen it yet
    world.becomes(mine, allocation=decision.allocation)
    assert (world.view.decided_for(wants), world.where(pod("q", "y"))) == ({}, [])
    world.becomes(mine)
    assert world.where(pod("q", "y")) == ["n1"]


def test_a_claim_that_is_allocated_is_used_where_it_is():
    shared = claim(name="x")
    world = World(shared)
    world.assume(pod("p", "x"), "n2")
    [decision] = world.view.decided_for(pod("p", "x")).values()
    world.becomes(shared, allocation=decision.allocation)
    assert world.where(pod("q", "x")) == ["n2"]


PROBLEMS = {
    "no such claim": ({}, 'resourceclaim "x" not found'),
    "going": ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, 'resourceclaim "x" is being deleted'),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_wrong_whatever_the_node(case):
    metadata, text = PROBLEMS[case]
    world = World()
    if metadata:
        document = msgspec.to_builtins(claim(name="x"))
        world.claims[ObjectKey("default", "x")] = msgspec.convert(
            {**document, "metadata": {**document["metadata"], **metadata}}, ResourceClaim
        )
    assert fit(pod("p", "x"), world.snapshot, 0).problem == text


def test_a_claim_that_another_pod_is_being_given_is_waited_for():
    world = World(claim(name="x"))
    world.assume(pod("p", "x"), "n1")
    assert (
        fit(pod("q", "x"), world.snapshot, 0).problem == "resource claim default/x is in the process of being allocated"
    )


def test_it_says_how_many_nodes_cannot():
    world = World(claim(asked(count=3), name="x"))
    assert str(fit(pod("p", "x"), world.snapshot, 0)) == "0/2 nodes are available: 2 cannot allocate all claims."


def test_the_node_that_meets_the_first_wish_is_better():
    wishes = [{"name": "two", "deviceClassName": "gpu", "count": 2}, {"name": "one", "deviceClassName": "gpu"}]
    world = World(claim({"name": "r", "firstAvailable": wishes}, name="x"))
    assert fit(pod("p", "x"), world.snapshot, 0).node == "n2"
