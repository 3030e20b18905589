"""Pods and nodes in one line each."""

from kubewright.api.affinity import Affinity, NodeAffinity, NodeSelector, NodeSelectorTerm
from kubewright.api.core import Container, ContainerPort, Node, NodeSpec, NodeStatus, Pod, PodSpec, ResourceRequirements
from kubewright.api.meta import EMPTY, ObjectMeta
from kubewright.api.pods import PodStatus


def node(name, *, cpu="4", memory="8Gi", pods="110", labels=EMPTY, taints=(), unschedulable=False, **extended):
    allocatable = {"cpu": cpu, "memory": memory, "pods": pods} | {k.replace("_", "/"): v for k, v in extended.items()}
    return Node(
        metadata=ObjectMeta(name=name, labels={"kubernetes.io/hostname": name, **labels}),
        spec=NodeSpec(taints=tuple(taints), unschedulable=unschedulable),
        status=NodeStatus(allocatable=allocatable),
    )


def pod(name="p", *, on="", host_ports=(), terms=None, phase="Pending", requests=EMPTY, **spec):
    affinity = None
    if terms is not None:
        required = NodeSelector(tuple(NodeSelectorTerm(tuple(each)) for each in terms))
        affinity = Affinity(NodeAffinity(required_during_scheduling_ignored_during_execution=required))
    ports = tuple(
        ContainerPort(container_port=p, host_port=p, protocol=proto, host_ip=ip) for ip, proto, p in host_ports
    )
    container = Container(name="c", ports=ports, resources=ResourceRequirements(requests=requests))
    return Pod(
        metadata=ObjectMeta(name=name, namespace="default", uid=f"uid-{name}"),
        spec=PodSpec(node_name=on, containers=(container,), affinity=affinity, **spec),
        status=PodStatus(phase=phase),
    )
