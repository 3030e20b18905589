"""The whole system on one page: every controller, built and run here.

A service is anything with `run()` (until cancelled), `synced` and `settled`. To add a feature, add a line to
`services`. The same list runs against a real cluster and, through an in-process client, on the twin. What only one of
them needs is imported when it is made: without the twin that releases are rehearsed on, and without what nodes cost, a
scheduler is back sooner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry

from kubewright.api.meta import Manifest
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.placement.policy import COST, GPU, PACK, SPREAD, Policy
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.operators import Operator

if TYPE_CHECKING:
    from kubewright.audit.log import AuditLog, Ink
    from kubewright.costs.prices import PriceBook
    from kubewright.dashboard.serving import Serving
    from kubewright.nodepools.provider import NodeProvider
    from kubewright.runtime.serving import KeyFiles
    from kubewright.series.protocol import MetricSource
    from kubewright.signals.shown import Shown
    from kubewright.signals.suspects import Reach

SCHEDULING_EVENTS_AT_ONCE = 8


class Service(Protocol):
    """A part of the platform that runs by itself."""

    @property
    def synced(self) -> bool:
        """Whether it has seen the cluster's state and works."""
        ...

    @property
    def settled(self) -> bool:
        """Whether it has done all that it sees to do at present."""
        ...

    @property
    def definitions(self) -> Sequence[Manifest]:
        """The CustomResourceDefinitions that it creates where they are missing."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


UP = ("workloads", "autoscaler")
"""What `kubewright up` runs."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen of how the platform runs."""

    services: tuple[str, ...] = ("workloads",)
    scheduler_name: str = "kubewright-scheduler"
    """The `schedulerName` of the pods that the scheduler places."""
    profile: str = "spread"
    """What it prefers: one of `PROFILES`."""
    alerts_address: str = "127.0.0.1:9095"
    """Where Alertmanager posts, for the service `monitoring`."""
    alerts_token: str = ""
    """What it must show; without one no alerts are taken in."""
    alerts_tls: KeyFiles | None = None
    ink: Ink | None = None
    """What services write the audit log with: its key, and a file besides."""
    audit_archive: Path | None = None
    """Where the service `audit` adds all records before any goes."""
    audit_keep: int = 5000
    """How many of them it leaves in the cluster."""
    prices: PriceBook | None = None
    """What things cost, for the service `costs`; OpenCost's prices, and what nodes and pools say, by default."""
    dashboard: Serving | None = None
    """Where the service `dashboard` is reached."""


PROFILES: Mapping[str, Policy] = {"spread": SPREAD, "pack": PACK, "cost": COST, "gpu": GPU}


class Platform:
    """kubewright on one cluster."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        metrics: RuntimeMetrics | None = None,
        registry: CollectorRegistry | None = None,
        choices: Choices | None = None,
        source: MetricSource | None = None,
        nodes_from: NodeProvider | None = None,
        reach: Reach | None = None,
        shown: Shown | None = None,
    ) -> None:
        """Put it together; `registry` is where metrics are exposed that a service has besides the runtime's.

        Without a `source` of measurements decisions go by what the API alone tells. Nodes come by Cluster API, unless
        they come from somebody else. Nodes that fall silent are asked after by `reach`, if there is one, and Ingresses
        for their certificates by `shown`.
        """
        self._client = client
        self._clock = clock
        self._metrics = metrics
        self._registry = registry
        self._choices = choices or Choices()
        self._source = source
        self._nodes_from = nodes_from
        self._reach = reach
        self._shown = shown
        self._recorders: list[EventRecorder] = []
        builders: Mapping[str, Callable[[], Service]] = {
            "workloads": self._workloads,
            "scheduler": self._scheduler,
            "gpu": self._gpu,
            "guardrails": self._guardrails,
            "autoscaler": self._autoscaler,
            "sizing": self._sizing,
            "monitoring": self._monitoring,
            "nodes": self._nodes,
            "healing": self._healing,
            "tenancy": self._tenancy,
            "costs": self._costs,
            "dashboard": self._dashboard,
            "audit": self._audit,
        }
        self.services = {name: builders[name]() for name in self._choices.services}

    def _workloads(self) -> Service:
        from kubewright.rehearsal.rehearse import TwinRehearsal
        from kubewright.workloads.controller import app_services

        recorder = self._recorder("kubewright")
        rehearsal = TwinRehearsal(self._client, self._clock)
        return app_services(
            self._client, self._clock, recorder, metrics=self._metrics, source=self._source, rehearsal=rehearsal
        )

    def _scheduler(self) -> Service:
        from kubewright.scheduler.groups.metrics import GroupMetrics
        from kubewright.scheduler.metrics import SchedulerMetrics
        from kubewright.scheduler.service import Scheduler

        name = self._choices.scheduler_name
        operator = self._operator(name, writers=SCHEDULING_EVENTS_AT_ONCE)
        policy, metrics = PROFILES[self._choices.profile], SchedulerMetrics(self._registry)
        return Scheduler(operator, name=name, policy=policy, metrics=metrics, groups=GroupMetrics(self._registry))

    def _gpu(self) -> Service:
        from kubewright.gpu import controller as gpu_policies

        operator = self._operator(gpu_policies.FIELD_MANAGER)
        gpu_policies.build(operator)
        return operator

    def _guardrails(self) -> Service:
        from kubewright.guardrails import controller as platform_policies

        operator = self._operator(platform_policies.FIELD_MANAGER)
        platform_policies.build(operator)
        return operator

    def _autoscaler(self) -> Service:
        from kubewright.autoscaler import controller as scale_policies
        from kubewright.autoscaler.figures import ScalingMetrics

        operator = self._operator(scale_policies.FIELD_MANAGER)
        scale_policies.build(operator, self._source, ScalingMetrics(self._registry))
        return operator

    def _nodes(self) -> Service:
        from kubewright.nodepools import controller as node_pools
        from kubewright.nodepools.clusterapi import ClusterApiProvider
        from kubewright.nodepools.figures import PoolMetrics

        operator = self._operator(node_pools.FIELD_MANAGER)
        provider = self._nodes_from or ClusterApiProvider(self._client, self._clock)
        policy = PROFILES[self._choices.profile]
        node_pools.build(operator, provider, policy, PoolMetrics(self._registry))
        return operator

    def _costs(self) -> Service:
        from kubewright.costs.prices import PriceBook
        from kubewright.series.resourceapi import ResourceSource
        from kubewright.spending import service as costs
        from kubewright.spending.figures import CostMetrics

        operator = Operator(costs.NAME, self._client, self._clock, metrics=self._metrics)
        source = self._source or ResourceSource(self._client, self._clock)
        costs.build(operator, source, self._choices.prices or PriceBook(), CostMetrics(self._registry))
        return operator

    def _dashboard(self) -> Service:
        from kubewright.dashboard.service import Dashboard

        if self._choices.dashboard is None:
            raise ValueError("the dashboard is not told where it is reached")
        return Dashboard(self._client, self._clock, self._choices.dashboard, self._source)

    def _sizing(self) -> Service:
        from kubewright.sizing import controller as size_policies
        from kubewright.sizing.figures import SizingMetrics

        operator = self._operator(size_policies.FIELD_MANAGER)
        size_policies.build(operator, self._source, SizingMetrics(self._registry))
        return operator

    def _tenancy(self) -> Service:
        from kubewright.spending.teams import RecordedTeamSpend
        from kubewright.tenancy import controller as teams

        operator = self._operator(teams.FIELD_MANAGER)
        log = self._log(teams.FIELD_MANAGER)
        teams.build(operator, log, None if self._source is None else RecordedTeamSpend(self._source))
        return operator

    def _monitoring(self) -> Service:
        from kubewright.monitoring.telling import COMPONENT, ObjectTeller
        from kubewright.runtime.process import listener
        from kubewright.signals.receiver import Receiver
        from kubewright.signals.service import SignalsIn

        chosen, teller = self._choices, ObjectTeller(self._recorder(COMPONENT))
        # In one process with the healer, who takes the same signals in, they are counted once.
        registry = None if "healing" in chosen.services else self._registry
        signals = SignalsIn(self._client, self._clock, teller, metrics=self._metrics, registry=registry)
        if chosen.alerts_token:
            receiver = Receiver(chosen.alerts_token, signals.standing, signals.queue.add, self._registry)
            signals.serve(receiver, partial(listener, chosen.alerts_address), chosen.alerts_tls)
        return signals

    def _healing(self) -> Service:
        from kubewright.healing.catalogue import CAUSES
        from kubewright.healing.controller import Healer
        from kubewright.healing.finding import HEALER
        from kubewright.healing.metal3 import Metal3
        from kubewright.healing.rehearsing import PlanRehearsal
        from kubewright.rehearsal.remedies import RemedyRehearsal
        from kubewright.scheduler.state import ClusterState

        operator = self._operator(HEALER)
        policy = PROFILES[self._choices.profile]

        def rehearsal(operator: Operator) -> RemedyRehearsal:
            plans = PlanRehearsal(self._client, ClusterState(operator, lambda _: None), policy)
            return RemedyRehearsal(plans, self._clock)

        log, registry = self._log(HEALER), self._registry
        return Healer(
            operator,
            CAUSES,
            rehearsal,
            log,
            source=self._source,
            registry=registry,
            reach=self._reach,
            machines=Metal3(self._client),
            shown=self._shown,
        )

    def _audit(self) -> Service:
        from kubewright.audit import keeper

        chosen = self._choices
        operator = self._operator(keeper.NAME)
        log = self._log(keeper.NAME)
        keeper.build(operator, log, keep=chosen.audit_keep, archive=chosen.audit_archive, registry=self._registry)
        return operator

    def _operator(self, name: str, *, writers: int = 1) -> Operator:
        """Return an operator that tells of what it does by Events, so many at once."""
        recorder = self._recorder(name, writers=writers)
        return Operator(name, self._client, self._clock, recorder=recorder, metrics=self._metrics)

    def _log(self, writer: str) -> AuditLog:
        from kubewright.audit.log import Ink

        return (self._choices.ink or Ink()).log(self._client, self._clock, writer)

    def _recorder(self, component: str, *, writers: int = 1) -> EventRecorder:
        recorder = EventRecorder(self._client, self._clock, component, metrics=self._metrics, writers=writers)
        self._recorders.append(recorder)
        return recorder

    @property
    def ready(self) -> bool:
        """Whether every service has seen the cluster's state."""
        return all(service.synced for service in self.services.values())

    @property
    def settled(self) -> bool:
        """Whether every service has done all that it sees to do at present."""
        return all(service.settled for service in self.services.values())

    @property
    def definitions(self) -> list[Manifest]:
        """What the services define, each once."""
        named = {each["metadata"]["name"]: each for service in self.services.values() for each in service.definitions}
        return [named[name] for name in sorted(named)]

    async def run(self) -> None:
        """Run every service until cancelled; each installs the definitions that it needs where they are missing."""
        async with asyncio.TaskGroup() as tasks:
            for recorder in self._recorders:
                tasks.create_task(recorder.run())
            for name, service in self.services.items():
                tasks.create_task(service.run(), name=name)
