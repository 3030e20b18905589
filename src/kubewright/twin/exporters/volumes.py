"""The `kubelet_volume_stats_*` of a kubelet's `/metrics`: how full the claims are that a node's pods have mounted.

How much a claim holds is drawn from its uid and stays so; a fault can fill it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quantity import value
from kubewright.api.resources import STORAGE
from kubewright.api.volumes import PersistentVolumeClaim, claim_names
from kubewright.twin.exporters.sources import NodeUse, Sources
from kubewright.twin.exporters.text import gauge, labels

_EMPTIEST = 0.1
_FULLEST = 0.6
_BYTES_PER_INODE = 16_384
_DRAWS = 1 << 32


@dataclass(frozen=True, slots=True)
class _Filled:
    """A claim that is mounted, and what of it is in use."""

    key: ObjectKey
    capacity: int
    used: int

    @property
    def labels(self) -> str:
        """Return by what its figures are told from others'."""
        return labels(namespace=self.key.namespace, persistentvolumeclaim=self.key.name)


_FIGURES: tuple[tuple[str, str, Callable[[_Filled], int]], ...] = (
    ("capacity_bytes", "Capacity in bytes of the volume", lambda each: each.capacity),
    ("available_bytes", "Number of available bytes in the volume", lambda each: each.capacity - each.used),
    ("used_bytes", "Number of used bytes in the volume", lambda each: each.used),
    ("inodes", "Maximum number of inodes in the volume", lambda each: each.capacity // _BYTES_PER_INODE),
    (
        "inodes_free",
        "Number of free inodes in the volume",
        lambda each: (each.capacity - each.used) // _BYTES_PER_INODE,
    ),
    ("inodes_used", "Number of used inodes in the volume", lambda each: each.used // _BYTES_PER_INODE),
)


def volume_stats(sources: Sources, use: NodeUse) -> str:
    """Write the six figures of each claim."""
    found = list(_filled(sources, use))
    return "".join(
        [
            gauge(f"kubelet_volume_stats_{name}", text).write([(each.labels, figure(each)) for each in found])
            for name, text, figure in _FIGURES
        ]
    )


def shares(sources: Sources, pods: Iterable[Pod]) -> Iterator[tuple[ObjectKey, float]]:
    """Yield each claim that one of the pods has mounted, and the share of it that is in use."""
    for each in _claims(sources, _names(pods)):
        yield each.key, each.used / each.capacity


def _filled(sources: Sources, use: NodeUse) -> Iterator[_Filled]:
    yield from _claims(sources, _names(each.pod for each in use.pods if each.readings))


def _claims(sources: Sources, keys: Iterable[ObjectKey]) -> Iterator[_Filled]:
    for key in keys:
        claim = sources.caches.claims.index.get(key)
        if claim is not None and claim.is_bound and claim.spec.volume_mode == "Filesystem":
            capacity = value((claim.status.capacity or {}).get(STORAGE, claim.size_bytes))
            used = capacity if sources.is_full(key) else int(capacity * _share(claim))
            yield _Filled(key, capacity, used)


def _names(pods: Iterable[Pod]) -> Iterable[ObjectKey]:
    """Return the claims of pods, each once."""
    return dict.fromkeys(ObjectKey(pod.metadata.namespace, name) for pod in pods for name in claim_names(pod))


def _share(claim: PersistentVolumeClaim) -> float:
    drawn = zlib.crc32(claim.metadata.uid.encode()) / _DRAWS
    return _EMPTIEST + drawn * (_FULLEST - _EMPTIEST)
