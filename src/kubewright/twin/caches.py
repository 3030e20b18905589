"""One informer per kind for everything in the twin: controllers, binder and kubelets read the same copies."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar, cast

from kubewright.api.apps import CONTROLLER_REVISIONS, DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.coordination import LEASES
from kubewright.api.core import (
    CONFIG_MAPS,
    ENDPOINTS,
    NAMESPACES,
    NODES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Pod,
    Service,
)
from kubewright.api.discovery import ENDPOINT_SLICES, EndpointSlice
from kubewright.api.meta import KubeObject, ObjectKey, Resource, controller_of
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.replication import REPLICATION_CONTROLLERS
from kubewright.api.resourceclaims import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from kubewright.api.volumes import CLAIMS, CSI_DRIVERS, CSI_NODES, STORAGE_CLASSES, VOLUMES, claim_names
from kubewright.client.protocol import Client
from kubewright.runtime.informer import Informer
from kubewright.store.index import Indexer
from kubewright.twin.nodes import LEASE_NAMESPACE

T = TypeVar("T", bound=KubeObject)

BY_UID = "uid"
BY_OWNER = "owner"
"""Every owner's uid."""
BY_CONTROLLER = "controller"
"""The managing owner's uid, or "" for an object that has none, with its namespace: `(namespace, uid)`."""
BY_NODE = "node"
BY_LABEL = "label"
"""`(namespace, key, value)` of every label."""
BY_SELECTOR = "selector"
"""`(namespace, key, value)` of one pair of a service's selector: pods that match have that label."""
BY_CLAIM = "claim"
"""The keys of the claims that a pod uses."""
BY_SERVICE = "service"
"""`(namespace, name)` of an endpoint slice's service."""


class Caches:
    """An informer for each kind that the twin acts on; those that are not run cost nothing."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._informers: dict[Resource[Any], Informer[Any]] = {}
        self.pods = self.of(PODS)
        self.nodes = self.of(NODES)
        self.services = self.of(SERVICES)
        self.endpoints = self.of(ENDPOINTS)
        self.endpoint_slices = self.of(ENDPOINT_SLICES)
        self.deployments = self.of(DEPLOYMENTS)
        self.replica_sets = self.of(REPLICA_SETS)
        self.replication_controllers = self.of(REPLICATION_CONTROLLERS)
        self.stateful_sets = self.of(STATEFUL_SETS)
        self.daemon_sets = self.of(DAEMON_SETS)
        self.jobs = self.of(JOBS)
        self.cron_jobs = self.of(CRON_JOBS)
        self.budgets = self.of(POD_DISRUPTION_BUDGETS)
        self.revisions = self.of(CONTROLLER_REVISIONS)
        self.namespaces = self.of(NAMESPACES)
        self.service_accounts = self.of(SERVICE_ACCOUNTS)
        self.config_maps = self.of(CONFIG_MAPS)
        self.leases = self.of(LEASES)
        self.claims = self.of(CLAIMS)
        self.volumes = self.of(VOLUMES)
        self.storage_classes = self.of(STORAGE_CLASSES)
        self.csi_nodes = self.of(CSI_NODES)
        self.csi_drivers = self.of(CSI_DRIVERS)
        self.resource_claims = self.of(RESOURCE_CLAIMS)
        self.resource_slices = self.of(RESOURCE_SLICES)
        self.device_classes = self.of(DEVICE_CLASSES)

    def of(self, resource: Resource[T]) -> Informer[T]:
        """Return the kind's informer; one made after `run` began must be run by whoever asked."""
        found = self._informers.get(resource)
        if found is None:
            indexers = cast("Mapping[str, Indexer[T]]", {**OWNERSHIP, **_SPECIAL.get(resource, {})})
            selector = _FIELD_SELECTORS.get(resource, "")
            found = self._informers[resource] = Informer(
                self._client, resource, indexers=indexers, field_selector=selector
            )
        return cast("Informer[T]", found)

    def all(self) -> tuple[Informer[Any], ...]:
        """Return the informers that there are."""
        return tuple(self._informers.values())

    async def run(self, *only: Informer[Any]) -> None:
        """Keep them, or only some, up to date until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for informer in only or self.all():
                tasks.create_task(informer.run(), name=f"informer {informer.resource.plural}")

    async def wait_synced(self) -> None:
        """Wait until each holds the server's state."""
        for informer in self.all():
            await informer.wait_synced()


def _uid(obj: KubeObject) -> Iterable[Hashable]:
    return (obj.metadata.uid,)


def _owners(obj: KubeObject) -> Iterable[Hashable]:
    return tuple([ref.uid for ref in obj.metadata.owner_references])


def _claims(pod: Pod) -> Iterable[Hashable]:
    return tuple(ObjectKey(pod.metadata.namespace, name) for name in claim_names(pod)) if pod.spec.volumes else ()


def _controller(obj: KubeObject) -> Iterable[Hashable]:
    owner = controller_of(obj)
    return ((obj.metadata.namespace, owner.uid if owner else ""),)


def _node(pod: Pod) -> Iterable[Hashable]:
    return (pod.spec.node_name,)


def _labels(obj: KubeObject) -> Iterable[Hashable]:
    return tuple([(obj.metadata.namespace, key, value) for key, value in obj.metadata.labels.items()])


def _selector(service: Service) -> Iterable[Hashable]:
    pair = min(service.spec.selector.items(), default=None)
    return () if pair is None else ((service.metadata.namespace, *pair),)


def _service(piece: EndpointSlice) -> Iterable[Hashable]:
    return ((piece.metadata.namespace, piece.service_name),)


_FIELD_SELECTORS: Mapping[Resource[Any], str] = {LEASES: f"metadata.namespace!={LEASE_NAMESPACE}"}
"""Nodes' leases change all the time, nobody owns them, and the monitor of nodes is told of them otherwise."""
OWNERSHIP: Mapping[str, Indexer[Any]] = {BY_UID: _uid, BY_OWNER: _owners}
"""For whoever follows owners and dependents: every informer here, and those of other kinds."""
_SPECIAL: Mapping[Resource[Any], Mapping[str, Indexer[Any]]] = {
    PODS: {BY_CONTROLLER: _controller, BY_NODE: _node, BY_LABEL: _labels, BY_CLAIM: _claims},
    REPLICA_SETS: {BY_CONTROLLER: _controller},
    REPLICATION_CONTROLLERS: {BY_CONTROLLER: _controller},
    JOBS: {BY_CONTROLLER: _controller},
    CONTROLLER_REVISIONS: {BY_CONTROLLER: _controller},
    SERVICES: {BY_SELECTOR: _selector},
    ENDPOINT_SLICES: {BY_SERVICE: _service},
}
