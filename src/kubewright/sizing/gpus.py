"""Which share of a GPU, and which MIG profile, would have sufficed for pods that have a whole one. Pure; advice only.

Called for `kubewright size`. By the busiest five minutes and the most memory that any of a workload's pods was measured
with, and the margin of all sizes on top: a share is a limit, so no percentile will do. The time in use says that
something ran, not how much of the GPU it filled, which errs towards more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quantity import Quantity, value
from kubewright.api.resources import write_amount
from kubewright.devices.mig import Geometry, Profile, geometry_of, profile_of
from kubewright.devices.requests import (
    CORES,
    GPU,
    MEMORY_LABEL,
    MEMORY_SHARE,
    PRODUCT,
    SHARED,
    VENDOR,
    counted,
    has_replicas,
)
from kubewright.devices.workload import MILLI
from kubewright.scaling.sizing import BYTES, DAY_SECONDS, MARGIN

LEAST_SECONDS = 3600.0
"""Of measurements, before anything is advised."""
_PARTS = frozenset({CORES, MEMORY_SHARE, f"{VENDOR}gpumem"})
_MIB = 1 << 20
_GB = 1e9
_USABLE = 0.95
"""Of the memory that a profile has by its name."""


@dataclass(frozen=True, slots=True)
class GpuUse:
    """What a pod was measured with."""

    busy: float
    """The share of its GPUs' time in the busiest five minutes."""
    memory: float
    """The most bytes that it had of any of its GPUs."""
    seconds: float
    """For how long it was measured."""


@dataclass(frozen=True, slots=True)
class GpuAdvice:
    """What would have sufficed for the pods of a workload that have GPUs of one model."""

    container: str
    resource: str
    requested: str
    pods: int
    model: str = ""
    busy_percent: int = 0
    used_memory: str = ""
    days: str = ""
    share_percent: int = 0
    """Of one GPU's cores; 0 where nothing is advised."""
    share_memory: str = ""
    profile: str = ""
    """The smallest MIG profile; empty where the model has none that suffices."""
    saves_milli: int = 0
    """Of all the pods together, in thousandths of GPUs, by the share."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Gpus:
    """What is known of GPUs and their use."""

    nodes: Mapping[str, Node] = field(default_factory=dict[str, Node])
    used: Mapping[ObjectKey, GpuUse] = field(default_factory=dict[ObjectKey, GpuUse])
    problem: str = ""
    """Why not all was measured."""

    def advise(self, pods: Iterable[Pod]) -> tuple[GpuAdvice, ...]:
        """Return an advice for each container, request and model among a workload's pods."""
        groups: dict[GpuAdvice, list[Pod]] = {}
        for pod in pods:
            for asked in self._asked(pod):
                groups.setdefault(asked, []).append(pod)
        return tuple(self._advised(asked, theirs) for asked, theirs in groups.items())

    def _asked(self, pod: Pod) -> Iterator[GpuAdvice]:
        """Yield what a pod asks for, with why there is no more to say of it, where there is not."""
        node = self.nodes.get(pod.spec.node_name)
        labels: Mapping[str, str] = node.metadata.labels if node is not None else {}
        asking = [each for each in pod.spec.containers if _amounts(each.resources.limits)]
        for container in asking:
            limits = container.resources.limits
            for resource, count in _amounts(limits).items():
                if node is None:
                    why = "its node is not known"
                elif profile_of(resource) is not None:
                    why = "it has an instance, and the use of instances is not measured"
                elif resource == SHARED or has_replicas(labels) or _PARTS & limits.keys():
                    why = "it has a share, and use is measured by the whole GPU"
                elif count > 1:
                    why = "shares and instances are of one GPU, and it has several"
                elif len(asking) > 1:
                    why = "several containers have GPUs, and use is measured by pod"
                else:
                    why = ""
                yield GpuAdvice(container.name, resource, str(count), 0, labels.get(PRODUCT, ""), why=why)

    def _advised(self, asked: GpuAdvice, pods: Sequence[Pod]) -> GpuAdvice:
        asked = replace(asked, pods=len(pods))
        if asked.why:
            return asked
        uses = [use for pod in pods if (use := self.used.get(pod.key)) is not None]
        if not uses:
            return replace(asked, why=self.problem or "its use was not measured")
        most = GpuUse(*(max(getattr(use, name) for use in uses) for name in ("busy", "memory", "seconds")))
        told = replace(
            asked,
            busy_percent=_percent(most.busy),
            used_memory=write_amount(BYTES, _mib(most.memory) * _MIB),
            days=f"{most.seconds / DAY_SECONDS:.1f}",
        )
        if most.seconds < LEAST_SECONDS:
            return replace(told, why="it was measured for less than an hour")
        return _sufficing(told, most, _there(self.nodes[pods[0].spec.node_name], asked.model))


def _sufficing(told: GpuAdvice, most: GpuUse, there_mib: int) -> GpuAdvice:
    """Return what suffices for a use; `there_mib` is what the GPU has, 0 if that is not known."""
    if most.busy <= 0:
        return replace(told, saves_milli=MILLI * told.pods, why="it was not used at all")
    busy, memory = most.busy * MARGIN, most.memory * MARGIN
    percent, mib = _percent(busy), _mib(memory)
    if percent >= 100 or (there_mib and mib >= there_mib):  # noqa: PLR2004  per cent
        return replace(told, why="it needs a whole one")
    milli = max(percent * MILLI // 100, math.ceil(mib * MILLI / there_mib) if there_mib else 0)
    geometry = geometry_of(told.model)
    profile = _smallest(geometry, busy, memory) if geometry is not None else None
    return replace(
        told,
        share_percent=percent,
        share_memory=write_amount(BYTES, mib * _MIB),
        profile=profile.name if profile is not None else "",
        saves_milli=(MILLI - milli) * told.pods,
    )


def _smallest(geometry: Geometry, busy: float, memory: float) -> Profile | None:
    """Return the smallest profile with so much of the compute and the memory that is not the whole GPU."""
    sufficing = [
        each
        for each in geometry.profiles.values()
        if not each.is_media
        and each.size < geometry.slices
        and each.compute >= busy * geometry.compute
        and each.memory_gb * _GB * _USABLE >= memory
    ]
    return min(sufficing, key=lambda each: (each.size, each.compute), default=None)


def _there(node: Node, model: str) -> int:
    """Return what a GPU of a node has of memory, in MiB, by its label or by its model; 0 if neither says."""
    told = counted(node.metadata.labels, MEMORY_LABEL)
    if told is not None:
        return told
    geometry = geometry_of(model)
    return int(max(each.memory_gb for each in geometry.profiles.values()) * _GB) // _MIB if geometry else 0


def _amounts(limits: Mapping[str, Quantity]) -> dict[str, int]:
    """Return what a container asks for of GPUs and instances."""
    found = {name: value(amount) for name, amount in limits.items() if name in {GPU, SHARED} or profile_of(name)}
    return {name: count for name, count in found.items() if count > 0}


def _percent(share: float) -> int:
    return max(math.ceil(round(share * 100, 6)), 0)


def _mib(amount: float) -> int:
    return math.ceil(amount / _MIB)
