"""What there is of an object's children: from the caches, and from the server where a wanted name is not in them.

Caches of children hold only what bears the controller's label. A name that they do not know is nearly always free, but
it may be taken by an object without the label, and applying over that would take it from its owner. So such a child is
only created, never made over; where that is refused the name is `Taken`, and asked for at the next turn. This is the
reading half of `api.applyset`, whose decisions are pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kubewright.api.applyset import Identity, Observed, identity
from kubewright.api.live import LiveObject
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.client.protocol import Client, Propagation
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.informer import Informer
from kubewright.store.index import Indexer

T = TypeVar("T", bound=KubeObject)

BY_OWNER = "owner"

_MOST_TAKEN = 10_000


class Taken:
    """Names at which a child could not be created; those that are left out again are only found once more."""

    def __init__(self) -> None:
        self._names: dict[Identity, None] = {}

    def __contains__(self, name: Identity) -> bool:
        return name in self._names

    def add(self, name: Identity) -> None:
        """Note that there is something."""
        if len(self._names) >= _MOST_TAKEN:
            del self._names[next(iter(self._names))]
        self._names[name] = None

    def discard(self, name: Identity) -> None:
        """Note that there is nothing any more."""
        self._names.pop(name, None)


def _owners(obj: KubeObject) -> Iterable[Hashable]:
    return tuple(ref.uid for ref in obj.metadata.owner_references)


OWNER_INDEXERS: Mapping[str, Indexer[Any]] = {BY_OWNER: _owners}
"""For the informers of children: objects by the uid of each owner."""


@dataclass(frozen=True, slots=True)
class Children:
    """The caches of one controller's children, a kind each; made with `OWNER_INDEXERS`."""

    client: Client
    informers: Sequence[Informer[LiveObject]]
    taken: Taken | None = None
    """What the Executor of the same controller ran into; without it every name is asked for before it is used."""

    @property
    def kinds(self) -> tuple[Resource[LiveObject], ...]:
        """Return the kinds, for an ApplySet."""
        return tuple(informer.resource for informer in self.informers)

    async def observe(self, owner: KubeObject, desired: Iterable[Manifest] = ()) -> Observed:
        """Return the owner's children and whatever is at the names of `desired`; raises OpError."""
        observed = Observed()
        for informer in self.informers:
            for live in informer.index.by(BY_OWNER, owner.metadata.uid):
                observed.add(informer.resource, live)
        for manifest in desired:
            if observed.at(manifest) is None:
                await self._look_up(identity(manifest), observed)
        return observed

    async def _look_up(self, name: Identity, observed: Observed) -> None:
        api_version, kind, key = name
        for informer in self.informers:
            resource = informer.resource
            if (resource.api_version, resource.kind) != (api_version, kind):
                continue
            live = informer.index.get(key)
            if live is None and self.taken is not None and name not in self.taken:
                observed.unasked.add(name)
            elif live is None:
                live = await self._ask(resource, name)
                observed.beyond_caches |= live is not None
            if live is not None:
                observed.add(resource, live)

    async def _ask(self, resource: Resource[LiveObject], name: Identity) -> LiveObject | None:
        live = await get_or_none(self.client, resource, name[-1])
        if live is None and self.taken is not None:
            self.taken.discard(name)
        return live


async def list_if_served(client: Client, resource: Resource[T]) -> Sequence[T]:
    """Read all objects of a kind; none where the cluster does not know it. Raises OpError for every other failure."""
    try:
        return (await client.list(resource)).items
    except OpError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return ()
        raise


async def delete_if_there(
    client: Client, resource: Resource[T], target: T | ObjectKey, *, propagation: Propagation | None = None
) -> None:
    """Delete an object that somebody else may have deleted already; raises OpError for every other failure."""
    try:
        await client.delete(resource, target, propagation=propagation)
    except OpError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise


async def get_or_none(client: Client, resource: Resource[T], key: ObjectKey) -> T | None:
    """Read one object; None when there is none. Raises OpError for every other failure."""
    try:
        return await client.get(resource, key)
    except OpError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            return None
        raise
