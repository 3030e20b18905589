"""PodResizeValidator: a pod on a node is not resized beyond what the node has for pods."""

from __future__ import annotations

import msgspec

from kubewright.api.core import Node, Pod, PodStatus
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.resources import CPU, MEMORY, amounts, pod_request
from kubewright.twin.admission.attempt import Attempt

_NODES = ("", "nodes")
_OS = "kubernetes.io/os"


def check(attempt: Attempt) -> None:
    """Refuse a resize that the pod's node can never take."""
    old, name = attempt.old, attempt.spec.get("nodeName")
    if old is None or attempt.target.subresource != "resize" or not name or attempt.spec == old.get("spec"):
        return
    record = attempt.registry.store.get(_NODES, ObjectKey("", name))
    if record is None:
        raise attempt.refused(f'node "{name}" not found')
    node = msgspec.convert(record.obj, Node)
    system = node.metadata.labels.get(_OS, "linux")
    if system != "linux":
        text = f'pod resize is only supported on linux nodes, node "{name}" is "{system}"'
        raise attempt.refused(text, reason="UnsupportedPlatform")
    lacking = _lacking(attempt.obj, node)
    if lacking:
        text = f"node didn't have enough allocatable resources: {'; '.join(lacking)}"
        raise attempt.refused(text, reason="NodeCapacity")


def _lacking(pod: Manifest, node: Node) -> list[str]:
    wanted = pod_request(msgspec.structs.replace(msgspec.convert(pod, Pod), status=PodStatus()))
    offered = amounts(node.status.allocatable)
    return [
        f"{name}, requested: {wanted.get(name, 0)}, allocatable: {offered.get(name, 0)}"
        for name in (CPU, MEMORY)
        if wanted.get(name, 0) > offered.get(name, 0)
    ]
