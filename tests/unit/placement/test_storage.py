"""Which volume a claim gets, and where a pod with claims can run."""

import msgspec
import numpy as np
import pytest

from kubewright.api.meta import rfc3339
from kubewright.api.pods import ClaimVolumeSource, Volume
from kubewright.api.volumes import SELECTED_NODE, TopologyRequirement, TopologyTerm
from kubewright.placement.fit import fit
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import choose, find_volume, mismatch
from tests.unit.twin.controllers.build import NOW, pod
from tests.unit.twin.controllers.nodes.build import node
from tests.unit.twin.controllers.volumes.build import ROX, bound_claim, claim, storage, storage_class, volume

GOING = {"deletion_timestamp": rfc3339(NOW)}
BEST = {
    "the smallest that does": (claim(size="2Gi"), [volume("a", "5Gi"), volume("b", "3Gi"), volume("c", "1Gi")], "b"),
    "fewer ways of access before size": (
        claim(), [volume("a", "1Gi", modes=["ReadWriteOnce", ROX]), volume("b", "2Gi")], "b"),
    "by label": (claim(labels={"tier": "x"}), [volume("a"), volume("b", labels={"tier": "x"})], "b"),
    "one that is meant for it, whatever its class": (
        claim(), [volume("a"), volume("b", "9Gi", "other", of="data")], "b"),
    "none of another class": (claim(), [volume("a", kind="other")], None),
    "none that is another's": (claim(), [volume("a", of="other", uid="x")], None),
    "none that was of a namesake": (claim(), [volume("a", of="data", uid="before")], None),
    "none that is going": (claim(), [volume("a", **GOING)], None),
    "none that is not free": (claim(), [volume("a", phase="Released")], None),
    "none with other access": (claim(modes=[ROX]), [volume("a")], None),
}  # fmt: skip


@pytest.mark.parametrize(("given", "volumes", "expected"), BEST.values(), ids=BEST)
def test_a_claim_gets(given, volumes, expected):
    found = find_volume(given, volumes)
    assert (found and found.metadata.name) == expected


def test_a_claim_that_waits_gets_without_a_node_only_what_is_meant_for_it():
    assert find_volume(claim(), [volume()], waits=True) is None
    assert find_volume(claim(), [volume(of="data")], waits=True) is not None
    assert find_volume(claim(), [volume()], node={}, waits=True) is not None


def test_what_is_meant_for_a_claim_and_out_of_reach_rules_out_all_else():
    volumes = [volume("near", zone="a"), volume("meant", zone="b", of="data")]
    assert find_volume(claim(), volumes, node={"zone": "a"}) is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (volume(), ""),
        (volume(size="1Mi"), "requested PV is too small"),
        (volume(kind="other"), "storageClassName does not match"),
        (volume(modes=[ROX]), "incompatible accessMode"),
        (volume(**GOING), 'the volume is marked for deletion "v1"'),
    ],
)
def test_a_volume_asked_for_by_name_must_do(given, problem):
    assert mismatch(given, claim()) == problem


def user(*claims, name="user"):
    volumes = tuple(Volume(each, persistent_volume_claim=ClaimVolumeSource(each)) for each in claims)
    return pod(name, on="", volumes=volumes)


def test_two_claims_of_a_pod_get_two_volumes_and_none_that_is_reserved():
    there = storage(claim("one"), claim("two", "2Gi"), volume("a", "2Gi"), volume("b", "2Gi"), volume("c", "2Gi"))
    there.reserved["a"] = claim("other").key
    choice = choose(user("two", "one"), there, "n1", {})
    assert [(each.metadata.name, held.metadata.name) for each, held in choice.volumes] == [("one", "b"), ("two", "c")]
    there.reserved["b"] = claim("other").key
    assert choose(user("two", "one"), there, "n1", {}) is None


def test_a_volume_can_be_made_where_the_class_allows():
    zones = (TopologyTerm((TopologyRequirement("zone", ("a",)),)),)
    there = storage(claim(), storage_class(waits=True, allowed_topologies=zones))
    assert [each.metadata.name for each in choose(user("data"), there, "n1", {"zone": "a"}).made] == ["data"]
    assert choose(user("data"), there, "n1", {"zone": "b"}) is None


def test_a_volume_that_is_being_made_holds_its_pod_to_the_node():
    there = storage(claim(notes={SELECTED_NODE: "n1"}), storage_class(waits=True))
    assert choose(user("data"), there, "n1", {}) is not None
    assert choose(user("data"), there, "n2", {}) is None


NODES = [
    node(name=name, labels={"zone": zone, "topology.kubernetes.io/zone": zone})
    for name, zone in (("n1", "a"), ("n2", "b"))
]
RWOP = "ReadWriteOncePod"
PLACES = {
    "bound within reach of one": ([bound_claim(), volume(zone="b", of="data", uid="uid-data")], "n2"),
    "bound and labelled with a zone": (
        [bound_claim(), volume(of="data", uid="uid-data", labels={"topology.kubernetes.io/zone": "a"})], "n1"),
    "bound out of reach": (
        [bound_claim(), volume(zone="c", of="data", uid="uid-data")],
        "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity."),
    "bound to nothing": (
        [bound_claim()],
        "0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)."),
    "waiting, with a volume in one place": (
        [claim(), storage_class(waits=True, provisioner=""), volume(zone="b")], "n2"),
    "waiting, and nothing to be had": (
        [claim(), storage_class(waits=True, provisioner="")],
        "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."),
    "not bound yet": (
        [claim(), storage_class()],
        "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"),
    "not there": ([], '0/2 nodes are available: persistentvolumeclaim "data" not found. not found'),
    "lost": (
        [claim(volume="v1", phase="Lost")],
        '0/2 nodes are available: persistentvolumeclaim "data" bound to non-existent persistentvolume "v1". not found'),
    "going": (
        [claim(**GOING)], '0/2 nodes are available: persistentvolumeclaim "data" is being deleted. not found'),
}  # fmt: skip


def placed(given, there, others=()):
    roomy = [with_room(each) for each in NODES]
    snapshot = ClusterSnapshot.of(roomy, others, there)
    outcome = fit(given, snapshot, np.arange(len(roomy), dtype=np.intp))
    return getattr(outcome, "node", None) or str(outcome)


def with_room(each):
    status = msgspec.structs.replace(each.status, allocatable={"cpu": "4", "memory": "8Gi", "pods": "10"})
    return msgspec.structs.replace(each, status=status)


@pytest.mark.parametrize(("objects", "expected"), PLACES.values(), ids=PLACES)
def test_a_pod_whose_claim_is(objects, expected):
    assert placed(user("data"), storage(*objects)) == expected


def test_a_claim_for_one_pod_keeps_others_away():
    there = storage(bound_claim(modes=[RWOP]), volume(of="data", uid="uid-data", modes=[RWOP]))
    first = pod("first", on="n1", volumes=user("data").spec.volumes)
    text = "PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
    expected = f"0/2 nodes are available: 2 node(s) unavailable due to {text}."
    assert placed(user("data", name="second"), there, [first]) == expected
