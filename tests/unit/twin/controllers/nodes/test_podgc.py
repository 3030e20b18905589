"""Pods that nobody will ever end."""

from kubewright.api.core import Taint
from kubewright.twin.controllers.nodes.podgc import discard, excess, is_out_of_service
from kubewright.twin.controllers.nodes.taints import OUT_OF_SERVICE
from tests.unit.twin.controllers.build import NOW, pod
from tests.unit.twin.controllers.nodes.build import node


def test_a_pod_fails_before_it_is_taken_away():
    status, removal = discard(pod("a"), NOW, orphaned=True)
    assert status.changes["status"]["phase"] == "Failed"
    assert [each["reason"] for each in status.changes["status"]["conditions"]] == ["DeletionByPodGC"]
    assert removal.grace_period_seconds == 0


def test_a_pod_that_has_ended_keeps_its_end():
    assert [write.key.name for write in discard(pod("a", phase="Succeeded"), NOW)] == ["a"]


def test_of_too_many_ended_pods_the_oldest_go():
    ended = [pod(f"p{age}", phase="Succeeded", created_at=NOW - age) for age in (10, 30, 20)]
    assert [each.metadata.name for each in excess([*ended, pod("running")], 1)] == ["p30", "p20"]
    assert excess(ended, 3) == []


def test_only_a_node_that_is_not_ready_can_be_out_of_service():
    taint = Taint(OUT_OF_SERVICE, "nodeshutdown", "NoExecute")
    assert is_out_of_service(node("Unknown", taints=[taint]))
    assert not is_out_of_service(node("True", taints=[taint]))
    assert not is_out_of_service(node("Unknown"))
