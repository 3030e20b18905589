"""An operator: controllers that share caches, a client, an event recorder and metrics, run as one service.

    def build(operator: Operator) -> None:
        caches = operator.informer(CACHES)
        children = operator.children((CONFIG_MAPS, DEPLOYMENTS), label_selector="example.com/cache")
        reconciler = CacheReconciler(operator.executor(CACHES), caches, children)
        operator.controller(caches, reconciler, owns=children.informers)

`build` declares; it starts nothing. The same function is run against a cluster (`kubewright operate`), on the twin, and
by the fault harness (`kubewright test operator`), which is why it takes the operator and makes nothing of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kubewright.api.live import live_resource
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.children import OWNER_INDEXERS, Children, Taken
from kubewright.runtime.controller import Controller, Reconciler, owner_keys, watch_mapped
from kubewright.runtime.definitions import install
from kubewright.runtime.events import EventRecorder, announce_undecodable
from kubewright.runtime.informer import Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.plans import Executor
from kubewright.runtime.predicates import Predicate
from kubewright.runtime.sharding import WHOLE, Shard
from kubewright.runtime.webhooks.declared import Webhooks
from kubewright.runtime.workqueue import WorkQueue
from kubewright.store.index import Indexer

T = TypeVar("T", bound=KubeObject)

CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class Watch(Generic[T]):
    """Another kind whose changes concern a controller's objects: `keys_of` says which, if they are news (`when`)."""

    informer: Informer[T]
    keys_of: Callable[[T], Iterable[ObjectKey]]
    when: Predicate | None = None
    priority: int = 0


class Operator:
    """What `build` functions are given. A service like any other: `run` until cancelled, `synced`, `settled`."""

    def __init__(
        self,
        name: str,
        client: Client,
        clock: Clock,
        *,
        namespace: str = "",
        shard: Shard = WHOLE,
        recorder: EventRecorder | None = None,
        metrics: RuntimeMetrics | None = None,
    ) -> None:
        """Put an operator together; `name` is its field manager, and a recorder that is given is run by its owner."""
        self.name = name
        self.client = client
        self.clock = clock
        self.namespace = namespace
        """The one that it is held to; empty for all."""
        self.shard = shard
        self.metrics = metrics or RuntimeMetrics()
        self.definitions: list[Manifest] = []
        self.webhooks = Webhooks()
        self.recorder = recorder or EventRecorder(client, clock, name, metrics=self.metrics)
        self._runs_recorder = recorder is None
        self._informers: dict[tuple[Resource[Any], str, str], Informer[Any]] = {}
        self._taken = Taken()
        self._controllers: list[Controller[ObjectKey]] = []
        self._queues: list[WorkQueue[ObjectKey]] = []
        self._tasks: dict[str, Callable[[], Any]] = {}
        self._conditions: list[Callable[[], bool]] = []

    def define(self, *definitions: Manifest) -> None:
        """Have CustomResourceDefinitions created, where the cluster lacks them, before anything is watched."""
        self.definitions += definitions

    def informer(
        self,
        resource: Resource[T],
        *,
        label_selector: str = "",
        field_selector: str = "",
        indexers: Mapping[str, Indexer[T]] | None = None,
    ) -> Informer[T]:
        """Return the cache of a kind, or of the part of it that selectors choose; asked for twice it is the same one.

        `indexers` must be given by whoever asks first.
        """
        wanted = (resource, label_selector, field_selector)
        if wanted not in self._informers:
            self._informers[wanted] = Informer(
                self.client,
                resource,
                namespace=self.namespace if resource.namespaced else "",
                label_selector=label_selector,
                field_selector=field_selector,
                indexers=indexers,
            )
        elif indexers and self._informers[wanted].index.indexers != frozenset(indexers):
            raise ValueError(f"{resource.plural}: the cache was asked for before, with other indexers")
        return self._informers[wanted]

    def children(self, resources: Sequence[Resource[Any]], *, label_selector: str) -> Children:
        """Return the caches of what controllers make: objects of these kinds that bear a label of theirs."""
        informers = [
            self.informer(live_resource(each), label_selector=label_selector, indexers=OWNER_INDEXERS)
            for each in resources
        ]
        return Children(self.client, informers, self._taken)

    def own(self, resource: Resource[T], *, indexers: Mapping[str, Indexer[T]] | None = None) -> Informer[T]:
        """Return the cache of a controller's own kind: only this shard's objects, where a label chooses them."""
        return self.informer(resource, label_selector=self.shard.label_selector, indexers=indexers)

    def executor(self, resource: Resource[Any]) -> Executor:
        """Return what carries out plans about objects of a kind, as this operator."""
        return Executor(self.client, self.recorder, resource, self.name, self._caches, self._taken)

    def controller(
        self,
        for_: Informer[T],
        reconciler: Reconciler[ObjectKey],
        *,
        name: str = "",
        owns: Iterable[Informer[Any]] = (),
        watches: Iterable[Watch[Any]] = (),
        when: Predicate | None = None,
        reads: Iterable[Informer[Any]] = (),
        concurrency: int = CONCURRENCY,
        timeout_seconds: float | None = None,
    ) -> Controller[ObjectKey]:
        """Add a controller: `reconciler` is asked about an object of `for_` whenever something concerns it.

        That is a change of the object itself (if `when` holds), of an object of `owns` that it controls, and of what
        `watches` map to it. It first runs when all these caches, and those it only `reads`, are whole.
        """
        resource = for_.resource
        queue: WorkQueue[ObjectKey] = WorkQueue(name or resource.kind.lower(), metrics=self.metrics)
        others = [*(Watch(each, owner_keys(resource)) for each in owns), *watches]
        for watch in (Watch(for_, lambda obj: (obj.key,), when), *others):
            keys_of = self._held(watch.keys_of)
            watch_mapped(watch.informer, queue, keys_of, when=watch.when, priority=watch.priority)
        announce_undecodable(for_, self.recorder)
        controller = Controller(
            name or resource.kind.lower(),
            reconciler,
            queue,
            concurrency=concurrency,
            informers=dict.fromkeys((for_, *(watch.informer for watch in others), *reads)),
            timeout_seconds=timeout_seconds,
            metrics=self.metrics,
        )
        self._queues.append(queue)
        self._controllers.append(controller)
        return controller

    def settles_once(self, condition: Callable[[], bool]) -> None:
        """Say what must hold before everything has had its turn: what a task reads that turns go by."""
        self._conditions.append(condition)

    def task(self, name: str, run: Callable[[], Any]) -> None:
        """Add a coroutine function that goes by time and not by keys, run until cancelled."""
        self._tasks[name] = run

    async def install(self) -> None:
        """Create the definitions that the cluster lacks."""
        await install(self.client, self.definitions)

    async def run(self) -> None:
        """Install definitions, then keep every cache and controller running until cancelled."""
        await self.install()
        async with asyncio.TaskGroup() as tasks:
            for informer in self._informers.values():
                tasks.create_task(informer.run(), name=f"informer {informer.resource.plural}")
            for controller in self._controllers:
                tasks.create_task(controller.run(), name=controller.name)
            for name, run in self._tasks.items():
                tasks.create_task(run(), name=name)
            if self._runs_recorder:
                tasks.create_task(self.recorder.run(), name="events")

    @property
    def synced(self) -> bool:
        """Whether the caches hold the cluster's state."""
        return all(informer.synced for informer in self._informers.values())

    @property
    def settled(self) -> bool:
        """Whether every object has had its turn and none is waiting for another at once."""
        begun = all(holds() for holds in self._conditions)
        return self.synced and begun and all(queue.idle for queue in self._queues)

    def _caches(self, resource: Resource[Any]) -> list[Informer[Any]]:
        return [informer for informer in self._informers.values() if informer.resource == resource]

    def _held(self, keys_of: Callable[[Any], Iterable[ObjectKey]]) -> Callable[[Any], Iterable[ObjectKey]]:
        if self.shard.count == 1:
            return keys_of
        return lambda obj: (key for key in keys_of(obj) if self.shard.holds(key))
