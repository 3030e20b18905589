"""Nodes, as far as they are read. `core.py` names them together with the other core kinds; import from there."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kubewright.api.conditions import Condition, is_true
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.quantity import Quantity
from kubewright.api.tolerations import Taint

TYPE_LABEL = "node.kubernetes.io/instance-type"
"""The label by which cloud providers and node pools say which type a node is."""


_REMOVED = frozenset({"karpenter.sh/disrupted", "ToBeDeletedByClusterAutoscaler"})
"""Taints of autoscalers on nodes that they empty."""


class NodeSpec(Leaf, frozen=True):
    """What is wanted of a node."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    provider_id: str = msgspec.field(default="", name="providerID")
    pod_cidr: str = msgspec.field(default="", name="podCIDR")


class NodeAddress(Leaf, frozen=True):
    """An address and what it is: InternalIP, ExternalIP, Hostname."""

    type: str = ""
    address: str = ""


class NodeSystemInfo(Leaf, frozen=True):
    """What runs the node."""

    kubelet_version: str = ""
    architecture: str = ""
    operating_system: str = ""
    os_image: str = ""
    kernel_version: str = ""
    container_runtime_version: str = ""
    boot_id: str = msgspec.field(default="", name="bootID")


class NodeCondition(Condition, frozen=True):
    """A condition that also says when the kubelet last confirmed it: a sign of life."""

    last_heartbeat_time: str | None = None


class ContainerImage(Leaf, frozen=True):
    """An image that is on the node, by all its names."""

    names: tuple[str, ...] | None = ()
    size_bytes: int = 0


class NodeStatus(Leaf, frozen=True):
    """What the kubelet says of its node."""

    capacity: Mapping[str, Quantity] = EMPTY
    allocatable: Mapping[str, Quantity] = EMPTY
    conditions: tuple[NodeCondition, ...] = ()
    addresses: tuple[NodeAddress, ...] = ()
    node_info: NodeSystemInfo = NodeSystemInfo()
    images: tuple[ContainerImage, ...] = ()


class Node(KubeObject, frozen=True, kw_only=True, gc=False):
    """A node, as far as it is read."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def is_ready(self) -> bool:
        """Whether its kubelet reports it ready."""
        return is_true(self.status.conditions, "Ready")

    @property
    def internal_ip(self) -> str:
        """Return the first InternalIP, or nothing."""
        return next((each.address for each in self.status.addresses if each.type == "InternalIP"), "")


NODES: Resource[Node] = Resource("", "v1", "nodes", "Node", Node, namespaced=False)
KUBELET_PORT = 10250
"""Where a node's kubelet serves, unless it is told otherwise."""


def marked_for_removal(node: Node) -> bool:
    """Tell whether an autoscaler says of a node that it is to go."""
    return any(each.key in _REMOVED for each in node.spec.taints)


def is_to_be_emptied(node: Node) -> bool:
    """Tell whether a node may be on its way to be emptied: it takes no new pods, or is to go."""
    return node.spec.unschedulable or marked_for_removal(node)
