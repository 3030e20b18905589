"""Pods counted on each node, one row of counts for each thing that is counted; copied when written, not when forked."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

import numpy as np

from kubewright.placement.nodes import Counts, resized

K = TypeVar("K", bound=Hashable)


class CountRows(Generic[K]):
    """Rows of shape (n_nodes,), by what they count."""

    __slots__ = ("_mine", "_n_nodes", "_rows")

    def __init__(self, n_nodes: int) -> None:
        self._n_nodes = n_nodes
        self._rows: dict[K, Counts] = {}
        self._mine: set[K] = set()

    def copy(self) -> CountRows[K]:
        """Return an independent copy."""
        copy = CountRows[K](self._n_nodes)
        copy._rows = self._rows.copy()
        self._mine.clear()
        return copy

    def resize(self, n_nodes: int) -> None:
        """Have so many nodes; what is cut off counted nothing."""
        self._n_nodes = n_nodes
        self._rows = {key: resized(row, n_nodes) for key, row in self._rows.items()}
        self._mine = set(self._rows)

    def get(self, key: K) -> Counts | None:
        """Return a row, not to be changed; None if nothing was ever counted there."""
        return self._rows.get(key)

    def put(self, key: K, counts: Counts) -> None:
        """Set a whole row."""
        self._rows[key] = counts
        self._mine.add(key)

    def add(self, key: K, column: int, change: int) -> None:
        """Count pods of one node, in or out, in a row that is there or begins with zeros."""
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = np.zeros(self._n_nodes, np.int32)
            self._mine.add(key)
        elif key not in self._mine:
            row = self._rows[key] = row.copy()
            self._mine.add(key)
        row[column] += change
