"""Silent nodes, their taints, and who has to leave."""

import pytest

from kubewright.api.conditions import Condition
from kubewright.api.core import Node, NodeSpec, NodeStatus, Taint
from kubewright.api.meta import ObjectMeta, rfc3339
from kubewright.api.tolerations import Toleration
from kubewright.twin.controllers.nodes import CORDONED, NOT_READY, UNREACHABLE, evict, silence, taint, wanted_taints
from kubewright.twin.controllers.writes import Patch, Remove
from tests.unit.twin.controllers.build import NOW, pod

STAMP = rfc3339(NOW)


def node(ready="True", *, taints=(), cordoned=False):
    conditions = (Condition("Ready", ready),) if ready else ()
    return Node(
        metadata=ObjectMeta(name="n1", uid="n1", resource_version="3"),
        spec=NodeSpec(cordoned, tuple(taints)),
        status=NodeStatus(conditions=conditions),
    )


GPU = Taint("gpu", "yes", "NoSchedule")

CASES = {
    "a ready node has none": (node(), []),
    "a node that is not ready": (node("False"), [(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")]),
    "a silent node": (node("Unknown"), [(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")]),
    "a cordoned node": (node(cordoned=True), [(CORDONED, "NoSchedule")]),
    "others' taints stay": (node(taints=[GPU]), [("gpu", "NoSchedule")]),
    "a node that is well again loses its taints": (
        node(taints=[GPU, Taint(UNREACHABLE, "", "NoExecute", STAMP)]), [("gpu", "NoSchedule")]),
}  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), CASES.values(), ids=CASES)
def test_taints(given, expected):
    assert [(each.key, each.effect) for each in wanted_taints(given, NOW)] == expected


def test_a_taint_keeps_the_time_that_it_came():
    first = wanted_taints(node("Unknown"), NOW)
    assert wanted_taints(node("Unknown", taints=first), NOW + 99) == first
    assert taint(node("Unknown", taints=first), NOW + 99) == []


def test_silence_marks_the_node_and_its_ready_pods():
    writes = [write for write in silence(node(), [pod("a"), pod("b", ready=False)], NOW) if isinstance(write, Patch)]
    assert [(write.resource.plural, write.key.name) for write in writes] == [("nodes", "n1"), ("pods", "a")]
    statuses = {each["type"]: each["status"] for each in writes[0].changes["status"]["conditions"]}
    assert statuses["Ready"] == "Unknown"


def gone(pods, seconds):
    silent = node("Unknown", taints=[Taint(UNREACHABLE, "", "NoExecute", STAMP)])
    writes, wait = evict(silent, pods, NOW + seconds)
    return [write.key.name for write in writes if isinstance(write, Remove)], wait


def test_pods_leave_when_their_toleration_ends():
    pods = [
        pod("at-once"),
        pod("later", tolerations=(Toleration(UNREACHABLE, "Exists", effect="NoExecute", toleration_seconds=300),)),
        pod("never", tolerations=(Toleration(operator="Exists"),)),
        pod("going", terminating=True),
    ]
    assert gone(pods, 0) == (["at-once"], 300)
    assert gone(pods[1:], 100) == ([], 200)
    assert gone(pods[1:], 300) == (["later"], None)


def test_nobody_leaves_a_node_without_such_taints():
    assert evict(node(taints=[GPU]), [pod("a")], NOW) == ([], None)
