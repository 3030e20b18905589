"""Keeps every AppService as its owner wants it: reads the caches, asks `decide`, carries out the Plan.

One queue is fed with keys by the AppServices themselves, by every kind of child that they own, so that a child edited
or deleted by hand is put right at once, and by what tells of trouble: their pods, and events that say what pods do not.
Coming back after 30 seconds is only the safety net.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from kubewright.api.apiextensions import CRDS, CustomResourceDefinition
from kubewright.api.crds.appservice import APP_SERVICE_CRD, APP_SERVICES, AppService
from kubewright.api.crds.scalepolicy import SCALE_POLICY_CRD
from kubewright.api.crds.sizepolicy import SIZE_POLICY_CRD
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey, Resource
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.children import BY_OWNER, Children
from kubewright.runtime.controller import Controller, Done, RequeueAfter, watch_owned
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.informer import Informer
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.operators import Operator
from kubewright.runtime.plans import Executor, is_of_status
from kubewright.series.protocol import MetricSource
from kubewright.workloads.children import MANAGED_BY, MANAGED_BY_LABEL
from kubewright.workloads.decide import decide, desired, refused
from kubewright.workloads.kinds import BUILT_IN, OPTIONAL
from kubewright.workloads.listening import Listener
from kubewright.workloads.offering import Offers
from kubewright.workloads.oldfiles import needed_files
from kubewright.workloads.optional import OptionalKind
from kubewright.workloads.rollout.look import Rollouts
from kubewright.workloads.rollout.rehearsal import Rehearsal, Rehearsals
from kubewright.workloads.rollout.steps import is_underway
from kubewright.workloads.seen import Seen

NAME = "appservice"
FIELD_MANAGER = "kubewright-workloads"
RESYNC_SECONDS = 30.0
SOON_SECONDS = 0.2
OURS = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
_REFUSED = frozenset({ErrorKind.INVALID, ErrorKind.FORBIDDEN})


@dataclass(slots=True)
class AppServiceReconciler:
    """One AppService's turn: observe, decide, execute, come back after 30 seconds."""

    client: Client
    clock: Clock
    executor: Executor
    apps: Informer[AppService]
    children: Children
    optional: tuple[OptionalKind, ...]
    definition: Informer[CustomResourceDefinition]
    listener: Listener
    rollouts: Rollouts
    _fitting: dict[ObjectKey, Hashable] = field(default_factory=dict[ObjectKey, Hashable])
    """What was seen when nothing was to be done: seen again, there is nothing to be done."""

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one AppService to what its owner wants."""
        app = self.apps.index.get(key)
        if app is None:
            self._fitting.pop(key, None)
            self.rollouts.rehearsals.forget(key)
            return Done()
        if not all(kind.synced for kind in self.optional):
            return RequeueAfter(SOON_SECONDS)
        present = self._sight(app)
        if self._fitting.get(key) == present and not is_underway(app.status.rollout):
            return RequeueAfter(RESYNC_SECONDS)
        self._fitting.pop(key, None)
        fits, again_seconds = await self._converge(app)
        if fits:
            self._fitting[key] = present
        return RequeueAfter(min(RESYNC_SECONDS, again_seconds or RESYNC_SECONDS))

    async def _converge(self, app: AppService) -> tuple[bool, float | None]:
        """Do what is to be done; return whether there was nothing, nor will be while the caches show the same.

        Also when to look again, if that is sooner than usual.
        """
        children = self._children()
        turn = await self.rollouts.turn(app, desired(app, children.kinds), self._child)
        observed = await children.observe(app, turn.manifests)
        seen = Seen(
            observed,
            children.kinds,
            self.listener.of_pods(app),
            self.listener.of_creation(app),
            turn,
            needed_files=await needed_files(self.client, app, turn.manifests, observed),
            status_served=self._status_served(),
        )
        plan = decide(app, turn.manifests, seen, self.clock.now())
        try:
            await self.executor.execute(plan, about=app)
        except OpError as error:
            if error.kind in _REFUSED and not is_of_status(error, APP_SERVICES, app):
                await self._tell_refused(app, seen, error)
            raise
        return not plan.actions and not seen.children.beyond_caches, turn.again_seconds

    async def _tell_refused(self, app: AppService, seen: Seen, error: OpError) -> None:
        """Write down that it was refused: onto the status that the plan had written before, where it had."""
        present = self.apps.index.get(app.key)
        known = present if present is not None and present.metadata.generation == app.metadata.generation else app
        await self.executor.execute(refused(known, seen, _why(error), self.clock.now()), about=known)

    def _child(self, kind: Resource[LiveObject], key: ObjectKey) -> LiveObject | None:
        return next((each.index.get(key) for each in self.children.informers if each.resource == kind), None)

    def _children(self) -> Children:
        served = [kind.informer for kind in self.optional if kind.informer is not None and kind.served]
        return Children(self.client, (*self.children.informers, *served), self.children.taken)

    def _sight(self, app: AppService) -> Hashable:
        """Return what a decision about the application rests on, by the versions of what it reads."""
        children = self._children()
        versions = tuple(
            live.metadata.resource_version
            for informer in children.informers
            for live in informer.index.by(BY_OWNER, app.metadata.uid)
        )
        kinds = tuple(kind.kind for kind in children.kinds)
        trouble = (self.listener.of_pods(app), self.listener.of_creation(app))
        offer = self.rollouts.offer(app)
        return app.metadata.resource_version, versions, kinds, trouble, offer, self._status_served()

    def _status_served(self) -> bool:
        """Whether AppServices have a status subresource: a definition that somebody made by hand may lack it."""
        versions = (version for crd in self.definition.index.values() for version in crd.spec.versions)
        return any(v.name == APP_SERVICES.version and v.subresources.status is not None for v in versions)


def app_services(
    client: Client,
    clock: Clock,
    recorder: EventRecorder,
    *,
    metrics: RuntimeMetrics | None = None,
    source: MetricSource | None = None,
    rehearsal: Rehearsal | None = None,
) -> Operator:
    """Put the controller together, as `app.py` runs it; rollouts go by what `source` measures, if there is one.

    Releases that are to be rehearsed are held without a `rehearsal`.
    """
    operator = Operator(FIELD_MANAGER, client, clock, recorder=recorder, metrics=metrics)
    build(operator, source, rehearsal)
    return operator


def build(operator: Operator, source: MetricSource | None = None, rehearsal: Rehearsal | None = None) -> None:
    """Declare the controller of AppServices."""
    operator.define(APP_SERVICE_CRD, SCALE_POLICY_CRD, SIZE_POLICY_CRD)
    rehearsals = Rehearsals(rehearsal, operator.clock)
    operator.task("rehearsals", rehearsals.run)
    apps = operator.own(APP_SERVICES)
    children = operator.children(BUILT_IN, label_selector=OURS)
    definition = _definition(operator, APP_SERVICES)
    listener, offers = Listener.of(operator), Offers.of(operator)
    optional = tuple(_optional(operator, resource) for resource in OPTIONAL)
    executor = operator.executor(APP_SERVICES)
    reconciler = AppServiceReconciler(
        operator.client,
        operator.clock,
        executor,
        apps,
        children,
        optional,
        definition,
        listener,
        Rollouts(operator.client, operator.clock, source, rehearsals, offers.of_app),
    )
    controller = operator.controller(
        apps,
        reconciler,
        name=NAME,
        owns=children.informers,
        watches=(*listener.watches(), offers.watch()),
        reads=[definition, *(kind.definition for kind in optional)],
    )
    rehearsals.on_done = controller.queue.add
    for kind in optional:
        _feed(kind, controller, apps)


def _definition(
    operator: Operator, resource: Resource[AppService] | Resource[LiveObject]
) -> Informer[CustomResourceDefinition]:
    return operator.informer(CRDS, field_selector=f"metadata.name={resource.plural}.{resource.group}")


def _optional(operator: Operator, resource: Resource[LiveObject]) -> OptionalKind:
    kind = OptionalKind(operator.client, resource, _definition(operator, resource), OURS)
    operator.task(f"optional {resource.plural}", kind.run)
    return kind


def _feed(kind: OptionalKind, controller: Controller[ObjectKey], apps: Informer[AppService]) -> None:
    """Queue the owners of such objects, and every AppService when the kind comes or goes."""

    def everybody() -> None:
        for key in tuple(apps.index.keys()):
            controller.queue.add(key)

    kind.on_informer = lambda informer: watch_owned(informer, controller.queue, APP_SERVICES)
    kind.on_change = everybody


def _why(error: OpError) -> str:
    return f"{error.target}: {error.detail}"
