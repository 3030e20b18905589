"""Each filter's cases as sentences, on small clusters."""

import pytest

from kubewright.api.affinity import node_matches
from kubewright.api.requirements import Requirement
from kubewright.api.tolerations import Taint, Toleration
from kubewright.placement.filters import HostPorts, NodeAffinity, NodeName, Resources, Taints, Unschedulable
from kubewright.placement.pods import ANY_ADDRESS
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

GPU_TAINT = Taint("gpu", "yes", "NoSchedule")

CASES = {
    "a pod without requests passes while there is room for one more pod": (
        Resources(), pod(), [node("a", pods="1"), node("b", pods="0")], [], ["a"]),
    "cpu is counted in thousandths": (
        Resources(), pod(requests={"cpu": "500m"}), [node("a", cpu="499m"), node("b", cpu="0.5")], [], ["b"]),
    "what placed pods request is gone": (
        Resources(), pod(requests={"memory": "5Gi"}), [node("a"), node("b")],
        [pod("x", on="a", requests={"memory": "4Gi"})], ["b"]),
    "a finished pod takes nothing": (
        Resources(), pod(requests={"memory": "5Gi"}), [node("a")],
        [pod("x", on="a", requests={"memory": "4Gi"}, phase="Succeeded")], ["a"]),
    "an extended resource that no node has fits nowhere": (
        Resources(), pod(requests={"nvidia.com/gpu": 1}), [node("a")], [], []),
    "an extended resource fits where it is offered": (
        Resources(), pod(requests={"gpu/x": 2}), [node("a"), node("b", gpu_x="2"), node("c", gpu_x="1")], [], ["b"]),
    "an overcommitted node still takes a pod that does not want more of it": (
        Resources(), pod(requests={"cpu": "1"}), [node("a", memory="1Gi")],
        [pod("x", on="a", requests={"memory": "2Gi"})], ["a"]),
    "a pod that names its node runs there": (
        NodeName(), pod(on="b"), [node("a"), node("b")], [], ["b"]),
    "a pod that names a node that is not there runs nowhere": (
        NodeName(), pod(on="z"), [node("a")], [], []),
    "a cordoned node takes no pods": (
        Unschedulable(), pod(), [node("a", unschedulable=True), node("b")], [], ["b"]),
    "a cordoned node takes a pod that tolerates cordons": (
        Unschedulable(), pod(tolerations=(Toleration("node.kubernetes.io/unschedulable", "Exists"),)),
        [node("a", unschedulable=True)], [], ["a"]),
    "a NoSchedule taint keeps pods away": (
        Taints(), pod(), [node("a", taints=[GPU_TAINT]), node("b")], [], ["b"]),
    "a PreferNoSchedule taint does not": (
        Taints(), pod(), [node("a", taints=[Taint("x", "", "PreferNoSchedule")])], [], ["a"]),
    "a tolerated taint does not": (
        Taints(), pod(tolerations=(Toleration("gpu", "Equal", "yes"),)), [node("a", taints=[GPU_TAINT])], [], ["a"]),
    "every taint must be tolerated": (
        Taints(), pod(tolerations=(Toleration("gpu", "Exists"),)),
        [node("a", taints=[GPU_TAINT, Taint("x", "", "NoExecute")])], [], []),
    "nodeSelector wants every label": (
        NodeAffinity(), pod(node_selector={"zone": "z1", "disk": "ssd"}),
        [node("a", labels={"zone": "z1"}), node("b", labels={"zone": "z1", "disk": "ssd"})], [], ["b"]),
    "one of the affinity terms is enough": (
        NodeAffinity(), pod(terms=[[Requirement("zone", "In", ("z1",))], [Requirement("zone", "In", ("z2",))]]),
        [node("a", labels={"zone": "z1"}), node("b", labels={"zone": "z2"}), node("c")], [], ["a", "b"]),
    "all expressions of a term must hold": (
        NodeAffinity(), pod(terms=[[Requirement("zone", "Exists"), Requirement("cores", "Gt", ("8",))]]),
        [node("a", labels={"zone": "z", "cores": "16"}), node("b", labels={"zone": "z", "cores": "8"})], [], ["a"]),
    "NotIn and DoesNotExist hold for a label that is absent": (
        NodeAffinity(), pod(terms=[[Requirement("zone", "NotIn", ("z1",)), Requirement("old", "DoesNotExist")]]),
        [node("a"), node("b", labels={"zone": "z1"}), node("c", labels={"old": ""})], [], ["a"]),
    "a term without conditions matches nothing": (
        NodeAffinity(), pod(terms=[[]]), [node("a")], [], []),
    "a host port is free on the node that does not have it": (
        HostPorts(), pod(host_ports=[("", "TCP", 80)]), [node("a"), node("b")],
        [pod("x", on="a", host_ports=[("", "TCP", 80)])], ["b"]),
    "another protocol is another port": (
        HostPorts(), pod(host_ports=[("", "UDP", 80)]), [node("a")], [pod("x", on="a", host_ports=[("", "TCP", 80)])],
        ["a"]),
    "another address is another port": (
        HostPorts(), pod(host_ports=[("10.0.0.1", "TCP", 80)]), [node("a")],
        [pod("x", on="a", host_ports=[("10.0.0.2", "TCP", 80)])], ["a"]),
    "the address 0.0.0.0 is every address": (
        HostPorts(), pod(host_ports=[(ANY_ADDRESS, "TCP", 80)]), [node("a")],
        [pod("x", on="a", host_ports=[("10.0.0.2", "TCP", 80)])], []),
}  # fmt: skip


@pytest.mark.parametrize(("each", "wanted", "nodes", "pods", "passing"), CASES.values(), ids=CASES)
def test_filter(each, wanted, nodes, pods, passing):
    snapshot = ClusterSnapshot.of(nodes, pods)
    row = snapshot.row(wanted)
    mask = each.mask(row, snapshot) if each.applies(row, snapshot) else snapshot.table.all()
    assert [each.at(row, snapshot, column) or not each.applies(row, snapshot) for column in range(len(nodes))] == (
        mask.tolist()
    )
    assert [n.metadata.name for n, ok in zip(nodes, mask, strict=True) if ok] == passing


@pytest.mark.parametrize("operator", ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Nonsense"])
@pytest.mark.parametrize("values", [(), ("1",), ("5",), ("1", "5")])
def test_affinity_over_columns_says_the_same_as_the_rule_for_one_node(operator, values):
    nodes = [node("a"), node("b", labels={"k": "1"}), node("c", labels={"k": "5"}), node("d", labels={"k": "x"})]
    wanted = pod(terms=[[Requirement("k", operator, values)]])
    snapshot = ClusterSnapshot.of(nodes)
    expected = [node_matches({}, wanted.spec.affinity, n.metadata.name, n.metadata.labels) for n in nodes]
    assert NodeAffinity().mask(snapshot.row(wanted), snapshot).tolist() == expected
