"""Who owns whom, over every kind that the server has: the caches, asked by uid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kubewright.api.meta import KubeObject, ObjectKey, OwnerReference, Resource
from kubewright.runtime.informer import Informer
from kubewright.twin.caches import BY_OWNER, BY_UID


class Item(NamedTuple):
    """One object of any kind."""

    group: str
    plural: str
    key: ObjectKey
    uid: str


class Graph:
    """Informers by kind; a typed one where the twin has it anyway, else one of metadata only."""

    def __init__(self) -> None:
        self._by_plural: dict[tuple[str, str], Informer[Any]] = {}
        self._by_kind: dict[tuple[str, str], Informer[Any]] = {}

    def add(self, informer: Informer[Any]) -> None:
        """Take in a kind."""
        resource = informer.resource
        self._by_plural[resource.group, resource.plural] = informer
        self._by_kind[resource.group, resource.kind] = informer

    def drop(self, resource: Resource[Any]) -> None:
        """Let go of a kind that is not served any more."""
        self._by_plural.pop((resource.group, resource.plural), None)
        self._by_kind.pop((resource.group, resource.kind), None)

    def __contains__(self, resource: Resource[Any]) -> bool:
        return (resource.group, resource.plural) in self._by_plural

    def find(self, item: Item) -> tuple[Resource[Any], KubeObject] | None:
        """Return the object, unless it is gone or replaced by a namesake."""
        informer = self._by_plural.get((item.group, item.plural))
        found: KubeObject | None = informer.index.get(item.key) if informer else None
        if informer is None or found is None or found.metadata.uid != item.uid:
            return None
        return informer.resource, found

    def owner(self, ref: OwnerReference) -> tuple[Resource[Any], KubeObject] | None:
        """Return the object that a reference names, by uid, if the caches have it."""
        informer = self._by_kind.get((_group(ref.api_version), ref.kind))
        found = informer.index.by(BY_UID, ref.uid) if informer else []
        return (informer.resource, found[0]) if informer and found else None

    def resource_of(self, ref: OwnerReference) -> Resource[Any] | None:
        """Return the kind that a reference names."""
        informer = self._by_kind.get((_group(ref.api_version), ref.kind))
        return informer.resource if informer else None

    def dependents(self, uid: str) -> Iterator[tuple[Resource[Any], KubeObject]]:
        """Yield everything that has this owner."""
        for informer in self._by_plural.values():
            for each in informer.index.by(BY_OWNER, uid):
                yield informer.resource, each


def item_of(resource: Resource[Any], obj: KubeObject) -> Item:
    """Return the name of an object in the graph."""
    return Item(resource.group, resource.plural, obj.key, obj.metadata.uid)


def _group(api_version: str) -> str:
    group, slash, _ = api_version.partition("/")
    return group if slash else ""
