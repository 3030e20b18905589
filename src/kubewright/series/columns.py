"""What was measured of all pods at one moment, as columns: for who sums over thousands of applications at once.

A `Vector` has an object and a mapping of labels for each sample, of which there are a hundred thousand in an answer. A
source that can read its answers in fewer steps has a method `columns`; any other's are taken from its vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kubewright.series.protocol import BOUND, NAMESPACE, POD, MetricSource, Missing, PodQuery, Vector

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """One signal; all columns have an entry for each sample."""

    pods: Sequence[tuple[str, str]]
    """Namespace and name."""
    bounds: Sequence[str]
    """The label of a latency's bucket."""
    values: Array
    ats: Array
    """Of which moment each value speaks, in seconds since 1970."""

    @classmethod
    def of(cls, vector: Vector) -> Columns:
        """Return the columns of a vector."""
        labels = [sample.labels for sample in vector.samples]
        return cls(
            [(each.get(NAMESPACE, ""), each.get(POD, "")) for each in labels],
            [each.get(BOUND, "") for each in labels],
            np.array([sample.value for sample in vector.samples], np.float64),
            np.array([sample.at for sample in vector.samples], np.float64),
        )


@runtime_checkable
class ColumnSource(Protocol):
    """A source that reads its answers into columns itself. It answers `Missing` and raises nothing."""

    async def columns(self, query: PodQuery) -> Columns | Missing:
        """Return what is so now: at least one finite value."""
        ...


async def columns(source: MetricSource, query: PodQuery) -> Columns | Missing:
    """Return what is so of pods now, from any source."""
    if isinstance(source, ColumnSource):
        return await source.columns(query)
    found = await source.instant(query)
    return found if isinstance(found, Missing) else Columns.of(found)
