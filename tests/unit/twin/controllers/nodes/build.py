"""Nodes, in one line each."""

from kubewright.api.core import Node, NodeCondition, NodeSpec, NodeStatus
from kubewright.api.meta import ObjectMeta

CALM = ("MemoryPressure", "DiskPressure", "PIDPressure")


def node(ready="True", *, name="n1", taints=(), cordoned=False, labels=None, pressure=()):
    conditions = [NodeCondition(each, "True" if each in pressure else "False") for each in CALM]
    if ready:
        conditions.append(NodeCondition("Ready", ready))
    return Node(
        metadata=ObjectMeta(name=name, uid=name, resource_version="3", labels=labels or {}),
        spec=NodeSpec(cordoned, tuple(taints)),
        status=NodeStatus(conditions=tuple(conditions)),
    )
