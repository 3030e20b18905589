"""Follows every kind and collects what has lost its owners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import KubeObject, ObjectKey, OwnerReference, PartialObject, Resource
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.caches import OWNERSHIP
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.garbage import decide
from kubewright.twin.controllers.garbage.decide import FOREGROUND, ORPHAN, OwnerState
from kubewright.twin.controllers.garbage.graph import Graph, Item, item_of
from kubewright.twin.controllers.ownership import without_owners
from kubewright.twin.controllers.writes import Writer
from kubewright.twin.resources import deletable_resources

NAME = "generic-garbage-collector"
UNKNOWN_OWNER_SECONDS = 1.0
"""An owner that no cache shows may be on its way there: look again before asking the server."""
DISCOVERY_SECONDS = 30.0
_DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
_SETTLE_SECONDS = 0.2

Listener = Callable[[Resource[Any], Change[Any]], None]


@dataclass(frozen=True, slots=True)
class GarbageReconciler:
    """One object's turn: as an owner that waits, or as a dependent whose owners are gone."""

    graph: Graph
    client: Client
    writer: Writer
    queue: WorkQueue[Item]

    async def reconcile(self, key: Item) -> Done:
        """Look at one object."""
        found = self.graph.find(key)
        if found is None:
            return Done()
        resource, obj = found
        if decide.is_orphaning(obj):
            await self._orphan(resource, obj)
        elif decide.is_waiting(obj):
            await self._wait(resource, obj)
        if obj.metadata.owner_references:
            owners = {ref.uid: await self._state(ref, obj) for ref in obj.metadata.owner_references}
            has_dependents = next(self.graph.dependents(obj.metadata.uid), None) is not None
            await self.writer.do(decide.collect(obj, resource, owners, has_dependents=has_dependents))
        return Done()

    async def _state(self, ref: OwnerReference, dependent: KubeObject) -> OwnerState:
        known = self.graph.owner(ref)
        if known is not None:
            # Only dependents that block their owner go before it; the others are collected after it.
            waits = decide.is_waiting(known[1]) and ref.block_owner_deletion
            return OwnerState.WAITING if waits else OwnerState.LIVING
        resource = self.graph.resource_of(ref)
        if resource is None:
            return OwnerState.LIVING  # a kind that nobody serves at present: no reason to delete anything
        partial = Resource(resource.group, resource.version, resource.plural, resource.kind, PartialObject)
        place = dependent.metadata.namespace if resource.namespaced else ""
        try:
            live = await self.client.get(partial, ObjectKey(place, ref.name))
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return OwnerState.ABSENT
            raise
        return OwnerState.LIVING if live.metadata.uid == ref.uid else OwnerState.ABSENT

    async def _wait(self, resource: Resource[Any], owner: KubeObject) -> None:
        dependents = list(self.graph.dependents(owner.metadata.uid))
        holding = {id(each) for each in decide.blocking(owner, [each for _, each in dependents])}
        if not holding:
            await self.writer.do_one(decide.finish(owner, resource, FOREGROUND))
        for kind, each in dependents:
            if id(each) in holding:
                self.queue.add(item_of(kind, each))

    async def _orphan(self, resource: Resource[Any], owner: KubeObject) -> None:
        for kind, each in list(self.graph.dependents(owner.metadata.uid)):
            await self.writer.do_one(without_owners(each, kind, (owner.metadata.uid,)))
        await self.writer.do_one(decide.finish(owner, resource, ORPHAN))


class GarbageCollector:
    """Follows discovery: an informer for each kind that can be collected, including those of CRDs made later."""

    def __init__(self, client: Client, informers: Iterable[Informer[Any]], queue: WorkQueue[Item]) -> None:
        self.graph = Graph()
        self._client = client
        self._queue = queue
        self._partial: dict[Resource[Any], asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._listeners: list[Listener] = []
        for informer in informers:
            self._follow(informer)

    def tell(self, listener: Listener) -> None:
        """Call `listener` with every change of every kind that is followed."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follow discovery until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                try:
                    await self._discover(tasks)
                except OpError:
                    await asyncio.sleep(1.0)
                    continue
                try:
                    async with asyncio.timeout(DISCOVERY_SECONDS):
                        await self._changed.wait()
                except TimeoutError:
                    continue
                await asyncio.sleep(_SETTLE_SECONDS)  # a new definition is served a moment later

    async def _discover(self, tasks: asyncio.TaskGroup) -> None:
        served = await deletable_resources(self._client)
        for resource in served:
            if resource not in self.graph:
                informer = Informer(self._client, resource, indexers=OWNERSHIP)
                self._follow(informer)
                self._partial[resource] = tasks.create_task(informer.run(), name=f"metadata of {resource.plural}")
        for resource in [each for each in self._partial if each not in served]:
            self._partial.pop(resource).cancel()
            self.graph.drop(resource)

    def _follow(self, informer: Informer[Any]) -> None:
        resource = informer.resource
        self.graph.add(informer)
        informer.add_handler(lambda change: self._on_change(resource, change))

    def _on_change(self, resource: Resource[Any], change: Change[Any]) -> None:
        old, new = change.old, change.new
        for listener in self._listeners:
            listener(resource, change)
        if (resource.group, resource.plural) == _DEFINITIONS and not change.initial:
            self._changed.set()
        if new is not None:
            self._on_present(resource, old, new)
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._on_gone(old)
        elif old is not None and new is not None and old.metadata.owner_references != new.metadata.owner_references:
            self._tell_owners(old)

    def _on_present(self, resource: Resource[Any], old: KubeObject | None, new: KubeObject) -> None:
        if decide.is_orphaning(new) or decide.is_waiting(new):
            self._queue.add(item_of(resource, new))
        references = new.metadata.owner_references
        if not references or (old is not None and old.metadata.owner_references == references):
            return
        known = [self.graph.owner(ref) for ref in references]
        if any(owner is not None and decide.is_waiting(owner[1]) for owner in known):
            self._queue.add(item_of(resource, new))
        elif None in known:
            self._queue.add(item_of(resource, new), after_seconds=UNKNOWN_OWNER_SECONDS)

    def _on_gone(self, obj: KubeObject) -> None:
        for kind, each in list(self.graph.dependents(obj.metadata.uid)):
            self._queue.add(item_of(kind, each))
        self._tell_owners(obj)

    def _tell_owners(self, dependent: KubeObject) -> None:
        """An owner that waits for this one may go now."""
        for ref in dependent.metadata.owner_references:
            owner = self.graph.owner(ref)
            if owner is not None and decide.is_waiting(owner[1]):
                self._queue.add(item_of(*owner))


def add_to(context: Context, informers: Sequence[Informer[Any]] | None = None) -> GarbageCollector:
    """Wire the controller; the caller runs the collector that is returned beside the context.

    With `informers` (indexed by uid and owner) it begins with these; one that is not run collects only their kinds.
    """
    informers = context.caches.all() if informers is None else informers
    queue = context.queue(NAME, Item)
    collector = GarbageCollector(context.client, informers, queue)
    reconciler = GarbageReconciler(collector.graph, context.client, context.writer(NAME), queue)
    context.controller(NAME, reconciler, queue, informers, concurrency=5)
    return collector
