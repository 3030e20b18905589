"""What pods ask of GPU nodes, by class, and how often: the mix that fragmentation is measured against.

A node is not empty or full as such, but for somebody: half a GPU left is worth nothing to pods that want whole ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

MILLI = 1000
"""A whole GPU; a share is so many thousandths of one."""
ANY_MODEL: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """What one pod asks of its node. `count` GPUs, `milli` of each; a count of 0 is a pod without GPUs."""

    cpu_milli: int
    memory: int
    """In any one unit, as long as nodes use the same."""
    count: int = 0
    milli: int = 0
    models: frozenset[str] = ANY_MODEL
    """The models that will do; none named means any."""

    @property
    def is_share(self) -> bool:
        """Return whether it is a part of one GPU, so that it matters which."""
        return self.count == 1 and self.milli < MILLI

    @property
    def gpu_milli(self) -> int:
        """Return all it takes of all GPUs."""
        return self.count * self.milli


@dataclass(frozen=True, slots=True)
class Workload:
    """Classes with their shares of what arrives; the shares add up to one."""

    classes: tuple[GpuRequest, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, counts: Mapping[GpuRequest, float], *, coverage: float = 1.0, limit: int | None = None) -> Workload:
        """Take the commonest classes until they cover this part of all arrivals, or are this many.

        Ties go to the larger request, so that equal counts give equal workloads in whatever order they were counted.
        """
        ranked = sorted(counts.items(), key=lambda item: (item[1], *_size(item[0])), reverse=True)
        enough = coverage * sum(counts.values())
        kept: list[tuple[GpuRequest, float]] = []
        covered = 0.0
        for request, count in ranked[:limit]:
            kept.append((request, count))
            covered += count
            if covered >= enough:
                break
        return cls(tuple(request for request, _ in kept), tuple(count / covered for _, count in kept))


def _size(request: GpuRequest) -> tuple[int, int, int, int, Sequence[str]]:
    return request.cpu_milli, request.milli, request.count, request.memory, sorted(request.models)


@dataclass(slots=True)
class Mix:
    """Learns the mix online: what arrived counts, and counts for less the longer ago it was.

    `half_life` is in arrivals, not seconds: a quiet night forgets nothing.
    """

    half_life: float = 20_000.0
    limit: int = 128
    """Classes that a workload keeps; the rarest count for nothing."""
    _counts: dict[GpuRequest, float] = field(default_factory=dict[GpuRequest, float])
    _weight: float = 1.0
    _arrivals: int = 0
    _due: int = 1

    def observe(self, requests: Iterable[GpuRequest]) -> None:
        """Count arrivals, whether or not they found a place."""
        growth = 2.0 ** (1.0 / self.half_life)
        for request in requests:
            self._counts[request] = self._counts.get(request, 0.0) + self._weight
            self._weight *= growth
            self._arrivals += 1
        if self._weight > _RENORMALISE or len(self._counts) > _MAX_CLASSES:
            self._forget()

    def copy(self) -> Mix:
        """Return an independent copy."""
        return replace(self, _counts=dict(self._counts))

    @property
    def is_due(self) -> bool:
        """Return whether enough is new for another look: often at first, then every few hundred arrivals."""
        return self._arrivals >= self._due

    def workload(self) -> Workload:
        """Return the mix as of now."""
        self._due = self._arrivals + min(max(1, self._arrivals // 4), _STEP)
        return Workload.of(self._counts, limit=self.limit)

    def _forget(self) -> None:
        """Keep numbers small, and of too many classes the commoner half."""
        common = sorted(self._counts.items(), key=lambda item: item[1], reverse=True)[: _MAX_CLASSES // 2]
        self._counts = {key: count / self._weight for key, count in common}
        self._weight = 1.0


_RENORMALISE = 1e6
_MAX_CLASSES = 4096
"""Memory stays bounded whatever arrives."""
_STEP = 400
