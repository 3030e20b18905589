"""The GPUs of simulated nodes: what each has done for whom, and what ails it.

Which container has which GPU is the kubelet's to say; the DCGM exporter reads both, and faults set an `Ailment`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kubewright.api.core import Node, Pod
from kubewright.devices.requests import MEMORY_LABEL, PRODUCT, counted
from kubewright.twin.exporters.sources import NodeUse
from kubewright.twin.kubelet.devices import NodeDevices
from kubewright.twin.usage.account import Reading
from kubewright.twin.usage.models import GPU_RESOURCE

_PRODUCT = "NVIDIA-H100-80GB-HBM3"
_MEMORY_MIB = 81_559.0


@dataclass(frozen=True, slots=True)
class Ailment:
    """What is wrong with a GPU."""

    xid: int = 0
    """The last XID error."""
    correctable_rows: int = 0
    uncorrectable_rows: int = 0
    remap_failed: bool = False


HEALTHY = Ailment()


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU at a moment."""

    index: int
    uuid: str
    model: str
    memory_mib: float
    ailment: Ailment
    holder: tuple[Pod, str] | None
    """The pod and the container that it is given to."""
    duty: float
    duty_seconds: float
    """The integral of the duty over all that ever held it; it never falls."""
    memory_share: float


_Run = tuple[str, str, float]
"""Pod uid, container, and since when it runs."""


@dataclass(slots=True)
class _Past:
    """What a GPU has done, in seconds of full duty."""

    run: _Run | None = None
    before_seconds: float = 0.0
    """For earlier runs."""
    present_seconds: float = 0.0

    def see(self, run: _Run | None, seconds: float) -> float:
        """Take note of what its present holder has used of it; returns the sum, which never falls."""
        if run != self.run:
            self.before_seconds += self.present_seconds
            self.run = run
        self.present_seconds = seconds
        return self.before_seconds + seconds


@dataclass(slots=True)
class Devices:
    """The GPUs of all nodes."""

    _past: dict[str, _Past] = field(default_factory=dict[str, _Past])
    _ailments: dict[tuple[str, int], Ailment] = field(default_factory=dict[tuple[str, int], Ailment])

    def ail(self, node: str, index: int, ailment: Ailment) -> None:
        """Let a GPU be ill from now on, or well with `HEALTHY`."""
        self._ailments[node, index] = ailment

    def on(self, use: NodeUse, booked: NodeDevices) -> list[Gpu]:
        """Return the GPUs of a node; `booked` is its kubelet's book of devices."""
        running = {
            (each.pod.metadata.uid, one.container): (each.pod, one) for each in use.pods for one in each.readings
        }
        holders = booked.checkpoint().get(GPU_RESOURCE, {})
        found: list[Gpu] = []
        for index, uuid in enumerate(booked.ids.get(GPU_RESOURCE, ())):
            holder = holders.get(uuid)
            held = None if holder is None else running.get((holder.uid, holder.container))
            found.append(self._gpu(use, index, uuid, held))
        return found

    def _gpu(self, use: NodeUse, index: int, uuid: str, held: tuple[Pod, Reading] | None) -> Gpu:
        pod, reading = held or (None, None)
        run = None if pod is None or reading is None else (pod.metadata.uid, reading.container, reading.started_at)
        labels = use.node.metadata.labels
        seconds = self._past.setdefault(uuid, _Past()).see(run, 0.0 if reading is None else reading.gpu_seconds)
        return Gpu(
            index=index,
            uuid=uuid,
            model=labels.get(PRODUCT, _PRODUCT).replace("-", " "),
            memory_mib=memory_mib(use.node),
            ailment=self._ailments.get((use.node.metadata.name, index), HEALTHY),
            holder=None if pod is None or reading is None else (pod, reading.container),
            duty=0.0 if reading is None else reading.gpu_duty,
            duty_seconds=seconds,
            memory_share=0.0 if reading is None else reading.gpu_memory,
        )


def memory_mib(node: Node) -> float:
    """Return how much memory each GPU of a node has."""
    told = counted(node.metadata.labels, MEMORY_LABEL)
    return _MEMORY_MIB if told is None else float(told)
