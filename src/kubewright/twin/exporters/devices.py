"""The GPUs of simulated nodes: which container holds which, what each has done, and what ails it.

The DCGM exporter reads them; whoever injects faults sets an `Ailment`. A GPU is given to the first container that asks
for one when the node is looked at, the lowest free number first, and stays with it to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kubewright.api.core import Pod
from kubewright.twin.exporters.sources import NodeUse
from kubewright.twin.usage.account import Reading
from kubewright.twin.usage.models import GPU_RESOURCE

PRODUCT_LABEL = "nvidia.com/gpu.product"
MEMORY_LABEL = "nvidia.com/gpu.memory"
"""In MiB, as GPU feature discovery writes it."""
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


@dataclass(slots=True)
class _Slot:
    holder: tuple[str, str, float] | None = None
    """Pod uid, container, and the start of its run."""
    before_seconds: float = 0.0
    """Duty of earlier holders."""
    present_seconds: float = 0.0

    def take(self, holder: tuple[str, str, float] | None) -> None:
        self.before_seconds += self.present_seconds
        self.holder, self.present_seconds = holder, 0.0


@dataclass(slots=True)
class Devices:
    """The GPUs of all nodes."""

    _slots: dict[str, dict[int, _Slot]] = field(default_factory=dict[str, dict[int, _Slot]])
    _ailments: dict[tuple[str, int], Ailment] = field(default_factory=dict[tuple[str, int], Ailment])

    def ail(self, node: str, index: int, ailment: Ailment) -> None:
        """Let a GPU be ill from now on, or well with `HEALTHY`."""
        self._ailments[node, index] = ailment

    def on(self, use: NodeUse) -> list[Gpu]:
        """Return the GPUs of a node."""
        name, amount = use.node.metadata.name, int(use.capacity(GPU_RESOURCE, 0.0))
        if not amount:
            return []
        slots = self._slots.setdefault(name, {})
        holders = {(pod.metadata.uid, each.container, each.started_at): (pod, each) for pod, each in _askers(use)}
        _give(slots, amount, holders)
        return [self._gpu(use, index, slots[index], holders) for index in range(amount)]

    def _gpu(
        self, use: NodeUse, index: int, slot: _Slot, holders: dict[tuple[str, str, float], tuple[Pod, Reading]]
    ) -> Gpu:
        pod, reading = holders[slot.holder] if slot.holder is not None else (None, None)
        if reading is not None:
            slot.present_seconds = reading.gpu_seconds
        labels, name = use.node.metadata.labels, use.node.metadata.name
        return Gpu(
            index=index,
            uuid=f"GPU-{name}-{index}",
            model=labels.get(PRODUCT_LABEL, _PRODUCT).replace("-", " "),
            memory_mib=_number(labels.get(MEMORY_LABEL, ""), _MEMORY_MIB),
            ailment=self._ailments.get((name, index), HEALTHY),
            holder=None if pod is None or reading is None else (pod, reading.container),
            duty=0.0 if reading is None else reading.gpu_duty,
            duty_seconds=slot.before_seconds + slot.present_seconds,
            memory_share=0.0 if reading is None else reading.gpu_memory,
        )


def _askers(use: NodeUse) -> Iterator[tuple[Pod, Reading]]:
    """Yield the running containers that ask for GPUs, those that began first before others."""
    found = [(each.pod, reading) for each in use.pods for reading in each.readings if reading.room.gpus]
    yield from sorted(found, key=lambda one: (one[1].started_at, one[0].key, one[1].container))


def _give(slots: dict[int, _Slot], amount: int, holders: dict[tuple[str, str, float], tuple[Pod, Reading]]) -> None:
    """Take GPUs from what has ended and give free ones to what asks for some."""
    for index in range(amount):
        slot = slots.setdefault(index, _Slot())
        if slot.holder is not None and slot.holder not in holders:
            slot.take(None)
    for holder, (_, reading) in holders.items():
        held = sum(1 for slot in slots.values() if slot.holder == holder)
        free = [slot for slot in slots.values() if slot.holder is None]
        for slot in free[: max(0, int(reading.room.gpus) - held)]:
            slot.take(holder)


def _number(text: str, default: float) -> float:
    return float(text) if text.isascii() and text.isdigit() else default
