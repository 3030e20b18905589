"""Objects by key, with secondary indexes; the cache of an informer and of anything else that looks objects up.

An indexer maps an object to the values that it is found under ("the pods of this node"). Values are computed again from
the object that leaves, so objects must not change while they are in the index.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Generic, TypeVar

from kubewright.api.meta import ObjectKey

T = TypeVar("T")

Indexer = Callable[[T], Iterable[Hashable]]


class Index(Generic[T]):
    """Objects by key and by the values of named indexers. Iteration follows insertion, so runs are repeatable."""

    __slots__ = ("_by_value", "_indexers", "_objects")

    def __init__(self, indexers: Mapping[str, Indexer[T]] | None = None) -> None:
        self._objects: dict[ObjectKey, T] = {}
        self._indexers: dict[str, Indexer[T]] = dict(indexers or {})
        # The inner dict is used as an ordered set of keys.
        self._by_value: dict[str, dict[Hashable, dict[ObjectKey, None]]] = {name: {} for name in self._indexers}

    @property
    def indexers(self) -> frozenset[str]:
        """Return the indexers' names."""
        return frozenset(self._indexers)

    def put(self, key: ObjectKey, obj: T) -> T | None:
        """Store an object and return the one it replaces."""
        old = self._objects.get(key)
        self._objects[key] = obj
        for name, indexer in self._indexers.items():
            new_values = tuple(indexer(obj))
            old_values = () if old is None else tuple(indexer(old))
            if new_values != old_values:
                self._unlist(name, old_values, key)
                self._enlist(name, new_values, key)
        return old

    def remove(self, key: ObjectKey) -> T | None:
        """Drop an object and return it, or None when there was none."""
        old = self._objects.pop(key, None)
        if old is not None:
            for name, indexer in self._indexers.items():
                self._unlist(name, tuple(indexer(old)), key)
        return old

    def get(self, key: ObjectKey) -> T | None:
        """Return the object of this key, or None."""
        return self._objects.get(key)

    def by(self, name: str, value: Hashable) -> list[T]:
        """Return the objects that indexer `name` found under `value`; raises KeyError for a name never declared."""
        return [self._objects[key] for key in self._by_value[name].get(value, ())]

    def values_of(self, name: str) -> KeysView[Hashable]:
        """Return a live view of the values under which indexer `name` has found something."""
        return self._by_value[name].keys()

    def values(self) -> ValuesView[T]:
        """Return a live view of all objects."""
        return self._objects.values()

    def keys(self) -> KeysView[ObjectKey]:
        """Return a live view of all keys."""
        return self._objects.keys()

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, key: ObjectKey) -> bool:
        return key in self._objects

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(self._objects)

    def _enlist(self, name: str, values: Iterable[Hashable], key: ObjectKey) -> None:
        index = self._by_value[name]
        for value in values:
            index.setdefault(value, {})[key] = None

    def _unlist(self, name: str, values: Iterable[Hashable], key: ObjectKey) -> None:
        index = self._by_value[name]
        for value in values:
            keys = index.get(value)
            if keys is not None:
                keys.pop(key, None)
                if not keys:
                    del index[value]
