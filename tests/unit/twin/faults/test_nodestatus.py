"""What nodes say of themselves under faults."""

import msgspec
import pytest

from kubewright.api.conditions import Condition
from kubewright.api.core import NodeStatus
from kubewright.api.meta import rfc3339
from kubewright.twin.controllers.writes import Announce, Patch
from kubewright.twin.faults.decide import Cluster, decide
from kubewright.twin.faults.nodestatus import writes_of
from tests.unit.twin.faults.build import NOW, fault, node

EARLIER = rfc3339(NOW - 100)
HIT = {"nodes": {}}


def a_node(*conditions, gpus="", allocatable=""):
    said = tuple(Condition(type_, status, reason, "", EARLIER) for type_, status, reason in conditions)
    capacity = {"nvidia.com/gpu": gpus} if gpus else {}
    status = NodeStatus(capacity, {"nvidia.com/gpu": allocatable or gpus} if gpus else {}, said)
    return msgspec.structs.replace(node("n1"), status=status)


def writes(found, *faults):
    in_force = decide(faults, Cluster((found,)), NOW).in_force
    return writes_of(found, in_force.on_nodes.get("n1", ()), NOW)


def test_a_healthy_node_has_nothing_to_say():
    assert writes(a_node(("DiskPressure", "False", "KubeletHasNoDiskPressure"))) == []
    assert writes(a_node(gpus="4")) == []


def test_a_condition_that_turns_says_since_when_and_is_announced():
    patch, news = writes(a_node(("DiskPressure", "False", "x")), fault(type="DiskFull", target=HIT))
    (condition,) = patch.changes["status"]["conditions"]
    assert (condition["status"], condition["lastTransitionTime"]) == ("True", rfc3339(NOW))
    assert (news.type, news.reason) == ("Normal", "NodeHasDiskPressure")


def test_a_condition_that_stays_keeps_its_time():
    patch, _ = writes(
        a_node(("NTPProblem", "True", "other")), fault(type="ClockSkew", target=HIT, clockSkew={"seconds": 9})
    )
    assert patch.changes["status"]["conditions"][0]["lastTransitionTime"] == EARLIER


@pytest.mark.parametrize(
    ("type_", "status"), [("DiskPressure", "True"), ("NTPProblem", "True"), ("AcceleratedHardwareReady", "False")]
)
def test_what_a_fault_has_left_behind_goes_back_to_normal(type_, status):
    (patch,) = writes(a_node((type_, status, "x")))
    assert isinstance(patch, Patch)
    assert patch.changes["status"]["conditions"][0]["status"] == ("False" if status == "True" else "True")


def test_what_the_node_controller_says_of_a_silent_node_stays():
    assert writes(a_node(("DiskPressure", "Unknown", "NodeStatusUnknown"))) == []


@pytest.mark.parametrize("type_", ["NodeDown", "NodePartitioned"])
def test_a_node_that_is_cut_off_says_nothing(type_):
    silent = fault("a", type=type_, target=HIT)
    assert writes(a_node(("DiskPressure", "False", "x")), silent, fault("b", type="DiskFull", target=HIT)) == []


@pytest.mark.parametrize(
    ("type_", "condition", "status"),
    [
        ("ReadOnlyFilesystem", "ReadonlyFilesystem", "True"),
        ("DiskFailing", "DiskFailing", "True"),
        ("KernelDeadlock", "KernelDeadlock", "True"),
        ("KubeletRestarts", "FrequentKubeletRestart", "True"),
        ("PidPressure", "PIDPressure", "True"),
        ("RuntimeHung", "ContainerRuntimeUnhealthy", "True"),
        ("RuntimeHung", "Ready", "False"),
        ("NetworkUnavailable", "Ready", "False"),
        ("GpuHung", "AcceleratedHardwareReady", "False"),
        ("GpuThrottled", "GpuThrottled", "True"),
        ("NvlinkError", "AcceleratedHardwareReady", "False"),
        ("DevicePluginDown", "AcceleratedHardwareReady", "False"),
    ],
)
def test_each_fault_says_its_condition_and_takes_it_back(type_, condition, status):
    def said(found, *faults):
        (patch, *_) = writes(found, *faults)
        return {each["type"]: each for each in patch.changes["status"]["conditions"]}[condition]

    ill = said(a_node(gpus="4"), fault(type=type_, target=HIT))
    assert ill["status"] == status
    found = Condition(condition, status, ill["reason"], ill["message"], EARLIER)
    node_ = msgspec.structs.replace(a_node(), status=NodeStatus({}, {}, (found,)))
    assert said(node_)["status"] == ("False" if status == "True" else "True")


def test_that_a_node_is_not_ready_for_reasons_of_its_own_is_left_alone():
    assert writes(a_node(("Ready", "False", "KubeletNotReady"))) == []


def test_what_is_said_of_a_gpu_names_who_holds_it():
    found = a_node(gpus="4")
    hung = fault(type="GpuHung", target=HIT, gpuHung={"device": 2})
    in_force = decide((hung,), Cluster((found,)), NOW).in_force
    patch, _ = writes_of(found, in_force.on_nodes["n1"], NOW, lambda gpu: "shop/train" if gpu == 2 else "")
    assert (
        patch.changes["status"]["conditions"][0]["message"] == "no progress on GPU 2, which is busy, held by shop/train"
    )


def test_gpus_that_are_out_of_use_are_not_allocatable():
    found = a_node(gpus="4")
    noted = msgspec.structs.replace(found.metadata, annotations={"gpu.kubewright.dev/quarantined": "1,3,1,x"})
    (patch,) = writes(msgspec.structs.replace(found, metadata=noted))
    assert patch.changes == {"status": {"allocatable": {"nvidia.com/gpu": "2"}}}


def test_devices_are_counted_once_and_only_where_they_are():
    faults = [
        fault(name, type="GpuXid", target=HIT, gpuXid={"device": device})
        for name, device in (("a", 0), ("b", 0), ("c", 2), ("d", 7))
    ]
    patch, *news = writes(a_node(gpus="4"), *faults)
    assert patch.changes["status"]["allocatable"] == {"nvidia.com/gpu": "2"}
    assert all(isinstance(each, Announce) for each in news)
    assert "allocatable" not in writes(a_node(gpus="4", allocatable="2"), *faults)[0].changes["status"]
    (patch,) = writes(a_node(gpus="4", allocatable="2"))
    assert patch.changes == {"status": {"allocatable": {"nvidia.com/gpu": "4"}}}


def test_a_node_without_gpus_has_no_errors_of_any():
    assert writes(a_node(), fault(type="GpuXid", target=HIT)) == []
