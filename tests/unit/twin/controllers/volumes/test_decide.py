"""What becomes of claims and of volumes."""

import pytest

from kubewright.api.volumes import SELECTED_NODE
from kubewright.twin.controllers.volumes.decide import sync_claim, sync_volume
from kubewright.twin.controllers.volumes.protection import CLAIM_FINALIZER, protect_claim, protect_volume
from kubewright.twin.controllers.volumes.provisioner import PROVISIONER, grow, new_volume, zone_for
from kubewright.twin.controllers.writes import Announce, Patch
from tests.unit.twin.controllers.build import NOW, pod
from tests.unit.twin.controllers.nodes.build import node
from tests.unit.twin.controllers.volumes.build import bound_claim, claim, storage, storage_class, volume


def told(writes):
    return [write.reason for write in writes if isinstance(write, Announce)]


def changed(writes):
    return [(write.key.name, write.subresource) for write in writes if isinstance(write, Patch)]


def test_a_claim_and_its_volume_are_written_volume_first():
    given = claim()
    decision = sync_claim(given, storage(given, volume(), storage_class()), [], None, NOW)
    assert changed(decision.writes) == [("v1", ""), ("v1", "status"), ("data", ""), ("data", "status")]
    assert not decision.pending


def test_what_was_written_half_is_finished():
    given = claim(volume="v1")
    decision = sync_claim(given, storage(given, volume(of="data", uid="uid-data", phase="Bound")), [], None, NOW)
    assert changed(decision.writes) == [("data", ""), ("data", "status")]


def test_a_claim_that_is_bound_needs_nothing():
    given = bound_claim()
    held = volume(of="data", uid="uid-data", phase="Bound")
    writes = sync_claim(given, storage(given, held), [], None, NOW).writes
    assert [write.changes for write in writes] == [{"status": {"accessModes": ["ReadWriteOnce"]}}]


WAITING = {
    "without a class": (claim(kind=""), [], ["FailedBinding"]),
    "of a class that is not there": (claim(kind="gone"), [], ["ProvisioningFailed"]),
    "for a volume to be made": (claim(), [storage_class()], ["ExternalProvisioning"]),
    "for a pod": (claim(), [storage_class(waits=True)], ["WaitForFirstConsumer"]),
    "for a volume that is another's": (
        claim(volume="v1"), [storage_class(), volume(of="other", uid="x")], ["FailedBinding"]),
    "for a volume that is too small": (claim(size="2Gi", volume="v1"), [volume()], ["VolumeMismatch"]),
    "for a volume that is not there": (claim(volume="v1"), [], []),
    "with a node, for a volume to be made": (
        claim(notes={SELECTED_NODE: "n1"}), [storage_class(waits=True)], ["ExternalProvisioning"]),
}  # fmt: skip


@pytest.mark.parametrize(("given", "others", "reasons"), WAITING.values(), ids=WAITING)
def test_a_claim_that_waits_says_for_what(given, others, reasons):
    decision = sync_claim(given, storage(given, *others), [], None, NOW)
    assert told(decision.writes) == reasons
    assert decision.pending


def test_the_pods_that_a_claim_waits_for_are_named():
    given = claim()
    decision = sync_claim(given, storage(given, storage_class(waits=True)), [pod("a"), pod("b")], None, NOW)
    (announce,) = [write for write in decision.writes if isinstance(write, Announce)]
    assert (announce.reason, announce.message) == ("WaitForPodScheduled", "waiting for pods a,b to be scheduled")


def test_a_claim_that_named_no_class_gets_the_default_one_later():
    given = claim(kind=None)
    (write,) = sync_claim(given, storage(given), [], storage_class("standard"), NOW).writes
    assert write.changes == {"spec": {"storageClassName": "standard"}}


LOST = {
    "its volume is gone": ([], "ClaimLost"),
    "its volume is another's": ([volume(of="other", uid="x", phase="Bound")], "ClaimMisbound"),
}


@pytest.mark.parametrize(("others", "reason"), LOST.values(), ids=LOST)
def test_a_bound_claim_is_lost_when(others, reason):
    given = bound_claim()
    writes = sync_claim(given, storage(given, *others), [], None, NOW).writes
    assert writes[0].changes["status"]["phase"] == "Lost"
    assert told(writes) == [reason]


PHASES = {
    "nobody's": (volume(phase="Pending"), None, "Available"),
    "meant for a claim that has not come": (volume(of="data", phase="Pending"), None, "Available"),
    "bound": (volume(of="data", uid="uid-data"), claim(volume="v1"), "Bound"),
    "its claim is gone": (volume(of="data", uid="uid-data", phase="Bound"), None, "Released"),
}


@pytest.mark.parametrize(("given", "holder", "phase"), PHASES.values(), ids=PHASES)
def test_a_volume_is(given, holder, phase):
    (write,) = sync_volume(given, holder, NOW)
    assert write.changes["status"]["phase"] == phase


def test_a_volume_whose_claim_took_another_is_free_again():
    yes = {"pv.kubernetes.io/bound-by-controller": "yes"}
    first = sync_volume(volume(of="data", uid="uid-data", phase="Bound", notes=yes), claim(volume="v2"), NOW)[0]
    assert first.changes["spec"] == {"claimRef": None}
    by_hand = sync_volume(volume(of="data", uid="uid-data", phase="Bound"), claim(volume="v2"), NOW)[0]
    assert by_hand.changes == {"spec": {"claimRef": {"uid": None}}}


def test_a_claim_that_goes_is_kept_while_a_pod_with_a_node_uses_it():
    going = bound_claim(deletion_timestamp="2030-01-01T00:00:00Z", finalizers=(CLAIM_FINALIZER,))
    assert protect_claim(going, [pod("a")], NOW) == []
    assert protect_claim(going, [pod("a", on="")], NOW)[0].changes == {"metadata": {"finalizers": None}}


def test_a_claim_says_whether_pods_use_it():
    held = {"finalizers": (CLAIM_FINALIZER,)}
    (write,) = protect_claim(bound_claim(**held), [pod("a", phase="Succeeded")], NOW)
    assert write.changes["status"]["conditions"][0]["reason"] == "NoPodsUsingPVC"
    (write,) = protect_claim(bound_claim(**held), [pod("a", on="")], NOW)
    assert write.changes["status"]["conditions"][0]["reason"] == "PodUsingPVC"
    assert protect_claim(claim(**held), [], NOW) == []


def test_what_is_to_be_kept_is_held_again():
    assert protect_claim(claim(), [], NOW)[0].changes == {"metadata": {"finalizers": [CLAIM_FINALIZER]}}
    assert protect_volume(volume())[0].changes == {"metadata": {"finalizers": ["kubernetes.io/pv-protection"]}}


def test_a_volume_that_goes_is_kept_while_it_is_bound():
    fields = {"deletion_timestamp": "2030-01-01T00:00:00Z", "finalizers": ("kubernetes.io/pv-protection", "other")}
    assert protect_volume(volume(phase="Bound", **fields)) == []
    assert protect_volume(volume(phase="Released", **fields))[0].changes == {"metadata": {"finalizers": ["other"]}}


def test_a_new_volume_belongs_to_the_zone_of_the_chosen_node():
    zones = [node(name=name, labels={"topology.kubernetes.io/zone": name}) for name in ("b", "a")]
    assert zone_for(storage_class(), zones[0], zones) == "b"
    assert zone_for(storage_class(), None, zones) == "a"
    made = new_volume(claim(size="3Gi"), storage_class(reclaim_policy="Delete"), "b")
    assert made["metadata"]["name"] == "pvc-uid-data"
    assert made["spec"]["capacity"] == {"storage": "3Gi"}
    (term,) = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["b"]


def test_a_volume_grows_with_its_claim():
    held = volume(of="data", uid="uid-data", phase="Bound", notes={"pv.kubernetes.io/provisioned-by": PROVISIONER})
    writes = grow(bound_claim(size="2Gi"), held)
    assert changed(writes) == [("v1", ""), ("data", "status")]
    assert grow(bound_claim(size="0"), held) == []
