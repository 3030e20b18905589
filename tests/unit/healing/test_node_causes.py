"""Causes in nodes, GPUs and zones: found where they are, and not in what only looks like them."""

import pytest

from kubewright.api.conditions import Condition
from kubewright.api.coordination import Lease, LeaseSpec
from kubewright.api.core import NODES, Node, NodeStatus, Pod
from kubewright.api.meta import ObjectKey, ObjectMeta, OwnerReference, rfc3339
from kubewright.api.nodeagent import FENCE, FENCED, QUARANTINED
from kubewright.api.pods import PodSpec
from kubewright.healing.catalogue import CAUSES
from kubewright.healing.diagnose import diagnose
from kubewright.healing.seen import seen_of
from kubewright.signals.agents import Agents
from kubewright.signals.nodes import of_node
from kubewright.signals.signal import Fault, Signal, Witness

NOW = 100_000.0
LONG_AGO = rfc3339(NOW - 500)
HARDWARE = "AcceleratedHardwareReady"


def node(*conditions, name="n1", zone="z", **notes):
    said = (("Ready", "True", "KubeletReady", ""), *conditions)
    found = tuple(Condition(type_, status, reason, message, LONG_AGO) for type_, status, reason, message in said)
    labels = {"topology.kubernetes.io/zone": zone}
    metadata = ObjectMeta(name=name, uid=name, labels=labels, annotations=notes, creation_timestamp=rfc3339(NOW - 9000))
    return Node(metadata=metadata, status=NodeStatus(conditions=found))


def pod(name="p", kind="ReplicaSet", on="n1"):
    owners = (OwnerReference(kind=kind, name="o", uid="o", controller=True),)
    metadata = ObjectMeta(name=name, namespace="shop", uid=name, owner_references=owners)
    return Pod(metadata=metadata, spec=PodSpec(node_name=on))


def silent(*faults, on="n1", seconds=100):
    key = ObjectKey("", on)
    return [
        Signal(f"{fault}/{on}", fault, (NODES, key), f"{fault}!", NOW - seconds, Witness.LEASE, on) for fault in faults
    ]


def found(signals, *objects, agents=None):
    seen = seen_of(*objects)
    if agents is not None:
        seen.agents.words.update(agents.words)
    diagnosis = diagnose(CAUSES, signals, seen, NOW)
    assert diagnosis.broken == {}
    return diagnosis.findings, seen


def told(ill):
    return [each.signal for each in of_node(ill, None)]


def names(signals, *objects):
    return [each.cause for each in found(signals, *objects)[0]]


def remedy(finding, position):
    return next(each for each in CAUSES if each.name == finding.cause).remedies[position]


DEAD = (Fault.NODE_SILENT, Fault.KUBELET_UNREACHABLE, Fault.NODE_UNREACHED)


@pytest.mark.parametrize(
    ("signals", "cause"),
    [
        (silent(*DEAD), ["NodeDead"]),
        (silent(*DEAD, seconds=45), ["NodeSuspect"]),
        (silent(Fault.NODE_SILENT, Fault.KUBELET_UNREACHABLE, Fault.NODE_REACHED), ["NodeCutOff"]),
        (silent(Fault.NODE_SILENT, Fault.KUBELET_MUTE), ["KubeletHung"]),
        (silent(Fault.NODE_SILENT, Fault.KUBELET_ANSWERS), ["KubeletUnheard"]),
        (silent(Fault.NODE_SILENT, seconds=80), ["NodeSuspect"]),
        (silent(Fault.NODE_FLAPS), ["NodeFlapping"]),
    ],
)
def test_silence_has_the_cause_that_its_witnesses_tell(signals, cause):
    assert names(signals, node(), pod()) == cause


def test_a_dead_node_without_anybody_left_awaits_its_repair():
    assert names(silent(*DEAD), node(), pod(kind="DaemonSet")) == ["NodeAwaitsRepair"]


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        (("DiskFailing", "True", "DiskErrors", "x"), "DiskFailing"),
        (("ReadonlyFilesystem", "True", "FilesystemIsReadOnly", "x"), "FilesystemReadOnly"),
        (("MachineCheckError", "True", "x", "x"), "MachineCheckError"),
        (("KernelDeadlock", "True", "TaskHung", "x"), "KernelDeadlock"),
        (("ContainerRuntimeUnhealthy", "True", "x", "x"), "ContainerRuntimeHung"),
        (("NetworkUnavailable", "True", "x", "x"), "NetworkUnavailable"),
        (("DiskPressure", "True", "x", "x"), "DiskFull"),
        (("MemoryPressure", "True", "x", "x"), "MemoryShort"),
        (("PIDPressure", "True", "x", "x"), "ProcessesExhausted"),
        (("NTPProblem", "True", "x", "x"), "ClockSkew"),
        (("FrequentKubeletRestart", "True", "x", "x"), "KubeletRestarting"),
        (("KubeletUnhealthy", "True", "x", "x"), "KubeletUnhealthy"),
        (("KubeletCertificateExpiring", "True", "x", "x"), "KubeletCertificateEnds"),
        (("GpuThrottled", "True", "ThermalSlowdown", "slowdown on GPU 1"), "GpuThrottled"),
        ((HARDWARE, "False", "NvidiaXID31Error", "XID 31 on GPU 1"), "GpuApplicationError"),
        ((HARDWARE, "False", "NvidiaXID94Error", "XID 94 on GPU 1"), "GpuContainedError"),
        ((HARDWARE, "False", "NvidiaXID48Error", "XID 48 on GPU 1"), "GpuNeedsReset"),
        ((HARDWARE, "False", "NvidiaXID79Error", "XID 79 on GPU 1"), "GpuLost"),
        ((HARDWARE, "False", "NvidiaDoubleBitError", "uncorrectable ECC error on GPU 1"), "GpuMemoryUncorrectable"),
        ((HARDWARE, "False", "NvidiaRowRemapPending", "rows wait on GPU 1"), "GpuRowRemapPending"),
        ((HARDWARE, "False", "NvidiaGPUHung", "no progress on GPU 1"), "GpuHung"),
        ((HARDWARE, "False", "NvidiaNVLinkError", "NVLink errors on GPU 1"), "GpuLinkErrors"),
        ((HARDWARE, "False", "DevicePluginNotReady", "x"), "DevicePluginDown"),
    ],
)
def test_what_a_node_says_of_itself_is_named_and_nothing_once_it_is_well(condition, cause):
    ill = node(condition)
    assert names(told(ill), ill, pod()) == [cause]
    type_, status, reason, message = condition
    well = node((type_, {"True": "False", "False": "True"}[status], reason, message))
    assert names(told(well), well, pod()) == []


def test_only_the_gpu_is_put_out_of_use_and_only_who_is_on_it_moves():
    ill = node((HARDWARE, "False", "NvidiaXID79Error", "XID 79 on GPU 1, held by shop/p"))
    (finding,), seen = found(told(ill), ill, pod(), pod("q"))
    assert (finding.part, finding.details) == ("1", {"holder": "shop/p"})
    (action,) = [each for each in remedy(finding, 0).plan(finding, seen, NOW).actions if "Node" in str(each)]
    assert action.manifest["metadata"]["annotations"] == {QUARANTINED: "1"}
    assert "spec" not in action.manifest, "the node goes on"


def test_a_gpu_that_is_out_of_use_awaits_its_repair_and_comes_back_with_its_node():
    out = {QUARANTINED: "1"}
    ill = node((HARDWARE, "False", "NvidiaXID79Error", "XID 79 on GPU 1"), **out)
    assert names(told(ill), ill) == ["GpuAwaitsRepair"]
    well = node((HARDWARE, "True", "x", "x"), **out)
    (finding,), seen = found(told(well), well)
    (action,) = remedy(finding, 0).plan(finding, seen, NOW).actions
    assert (finding.cause, action.manifest["metadata"]["annotations"]) == ("GpuOutOfUse", {})


def test_what_can_run_twice_is_deleted_and_what_cannot_waits_for_proof():
    objects = node(), pod(), pod("db-0", "StatefulSet")
    (finding,), seen = found(silent(*DEAD), *objects)
    plan = remedy(finding, 0).plan(finding, seen, NOW)
    assert [str(each).split()[0] for each in plan.actions] == ["apply", "delete"]
    assert remedy(finding, 1).plan(finding, seen, NOW) is None, "no machine is known"
    assert remedy(finding, 2).plan(finding, seen, NOW) is None, "no agent is known"
    assert remedy(finding, 3).plan(finding, seen, NOW) is None
    assert finding.details == {}


def test_an_agent_that_has_booted_is_proof_and_the_node_is_put_out_of_service():
    objects = node(), pod("db-0", "StatefulSet")
    (finding,), seen = found(silent(*DEAD), *objects)
    order = f"{finding.name}@7"
    notes = {FENCE: order, FENCED: order}
    lease = Lease(metadata=ObjectMeta(name="x", annotations=notes), spec=LeaseSpec(renew_time="1"))
    seen.agents.hear("n1", lease, NOW - 40)
    (proven,), again = found(silent(*DEAD), *objects, agents=seen.agents)
    assert "booted" in proven.details["proof"]
    (action,) = remedy(proven, 3).plan(proven, again, NOW).actions
    assert action.operations[1]["value"][0]["key"] == "node.kubernetes.io/out-of-service"


def agent(*, heard, **notes):
    metadata = ObjectMeta(name="x", resource_version="7", annotations=notes)
    agents = Agents()
    agents.hear("n1", Lease(metadata=metadata, spec=LeaseSpec(renew_time="1")), NOW - heard)
    return agents


def test_a_machine_whose_agent_is_heard_lives_whoever_else_does_not_reach_it():
    objects = node(), pod(), pod("db-0", "StatefulSet")
    (finding,), seen = found(silent(*DEAD), *objects, agents=agent(heard=5))
    assert finding.cause == "KubeletHung"
    plan = remedy(finding, 0).plan(finding, seen, NOW)
    assert [str(each).split()[0] for each in plan.actions] == ["apply", "delete", "apply"], "held, moved, booted"
    assert plan.actions[2].manifest["metadata"]["annotations"] == {FENCE: f"{finding.name}@7"}


def test_a_machine_that_boots_for_its_hung_kubelet_is_not_taken_for_dead_until_it_should_be_back():
    objects = node(), pod()
    (hung,), _ = found(silent(*DEAD), *objects, agents=agent(heard=5))
    order = {FENCE: f"{hung.name}@7"}
    assert [each.cause for each in found(silent(*DEAD), *objects, agents=agent(heard=100, **order))[0]] == [
        "KubeletHung"
    ]
    assert [each.cause for each in found(silent(*DEAD), *objects, agents=agent(heard=200, **order))[0]] == ["NodeDead"]


def test_that_it_booted_for_an_earlier_order_proves_nothing():
    objects = node(), pod("db-0", "StatefulSet")
    (dead,), _ = found(silent(*DEAD), *objects)
    notes = {FENCE: f"{dead.name}@9", FENCED: f"{dead.name}@7"}
    (finding,), _ = found(silent(*DEAD), *objects, agents=agent(heard=40, **notes))
    assert finding.details == {}


def test_half_a_zone_is_one_finding_and_two_nodes_are_none():
    nodes = [node(name=f"n{number}") for number in range(6)]
    many = [each for number in range(3) for each in silent(*DEAD, on=f"n{number}")]
    assert names(many, *nodes, pod(on="n1")) == ["ZoneDown"]
    few = [each for number in range(2) for each in silent(*DEAD, on=f"n{number}")]
    assert "ZoneDown" not in names(few, *nodes, pod(on="n1"))
