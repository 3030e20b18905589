"""Keeps every AppService as its owner wants it: reads the caches, asks `decide`, carries out the Plan.

Three informers feed one queue with keys: the AppServices themselves and the Deployments and Services that they own, so
that a child edited or deleted by hand is put right at once. Coming back after 30 seconds is only the safety net.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from kubewright.api.apiextensions import CRDS, CustomResourceDefinition
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.meta import ObjectKey, Resource
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Controller, Done, RequeueAfter, watch_own, watch_owned
from kubewright.runtime.events import EventRecorder, announce_undecodable
from kubewright.runtime.informer import Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.plans import Executor
from kubewright.runtime.workqueue import WorkQueue
from kubewright.workloads.children import MANAGED_BY, MANAGED_BY_LABEL
from kubewright.workloads.decide import decide
from kubewright.workloads.observed import CHILD_DEPLOYMENTS, CHILD_SERVICES, Child, Observed

NAME = "appservice"
FIELD_MANAGER = "kubewright-workloads"
RESYNC_SECONDS = 30.0
CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class Caches:
    """What a reconcile reads."""

    apps: Informer[AppService]
    deployments: Informer[Child]
    services: Informer[Child]
    definition: Informer[CustomResourceDefinition]

    @classmethod
    def of(cls, client: Client) -> Caches:
        """Watch the AppServices, their kind's definition, and the children that bear our label."""
        ours = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
        named = f"metadata.name={APP_SERVICES.plural}.{APP_SERVICES.group}"
        return cls(
            Informer(client, APP_SERVICES),
            Informer(client, CHILD_DEPLOYMENTS, label_selector=ours),
            Informer(client, CHILD_SERVICES, label_selector=ours),
            Informer(client, CRDS, field_selector=named),
        )

    def all(self) -> tuple[Informer[Any], ...]:
        """Return every informer."""
        return (self.apps, self.deployments, self.services, self.definition)

    @property
    def status_served(self) -> bool:
        """Whether AppServices have a status subresource: a definition that somebody made by hand may lack it."""
        versions = (version for crd in self.definition.index.values() for version in crd.spec.versions)
        return any(v.name == APP_SERVICES.version and v.subresources.status is not None for v in versions)


@dataclass(frozen=True, slots=True)
class AppServiceReconciler:
    """One AppService's turn: observe, decide, execute, come back after 30 seconds."""

    client: Client
    clock: Clock
    executor: Executor
    caches: Caches

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one AppService to what its owner wants."""
        app = self.caches.apps.index.get(key)
        if app is None:
            return Done()
        observed = await self._observe(app)
        plan = decide(app, observed, self.clock.now(), status_served=self.caches.status_served)
        await self.executor.execute(plan, about=app)
        return RequeueAfter(RESYNC_SECONDS)

    async def _observe(self, app: AppService) -> Observed:
        deployment = self.caches.deployments.index.get(app.key)
        service = self.caches.services.index.get(app.key)
        if app.metadata.deletion_timestamp is None:
            # A name that our cache does not know may be taken by an object without our label.
            deployment = deployment or await self._look_up(CHILD_DEPLOYMENTS, app.key)
            if app.spec.ports:
                service = service or await self._look_up(CHILD_SERVICES, app.key)
        return Observed(deployment, service)

    async def _look_up(self, resource: Resource[Child], key: ObjectKey) -> Child | None:
        try:
            return await self.client.get(resource, key)
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise


@dataclass(frozen=True, slots=True)
class AppServices:
    """The controller with its caches, as `app.py` runs it."""

    caches: Caches
    queue: WorkQueue[ObjectKey]
    controller: Controller[ObjectKey]

    async def run(self) -> None:
        """Keep AppServices until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for informer in self.caches.all():
                tasks.create_task(informer.run())
            tasks.create_task(self.controller.run())

    @property
    def synced(self) -> bool:
        """Whether the caches hold the cluster's state."""
        return all(informer.synced for informer in self.caches.all())

    @property
    def settled(self) -> bool:
        """Whether every AppService has had its turn and none is waiting for another at once."""
        return self.synced and self.queue.idle


def app_services(
    client: Client, clock: Clock, recorder: EventRecorder, *, metrics: RuntimeMetrics | None = None
) -> AppServices:
    """Put the controller together: three kinds feed one queue."""
    caches = Caches.of(client)
    queue: WorkQueue[ObjectKey] = WorkQueue(NAME, metrics=metrics)
    watch_own(caches.apps, queue)
    watch_owned(caches.deployments, queue, APP_SERVICES)
    watch_owned(caches.services, queue, APP_SERVICES)
    announce_undecodable(caches.apps, recorder)
    executor = Executor(client, recorder, APP_SERVICES, FIELD_MANAGER)
    reconciler = AppServiceReconciler(client, clock, executor, caches)
    controller = Controller(NAME, reconciler, queue, concurrency=CONCURRENCY, informers=caches.all(), metrics=metrics)
    return AppServices(caches, queue, controller)
