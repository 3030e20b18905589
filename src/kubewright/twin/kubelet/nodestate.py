"""What the kubelet of one node keeps besides the lives of its pods: images, devices, and what is booked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from kubewright.api.core import Node, Pod, PodStatus
from kubewright.api.nodeagent import quarantined
from kubewright.api.quantity import value
from kubewright.api.resources import Amounts, pod_request
from kubewright.devices.requests import GPU
from kubewright.twin.kubelet.admission import judge
from kubewright.twin.kubelet.devices import NodeDevices
from kubewright.twin.kubelet.images import NodeImages
from kubewright.twin.kubelet.life import Verdict

_DISK = "100Gi"


@dataclass(slots=True)
class NodeState:
    """One node's."""

    images: NodeImages
    devices: NodeDevices
    booked: dict[str, Amounts] = field(default_factory=dict[str, Amounts])
    """What each pod that was taken may use, by its uid."""

    @classmethod
    def of(cls, node: Node | None) -> NodeState:
        """Return the state of a node that has run nothing yet."""
        if node is None:
            return cls(NodeImages(value(_DISK)), NodeDevices({}))
        disk = node.status.capacity.get("ephemeral-storage", _DISK)
        return cls(NodeImages(value(disk)), NodeDevices.of(node))

    def copy(self) -> NodeState:
        """Return an independent state that is the same."""
        return NodeState(self.images.copy(), self.devices.copy(), dict(self.booked))

    def take(
        self, pod: Pod, node: Node | None, others: Callable[[], Iterable[Pod]], lost_gpus: frozenset[int] = frozenset()
    ) -> Verdict | None:
        """Book what a pod asks for, or return why the node does not take it; once for each pod."""
        uid = pod.metadata.uid
        if uid in self.booked:
            return None
        out_of_use = lost_gpus.union(quarantined(node)) if node is not None else lost_gpus
        refusal = self.devices.book(pod, out_of_use=self.devices.names(GPU, out_of_use))
        wanted = pod_request(pod)
        if refusal is None and node is not None:
            refusal = judge(pod, wanted, node, self.booked.values(), others)
        if refusal is not None:
            self.devices.release(uid)
            return refusal
        self.booked[uid] = wanted
        return None

    def resize(self, pod: Pod, node: Node | None) -> Verdict | None:
        """Book what a pod wants by now in place of what it had, or return why there is no room."""
        uid = pod.metadata.uid
        wanted = pod_request(msgspec.structs.replace(pod, status=PodStatus()))
        others = (amounts for each, amounts in self.booked.items() if each != uid)
        refusal = judge(pod, wanted, node, others, lambda: ()) if node is not None else None
        if refusal is None:
            self.booked[uid] = wanted
        return refusal

    def keep(self, pod: Pod) -> None:
        """Book for a pod that ran here before this kubelet came, whatever else is booked."""
        if pod.metadata.uid not in self.booked:
            self.devices.book(pod)
            self.booked[pod.metadata.uid] = pod_request(pod)

    def release(self, uid: str) -> None:
        """Take back what a pod has, if it has anything."""
        if self.booked.pop(uid, None) is not None:
            self.devices.release(uid)
