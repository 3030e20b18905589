"""The taints of nodes that are not well."""

import pytest

from kubewright.api.core import Taint
from kubewright.api.meta import rfc3339
from kubewright.twin.controllers.nodes.lifecycle import older_labels, out_of_traffic, silence
from kubewright.twin.controllers.nodes.taints import (
    CORDONED,
    NOT_READY,
    UNREACHABLE,
    evicting_keys,
    no_execute,
    no_schedule,
)
from kubewright.twin.controllers.writes import Patch
from tests.unit.twin.controllers.build import NOW, pod
from tests.unit.twin.controllers.nodes.build import node

STAMP = rfc3339(NOW)
GPU = Taint("gpu", "yes", "NoSchedule")


def after(given, writes):
    """Give the taints that a node has after at most one write."""
    if not writes:
        return [(each.key, each.effect) for each in given.spec.taints]
    (write,) = writes
    return [(each["key"], each["effect"]) for each in write.changes["spec"]["taints"] or ()]


SCHEDULING = {
    "a ready node has none": (node(), []),
    "a node that is not ready": (node("False"), [(NOT_READY, "NoSchedule")]),
    "a silent node": (node("Unknown"), [(UNREACHABLE, "NoSchedule")]),
    "a node that nobody has spoken for": (node(""), []),
    "a cordoned node": (node(cordoned=True), [(CORDONED, "NoSchedule")]),
    "a full disk": (node(pressure=["DiskPressure"]), [("node.kubernetes.io/disk-pressure", "NoSchedule")]),
    "others' taints stay": (node("False", taints=[GPU]), [("gpu", "NoSchedule"), (NOT_READY, "NoSchedule")]),
    "those that drive out are not its business": (
        node(taints=[Taint(NOT_READY, "", "NoExecute")]), [(NOT_READY, "NoExecute")]),
    "a node that is well again loses its taints": (
        node(taints=[GPU, Taint(UNREACHABLE, "", "NoSchedule", STAMP)]), [("gpu", "NoSchedule")]),
}  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), SCHEDULING.values(), ids=SCHEDULING)
def test_taints_that_keep_pods_away_follow_the_conditions(given, expected):
    assert after(given, no_schedule(given, NOW)) == expected


SILENT = Taint(UNREACHABLE, "", "NoExecute", STAMP)
DRIVING = {
    "none for a ready node": (node(taints=[SILENT]), "True", []),
    "unreachable for a silent one": (node(), "Unknown", [(UNREACHABLE, "NoExecute")]),
    "the one takes the other's place": (node(taints=[SILENT]), "False", [(NOT_READY, "NoExecute")]),
    "one that is there stays": (node(taints=[SILENT]), "Unknown", [(UNREACHABLE, "NoExecute")]),
}


@pytest.mark.parametrize(("given", "status", "expected"), DRIVING.values(), ids=DRIVING)
def test_of_the_taints_that_drive_pods_out_there_is_at_most_one(given, status, expected):
    assert after(given, no_execute(given, status, NOW)) == expected


def test_a_taint_keeps_the_time_that_it_came():
    (write,) = no_schedule(node("Unknown"), NOW)
    assert [each["timeAdded"] for each in write.changes["spec"]["taints"]] == [STAMP]
    again = node("Unknown", taints=[Taint(UNREACHABLE, "", "NoSchedule", STAMP), SILENT])
    assert no_schedule(again, NOW + 99) == no_execute(again, "Unknown", NOW + 99) == []
    assert evicting_keys(again) == {UNREACHABLE}


def test_a_silent_node_is_unknown_in_all_that_its_kubelet_says():
    write = silence(node(), NOW)
    said = {each["type"]: (each["status"], each["reason"]) for each in write.changes["status"]["conditions"]}
    assert said["Ready"] == said["DiskPressure"] == ("Unknown", "NodeStatusUnknown")


def test_of_a_node_that_never_spoke_it_is_said_so():
    write = silence(node(""), NOW)
    messages = {each["type"]: each["message"] for each in write.changes["status"]["conditions"]}
    assert messages["Ready"] == "Kubelet never posted node status."
    assert messages["PIDPressure"] == "Kubelet stopped posting node status."


def test_ready_pods_of_a_silent_node_take_no_traffic():
    writes = [each for each in out_of_traffic([pod("a"), pod("b", ready=False)], NOW) if isinstance(each, Patch)]
    assert [(each.key.name, each.changes["status"]["conditions"][0]["status"]) for each in writes] == [("a", "False")]


def test_labels_are_there_under_their_older_names_too():
    (write,) = older_labels(node(labels={"kubernetes.io/os": "linux"}))
    assert write.changes == {"metadata": {"labels": {"beta.kubernetes.io/os": "linux"}}}
    assert not older_labels(node(labels={"kubernetes.io/os": "linux", "beta.kubernetes.io/os": "linux"}))
