"""The GPUs of a node: what each is cut into, and who has what of it. `details` shows it. Pure.

By number where the scheduler's annotation tells which GPU a pod was given; else a pod has it of the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from kubewright.api.core import Node, Pod
from kubewright.api.nodeagent import quarantined
from kubewright.api.resources import pod_request
from kubewright.devices.mig import profile_of
from kubewright.devices.requests import MOST_GPUS, VENDOR, free_milli, gpu_request, read_given
from kubewright.devices.workload import MILLI
from kubewright.gpu.configs import LAYOUT, Partition, read_layout

_MOST_SLICES = 16
"""Of one GPU; MIG makes seven at most."""


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a pod has."""

    what: str
    by: str = ""
    """The pod, empty for one that the person may not see."""


class GpuShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """One GPU."""

    number: int
    broken: bool = False
    """Whether it is out of use."""
    used: int = 0
    """In per cent, as far as is known."""
    slices: tuple[str, ...] = ()
    """The MIG instances that it is cut into."""
    held: tuple[Held, ...] = ()


class GpusShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a node has."""

    each: tuple[GpuShown, ...] = ()
    elsewhere: tuple[Held, ...] = ()
    """What pods have that nobody says of which GPU it is."""


def gpus_shown(node: Node, pods: Iterable[Pod], shows: Callable[[str], bool]) -> GpusShown:
    """Return the GPUs of a node with `pods` on it; those of namespaces that are not shown stay without their names."""
    cut = (read_layout(node.metadata.annotations.get(LAYOUT, "")) or ())[:MOST_GPUS]
    count = max(len(free_milli(node)), len(cut), *(number + 1 for number in quarantined(node)), 0)
    placed: dict[int, list[tuple[int, Held]]] = {number: [] for number in range(count)}
    loose: list[Held] = []
    for pod in pods:
        by = str(pod.key) if shows(pod.metadata.namespace) else ""
        amounts = pod_request(pod)
        asked, given = gpu_request(amounts, pod.spec), [each for each in read_given(pod) or () if each in placed]
        if asked.count and given:
            part = Held(_written(asked.milli), by)
            for number in given:
                placed[number].append((asked.milli, part))
        else:
            loose += [
                Held(f"{amount} x {profile_of(name) or name.removeprefix(VENDOR)}", by)
                for name, amount in sorted(amounts.items())
                if name.startswith(VENDOR) and amount
            ]
    broken = quarantined(node)
    each = tuple(
        GpuShown(
            number,
            number in broken,
            min(100, sum(milli for milli, _ in parts) * 100 // MILLI),
            _slices(cut[number]) if number < len(cut) else (),
            tuple(held for _, held in parts),
        )
        for number, parts in placed.items()
    )
    return GpusShown(each, tuple(loose))


def _written(milli: int) -> str:
    return "all of it" if milli >= MILLI else f"{milli * 100 // MILLI} %"


def _slices(partition: Partition) -> tuple[str, ...]:
    return tuple(name for name, count in partition.items() for _ in range(min(count, _MOST_SLICES)))[:_MOST_SLICES]
