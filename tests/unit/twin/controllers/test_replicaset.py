"""ReplicaSets: which pods are made, which go first, what is counted, and what is awaited."""

import msgspec
import pytest

from kubewright.api.apps import REPLICA_SETS
from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.controllers.availability import available_after_seconds
from kubewright.twin.controllers.expectations import EXPIRY_SECONDS, Expectations
from kubewright.twin.controllers.ownership import claim
from kubewright.twin.controllers.replicaset.decide import Counted, scale, status_of
from kubewright.twin.controllers.replicaset.victims import victims
from kubewright.twin.controllers.writes import Create, Remove
from tests.unit.twin.controllers.build import NOW, owned, pod, replica_set


def test_missing_pods_are_made_from_the_template_and_owned():
    creates = scale(replica_set("web-1", 3), REPLICA_SETS, [pod("a")], {})
    assert [type(each) for each in creates] == [Create, Create]
    manifest = creates[0].manifest
    assert manifest["metadata"]["generateName"] == "web-1-"
    assert manifest["metadata"]["labels"] == {"app": "web"}
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == (
        "ReplicaSet", "web-1", True, True,
    )  # fmt: skip


def test_superfluous_pods_go_by_uid():
    removes = scale(replica_set("web-1", 1), REPLICA_SETS, [pod("a"), pod("b", ready=False)], {})
    assert [(type(each), each.key.name, each.uid) for each in removes] == [(Remove, "b", "uid-b")]


FIRST = {
    "a pod without a node before one with": (pod("x", on="", phase="Pending"), pod("a", phase="Pending")),
    "pending before running": (pod("x", phase="Pending", ready=False), pod("a", ready=False)),
    "not ready before ready": (pod("x", ready=False), pod("a")),
    "cheap by annotation before dear": (
        pod("x", notes={"controller.kubernetes.io/pod-deletion-cost": "-5"}), pod("a")),
    "on a crowded node before alone": (pod("x", on="full"), pod("a", on="n1")),
    "ready for a short time before long": (pod("x", ready_at=NOW - 5), pod("a", ready_at=NOW - 50)),
    "restarted often before never": (pod("x", restarts=4), pod("a")),
    "young before old": (pod("x", created_at=NOW - 150), pod("a", created_at=NOW - 900)),
    "by name at last": (pod("a"), pod("x")),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second"), FIRST.values(), ids=FIRST)
def test_who_goes_first(first, second):
    neighbours = {"full": 5, "n1": 1}
    for order in ([first, second], [second, first]):
        assert [each.metadata.name for each in victims(order, 1, neighbours)] == [first.metadata.name]


def test_what_is_counted():
    pods = [
        pod("ready"), pod("waiting", ready=False), pod("young", ready_at=NOW - 3),
        pod("other", labels={"app": "web", "extra": "y"}), pod("odd", labels={}),
        pod("going", terminating=True), pod("ended", phase="Failed"),
    ]  # fmt: skip
    counted = Counted.of(pods)
    wanted = replica_set("web-1", 9)
    wanted = msgspec.structs.replace(wanted, spec=msgspec.structs.replace(wanted.spec, min_ready_seconds=10))
    status = status_of(wanted, counted, NOW)
    assert {name: status[name] for name in status if name.endswith("eplicas")} == {
        "replicas": 5, "fullyLabeledReplicas": 4, "readyReplicas": 4, "availableReplicas": 3, "terminatingReplicas": 1,
    }  # fmt: skip
    assert available_after_seconds(pods[2], 10, NOW) == 7


def test_a_refusal_becomes_a_condition():
    refused = OpError("client.create", ErrorKind.FORBIDDEN, "Pod/default/", "exceeded quota")
    status = status_of(replica_set("web-1", 2), Counted.of([]), NOW, refused)
    (condition,) = status["conditions"]
    assert (condition["type"], condition["reason"], condition["message"]) == (
        "ReplicaFailure", "FailedCreate", "exceeded quota",
    )  # fmt: skip


def claimed(*pods, going=False):
    owner = replica_set("web-1", 1)
    if going:
        metadata = msgspec.structs.replace(owner.metadata, deletion_timestamp="2030-01-01T00:00:00Z")
        owner = msgspec.structs.replace(owner, metadata=metadata)
    result = claim(owner, REPLICA_SETS, lambda each: owner.spec.selector.matches(each.metadata.labels), pods, PODS)
    names = [each.metadata.name for each in result.owned]
    return names, {each.key.name: each.changes["metadata"]["ownerReferences"] for each in result.writes}


def test_claims():
    ours, theirs = owned("ReplicaSet", "web-1"), owned("ReplicaSet", "web-2")
    assert claimed(pod("own", owners=[ours])) == (["own"], {})
    assert claimed(pod("other", owners=[theirs])) == ([], {})
    names, writes = claimed(pod("orphan"))
    assert names == []
    assert [ref["uid"] for ref in writes["orphan"]] == ["web-1"]
    assert claimed(pod("stray", owners=[ours], labels={})) == ([], {"stray": None})
    assert claimed(pod("orphan", terminating=True)) == ([], {})
    assert claimed(pod("orphan"), pod("stray", owners=[ours], labels={}), going=True) == ([], {})


def test_expectations_hold_until_all_was_seen_or_given_up():
    expected, key = Expectations[ObjectKey](), ObjectKey("default", "web")
    assert expected.met(key, 0)
    expected.expect_created(key, 0)
    expected.expect_created(key, 0)
    expected.saw_created(key)
    assert not expected.met(key, 1)
    expected.saw_created(key)
    assert expected.met(key, 1)
    expected.expect_deleted(key, "u1", 2)
    expected.saw_deleted(key, "other")
    assert not expected.met(key, 3)
    assert expected.met(key, 2 + EXPIRY_SECONDS)
    expected.expect_deleted(key, "u2", 2)
    expected.saw_deleted(key, "u2")
    assert expected.met(key, 3)
