"""A dict that is copied in no time: copies share its parts until one of them writes there.

A snapshot of 150,000 pods is forked to try something and changes a few of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_SHARDS = 256


class Sharded(Mapping[K, V], Generic[K, V]):
    """Keeps its items in 256 dicts, by hash; iterates in no order that means anything, but always the same."""

    __slots__ = ("_is_mine", "_length", "_shards")

    def __init__(self, shared: Sharded[K, V] | None = None) -> None:
        """Begin empty, or with what another one has, which must not write to it any more without copying."""
        self._shards: list[dict[K, V]] = [{} for _ in range(_SHARDS)] if shared is None else shared._shards.copy()  # noqa: SLF001  (its own class)
        self._is_mine = bytearray([shared is None]) * _SHARDS
        self._length = 0 if shared is None else len(shared)

    def copy(self) -> Sharded[K, V]:
        """Return an independent copy."""
        self._is_mine = bytearray(_SHARDS)
        return Sharded(self)

    def __getitem__(self, key: K) -> V:
        return self._shards[hash(key) & 255][key]

    def get(self, key: K, default: V | None = None) -> V | None:  # pyright: ignore[reportIncompatibleMethodOverride]  # one of Mapping's overloads
        """Return the value of the key, or the default."""
        return self._shards[hash(key) & 255].get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._shards[hash(key) & 255]

    def __iter__(self) -> Iterator[K]:
        for shard in self._shards:
            yield from shard

    def __len__(self) -> int:
        return self._length

    def put(self, key: K, value: V) -> None:
        """Set the value of a key."""
        shard = self._writable(key)
        self._length += key not in shard
        shard[key] = value

    def pop(self, key: K) -> V | None:
        """Remove a key and return its value; None if it was not there."""
        if key not in self:
            return None
        self._length -= 1
        return self._writable(key).pop(key)

    def _writable(self, key: K) -> dict[K, V]:
        number = hash(key) & 255
        if not self._is_mine[number]:
            self._shards[number] = self._shards[number].copy()
            self._is_mine[number] = 1
        return self._shards[number]
