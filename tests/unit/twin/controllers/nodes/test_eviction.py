"""Who has to leave a node, and when."""

from kubewright.api.core import Taint
from kubewright.api.tolerations import Toleration
from kubewright.twin.controllers.nodes.eviction import Departures, evict
from kubewright.twin.controllers.nodes.taints import UNREACHABLE
from tests.unit.twin.controllers.build import NOW, pod
from tests.unit.twin.controllers.nodes.build import node

SILENT = node("Unknown", taints=[Taint(UNREACHABLE, "", "NoExecute")])
HOSTILE = node("Unknown", taints=[Taint(UNREACHABLE, "", "NoExecute"), Taint("maintenance", "", "NoExecute")])


def patient(seconds):
    return (Toleration(UNREACHABLE, "Exists", effect="NoExecute", toleration_seconds=seconds),)


def times(leaving):
    return {each.key.name: each.due_at - NOW for each in leaving.pods.values()}


def test_pods_leave_when_their_toleration_ends():
    pods = [
        pod("at-once"),
        pod("later", tolerations=patient(300)),
        pod("never", tolerations=(Toleration("", "Exists"),)),
    ]
    leaving = Departures()
    assert leaving.plan(SILENT, pods, NOW) == []
    assert times(leaving) == {"at-once": 0, "later": 300}
    assert leaving.next_at == NOW


def test_the_time_runs_from_when_the_taint_was_seen_whatever_the_tolerations_become():
    leaving = Departures()
    leaving.plan(SILENT, [pod("a", tolerations=patient(300))], NOW)
    assert leaving.plan(SILENT, [pod("a", tolerations=patient(900))], NOW + 100) == []
    assert times(leaving) == {"a": 300}


def test_pods_stay_when_the_taint_goes():
    leaving = Departures()
    leaving.plan(SILENT, [pod("a", tolerations=patient(300))], NOW)
    assert [key.name for key in leaving.plan(node(), [pod("a", tolerations=patient(300))], NOW + 9)] == ["a"]
    assert not leaving.pods


def test_a_second_taint_that_is_not_tolerated_ends_the_wait():
    leaving = Departures()
    leaving.plan(SILENT, [pod("a", tolerations=patient(300))], NOW)
    leaving.plan(HOSTILE, [pod("a", tolerations=patient(300))], NOW + 9)
    assert times(leaving) == {"a": 9}


def test_a_pod_that_went_by_itself_is_forgotten():
    leaving = Departures()
    leaving.plan(SILENT, [pod("a", tolerations=patient(300))], NOW)
    leaving.plan(SILENT, [], NOW + 9)
    assert leaving.next_at is None


def test_a_pod_is_told_why_it_goes():
    _, status, removal = evict(pod("a"), NOW)
    (condition,) = status.changes["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "DeletionByTaintManager")
    assert removal.uid == "uid-a"
