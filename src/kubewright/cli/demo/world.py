"""What the demo sees of its cluster: a live copy of each kind that it shows or breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubewright.api.conditions import READY, is_true
from kubewright.api.core import EVENTS, NODES, PODS, Event, Node, Pod
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.crds.incident import INCIDENTS, Incident
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.informer import Informer
from kubewright.workloads.children import NAME_LABEL
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS, CHILD_SERVICES

NAMESPACE = "shop"


@dataclass(frozen=True, slots=True)
class World:
    """The demo's cluster as it is now."""

    client: Client
    clock: Clock
    apps: Informer[AppService]
    deployments: Informer[LiveObject]
    services: Informer[LiveObject]
    pods: Informer[Pod]
    nodes: Informer[Node]
    events: Informer[Event]
    incidents: Informer[Incident]

    @classmethod
    def of(cls, client: Client, clock: Clock) -> World:
        """Watch the shop's namespace, the nodes, and incidents wherever they are."""
        return cls(
            client,
            clock,
            Informer(client, APP_SERVICES, namespace=NAMESPACE),
            Informer(client, CHILD_DEPLOYMENTS, namespace=NAMESPACE),
            Informer(client, CHILD_SERVICES, namespace=NAMESPACE),
            Informer(client, PODS, namespace=NAMESPACE),
            Informer(client, NODES),
            Informer(client, EVENTS, namespace=NAMESPACE),
            Informer(client, INCIDENTS),
        )

    def informers(self) -> tuple[Informer[Any], ...]:
        """Return every informer."""
        return (self.apps, self.deployments, self.services, self.pods, self.nodes, self.events, self.incidents)

    def app(self, name: str) -> AppService | None:
        """Return an application."""
        return self.apps.index.get(ObjectKey(NAMESPACE, name))

    def deployment(self, name: str) -> LiveObject | None:
        """Return an application's Deployment."""
        return self.deployments.index.get(ObjectKey(NAMESPACE, name))

    def service(self, name: str) -> LiveObject | None:
        """Return an application's Service."""
        return self.services.index.get(ObjectKey(NAMESPACE, name))

    def pods_of(self, name: str) -> list[Pod]:
        """Return an application's pods."""
        return [pod for pod in self.pods.index.values() if pod.metadata.labels.get(NAME_LABEL) == name]

    def pods_on(self, node: str) -> list[Pod]:
        """Return the pods on a node."""
        return [pod for pod in self.pods.index.values() if pod.spec.node_name == node]

    def is_ready(self, name: str) -> bool:
        """Whether an application says that it is ready."""
        app = self.app(name)
        return app is not None and is_ready(app)

    def all_ready(self) -> bool:
        """Whether every application says that it is ready."""
        return len(self.apps.index) > 0 and all(is_ready(app) for app in self.apps.index.values())

    def incident(self, causes: tuple[str, ...], since: float) -> Incident | None:
        """Return the newest incident of one of these causes, if it is newer than that second."""
        mine = (each for each in self.incidents.index.values() if each.spec.cause in causes)
        newer = [each for each in mine if each.metadata.created_at >= int(since)]
        return max(newer, key=lambda each: each.metadata.seniority, default=None)

    def announcements(self, name: str) -> list[str]:
        """Return what was done about an application, or about all if `name` is empty, oldest first."""
        mine = (event for event in self.events.index.values() if _is_about(event, name))
        told = sorted(mine, key=lambda event: int(event.metadata.resource_version))
        return [f"{event.involved_object.kind}: {event.reason} {event.message}" for event in told]


def _is_about(event: Event, name: str) -> bool:
    """Choose the events of those who act: AppServices and the ReplicaSets that they led to."""
    subject = event.involved_object
    return subject.kind in {APP_SERVICES.kind, "ReplicaSet"} and (
        not name or subject.name == name or subject.name.startswith(f"{name}-")
    )


def is_ready(app: AppService) -> bool:
    """Whether an application is ready in its present generation."""
    return is_true(app.status.conditions, READY) and app.status.observed_generation == app.metadata.generation


async def until(condition: Callable[[], bool], *, poll_seconds: float = 0.05) -> None:
    """Wait for a condition on what is seen."""
    while not condition():  # noqa: ASYNC110  any of many informers may make it true
        await asyncio.sleep(poll_seconds)
