"""What the dashboard sees of its cluster: one cache of each kind, for all who look, and the topics made of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TypeVar

from kubewright.api.apps import REPLICA_SETS
from kubewright.api.core import NAMESPACES, Pod
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.crds.auditrecord import AUDIT_RECORDS
from kubewright.api.crds.incident import INCIDENTS
from kubewright.api.crds.queue import QUEUES
from kubewright.api.crds.scalepolicy import SCALE_POLICIES, ScalePolicy
from kubewright.api.crds.team import TEAMS
from kubewright.api.meta import KubeObject, Resource
from kubewright.api.nodes import NODES
from kubewright.api.pods import PODS
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.dashboard.tables import Row, Table, Topic
from kubewright.dashboard.views import applications, audit, changes, fleet, incidents, queue, scaling, teams
from kubewright.dashboard.views.tally import Tally
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.operators import Operator
from kubewright.runtime.optional import OptionalInformer
from kubewright.scheduler.state import FOLLOWED, ClusterState

NAME = "kubewright-dashboard"
CHANGES_SECONDS = 2.0
"""Releases and scalings are what an incident is seen among: not looked at more often than that."""
T = TypeVar("T", bound=KubeObject)

OPTIONAL: tuple[Resource[Any], ...] = (
    APP_SERVICES,
    QUEUES,
    INCIDENTS,
    SCALE_POLICIES,
    TEAMS,
    AUDIT_RECORDS,
)
"""Kinds of kubewright's own, which may not be installed."""
READ: tuple[Resource[Any], ...] = (*FOLLOWED, *OPTIONAL)
"""All that its account must be allowed to list and to watch."""


class World:
    """The caches, and a Table for each topic."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._operator = Operator(NAME, client, clock)
        self._state = ClusterState(self._operator, lambda _: None)
        self._optional = {each: OptionalInformer(client, each) for each in OPTIONAL}
        self.pods, self.nodes = self._state.pods, self._state.nodes
        self.namespaces = self._operator.informer(NAMESPACES)
        self.sets = self._operator.informer(REPLICA_SETS)
        self.tally, self._scalings, self.steps = Tally(), changes.Scalings(), changes.Steps()
        self.pods.add_handler(self._on_pod)
        self.found(APP_SERVICES).add_handler(self._on_app)
        self.found(SCALE_POLICIES).add_handler(self._on_policy)
        self.tables: dict[str, Table] = {}
        for topic, informers in self._topics():
            table = self.tables[topic.name] = Table(topic)
            for informer in informers:
                informer.add_handler(table.touch)

    @property
    def synced(self) -> bool:
        """Whether the cluster's nodes and pods are known."""
        return self._operator.synced

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is not followed at present, and why."""
        followed = (*self._state.informers, *(each.informer for each in self._optional.values()))
        return tuple(dict.fromkeys(each.problem for each in followed if each.problem))

    def is_absent(self, resource: Resource[Any]) -> bool:
        """Whether a kind is not served here: nobody has installed it."""
        return resource in self._optional and self._optional[resource].is_absent

    def found(self, resource: Resource[T]) -> Informer[T]:
        """Return the cache of a kind that may not be installed."""
        return self._optional[resource].informer

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._operator.run(), name=NAME)
            for each in self._optional.values():
                tasks.create_task(each.run(), name=f"{NAME} {each.informer.resource.plural}")
            for table in self.tables.values():
                tasks.create_task(table.run(), name=f"{NAME} {table.topic.name}")

    def _topics(self) -> Iterable[tuple[Topic, tuple[Informer[Any], ...]]]:
        """Yield each topic with the caches that it is made of."""
        apps, queues, found = self.found(APP_SERVICES), self.found(QUEUES), self.found(INCIDENTS)
        scales, groups, records = self.found(SCALE_POLICIES), self.found(TEAMS), self.found(AUDIT_RECORDS)
        sets = self.sets.index
        yield Topic("fleet", NODES, self._fleet), (self.nodes, self.pods)
        yield (
            Topic("apps", APP_SERVICES, lambda: applications.rows(apps.index.values(), self.tally)),
            (apps, self.pods),
        )
        yield Topic("pending", PODS, lambda: queue.pending(self.tally.waiting.values())), (self.pods,)
        yield Topic("queues", QUEUES, lambda: queue.queues(queues.index.values())), (queues,)
        yield Topic("incidents", INCIDENTS, lambda: incidents.rows(found.index.values())), (found,)
        yield Topic("scaling", SCALE_POLICIES, lambda: scaling.rows(scales.index.values())), (scales,)
        yield (
            Topic("releases", REPLICA_SETS, lambda: changes.releases(sets.values()), CHANGES_SECONDS),
            (self.sets,),
        )
        yield Topic("scalings", SCALE_POLICIES, self._scalings.rows, CHANGES_SECONDS), (scales,)
        yield Topic("teams", TEAMS, lambda: teams.rows(groups.index.values())), (groups,)
        yield Topic("audit", AUDIT_RECORDS, lambda: audit.rows(records.index.values())), (records,)

    def _fleet(self) -> Iterable[Row]:
        nodes = {each.metadata.name: each for each in self.nodes.index.values()}
        return fleet.rows(self._state.snapshot, self.tally, nodes)

    def _on_policy(self, change: Change[ScalePolicy]) -> None:
        self._scalings.note(change.old, change.new)

    def _on_app(self, change: Change[AppService]) -> None:
        self.steps.note(change.old, change.new)

    def _on_pod(self, change: Change[Pod]) -> None:
        self.tally.change(change.old, change.new)
