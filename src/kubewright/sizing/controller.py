"""Runs SizePolicies: reads caches and the book, asks `decide`, resizes pods in place; every minute, and at kills.

What the next release of an AppService gets is written into the status, where whoever makes the release finds it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.apps import DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.autoscaling import AUTOSCALERS, HorizontalPodAutoscaler
from kubewright.api.core import PODS, Pod
from kubewright.api.crds.appservice import APP_SERVICES, NAME_LABEL
from kubewright.api.crds.scalepolicy import SCALE_POLICIES, SCALE_POLICY_CRD, ScalePolicy
from kubewright.api.crds.sizepolicy import APPLY, OFF, RESIZE, SIZE_POLICIES, SIZE_POLICY_CRD, SizePolicy
from kubewright.api.crds.violations import violations
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import ObjectKey, Resource, controller_of
from kubewright.api.plan import Announce, Plan, Resize
from kubewright.api.pods import OOM_KILLED
from kubewright.api.policy import POD_DISRUPTION_BUDGETS, PodDisruptionBudget
from kubewright.api.quotas import LIMIT_RANGES, RESOURCE_QUOTAS, LimitRange, ResourceQuota
from kubewright.api.workload import Workload, workload_of
from kubewright.clock import Clock
from kubewright.disruption.budget import Allowance
from kubewright.disruption.permits import Permits
from kubewright.disruption.requests import Granted, PodRef, Request, Urgency
from kubewright.disruption.watching import permits
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.operators import Operator, Watch
from kubewright.runtime.plans import Executor
from kubewright.runtime.predicates import generation_changed
from kubewright.series.protocol import MetricSource
from kubewright.series.resourceapi import ResourceSource
from kubewright.sizing.book import Book
from kubewright.sizing.decide import Seen, Turn, decide, held_by, room_in
from kubewright.sizing.figures import SizingMetrics
from kubewright.sizing.history import History
from kubewright.sizing.observing import ROUND_SECONDS, Observer
from kubewright.sizing.report import knowledge
from kubewright.sizing.status import NOT_IN_PLACE, Upcoming, ready, status_of
from kubewright.sizing.upcoming import changes, next_sizes

FIELD_MANAGER = "kubewright-sizing"
BY_WORKLOAD = "workload"
BY_NAMESPACE = "namespace"
_LATE_SECONDS = 5.0
"""After the observer's question, so that a turn goes by what it answered."""
_RESTARTS_AT_ONCE = 1
_RUNNERS: tuple[Resource[Any], ...] = (DEPLOYMENTS, STATEFUL_SETS)
_YOURSELF = "put the targets into the pod template"
_NOT_IN_PLACE_SECONDS = 600.0
"""After how long a cluster that does not resize pods is asked to again."""


@dataclass(frozen=True, slots=True)
class Caches:
    """What turns read."""

    policies: Informer[SizePolicy]
    pods: Informer[Pod]
    scale_policies: Informer[ScalePolicy]
    autoscalers: Informer[HorizontalPodAutoscaler]
    quotas: Informer[ResourceQuota]
    limits: Informer[LimitRange]
    budgets: Informer[PodDisruptionBudget]
    runners: tuple[Informer[LiveObject], ...]
    """What runs AppServices' pods."""

    @property
    def read(self) -> tuple[Informer[Any], ...]:
        """Return those whose news can wait for the next turn."""
        return (self.scale_policies, self.autoscalers, self.quotas, self.limits, self.budgets, *self.runners)

    def runner(self, workload: Workload) -> LiveObject | None:
        """Return a workload whose template an AppService keeps."""
        key = ObjectKey(workload.namespace, workload.name)
        kept = (each.index.get(key) for each in self.runners if each.resource.kind == workload.kind)
        found = next((each for each in kept if each is not None), None)
        owner = controller_of(found) if found is not None else None
        return found if owner is not None and owner.kind == APP_SERVICES.kind else None


@dataclass(slots=True)
class SizePolicyReconciler:
    """One policy's turn."""

    clock: Clock
    executor: Executor
    caches: Caches
    book: Book
    observer: Observer
    metrics: SizingMetrics
    permits: Permits
    _resized_at: dict[str, float] = field(default_factory=dict[str, float])
    """By pod's uid, while the pod is there."""
    _began_at: float | None = None
    """When the first policy had its turn."""
    _refused_at: float = -math.inf
    """When the cluster last said that it does not resize pods."""

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Size one policy's target, and come back in a minute."""
        policy = self.caches.policies.index.get(key)
        if policy is None:
            self.metrics.forget(key)
            return Done()
        if not self.observer.has_begun:
            return Done()  # its turn comes when that has
        turn, problem, upcoming = Turn((), {}), self._wrong(policy), None
        if problem is None and policy.spec.mode != OFF:
            seen = self._seen(policy)
            upcoming = self._upcoming(policy, seen)
            turn = decide(seen, self._may_restart, self.clock.now())
            self.metrics.tell(key, turn)
            problem = await self._carried_out(policy, turn, comes_later=upcoming is not None)
            if problem is None and self.observer.problem and not any(each.target for each in turn.advice):
                problem = "MetricsFailed", self.observer.problem
        later = f"{NOT_IN_PLACE}: sizes come with the next release" if self._is_refused and upcoming else ""
        condition = ready(policy, turn, problem, later if policy.spec.by == RESIZE else "")
        status = status_of(policy, turn, condition, upcoming, self.clock.now())
        if status is not None:
            await self.executor.execute(Plan((status,), "what the target needs"), about=policy)
        now = self.clock.now()
        return RequeueAfter(ROUND_SECONDS - (now - _LATE_SECONDS) % ROUND_SECONDS)

    async def _carried_out(self, policy: SizePolicy, turn: Turn, *, comes_later: bool) -> tuple[str, str] | None:
        """Resize where that is wanted and can be; returns what keeps sizes from coming to pods at all."""
        if policy.spec.mode != APPLY:
            return None
        if policy.spec.by != RESIZE:
            return (
                None if comes_later else ("NotAnApplication", f"only an AppService's release takes sizes: {_YOURSELF}")
            )
        problem = await self._carry_out(policy, turn) if not self._is_refused else None
        if self._is_refused:
            return None if comes_later else ("NotInPlace", f"{NOT_IN_PLACE}: {_YOURSELF}")
        return problem

    @property
    def _is_refused(self) -> bool:
        return self.clock.now() - self._refused_at < _NOT_IN_PLACE_SECONDS

    def _upcoming(self, policy: SizePolicy, seen: Seen) -> Upcoming | None:
        """Return what the next release gets; None for what is no AppService's, or is not to be sized."""
        runner = self.caches.runner(_workload(policy)) if policy.spec.mode == APPLY else None
        if runner is None:
            return None
        told, template = policy.status, runner.spec.get("template", {})
        same = told.observed_generation == policy.metadata.generation
        sizes = next_sizes(seen, template, told.next if same else (), self.clock.now())
        return Upcoming(sizes, changes(sizes, template))

    async def _carry_out(self, policy: SizePolicy, turn: Turn) -> tuple[str, str] | None:
        """Resize; what one pod is refused does not hinder the others. Returns what went wrong."""
        problem: tuple[str, str] | None = None
        for resize in await self._permitted(turn):
            if self._is_refused:
                break
            more = resize.uid not in turn.shrinking
            self._resized_at[resize.uid] = self.clock.now()
            told = Announce("Normal", "Resized", f"{'up' if more else 'down'}: {resize}")
            try:
                await self.executor.execute(Plan((resize, told), "measured use"), about=policy)
            except OpError as error:
                self.metrics.refused.inc()
                problem = self._refused(resize, error) or problem
            else:
                self.metrics.resizes.labels("up" if more else "down").inc()
        return problem

    async def _permitted(self, turn: Turn) -> list[Resize]:
        """Return what may be resized now: who restarts for it needs a permit, and else waits for the next turn."""
        asked = [each for each in turn.resizes if each.uid in turn.restarting]
        requests = [
            Request(
                self.permits.requester,
                f"resize/{each.uid}",
                "a container restarts to be resized",
                urgency=Urgency.SAVING,
                pods=(PodRef(each.key, each.uid),),
                seconds=ROUND_SECONDS,
            )
            for each in asked
        ]
        decisions = zip(asked, await self.permits.take(*requests), strict=True)
        refused = {each.uid for each, decision in decisions if not isinstance(decision, Granted)}
        return [each for each in turn.resizes if each.uid not in refused]

    def _refused(self, resize: Resize, error: OpError) -> tuple[str, str] | None:
        if error.kind in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
            pod = self.caches.pods.index.get(resize.key)
            gone = pod is None or pod.metadata.uid != resize.uid or resize.key.name in error.detail
            if not gone and error.kind is ErrorKind.NOT_FOUND:
                self._refused_at = self.clock.now()
            return None
        return "ResizeRefused", f"pod {resize.key.name}: {error.detail}"

    def _wrong(self, policy: SizePolicy) -> tuple[str, str] | None:
        wrong = tuple(violations(policy.spec, "spec"))
        if wrong:
            return "InvalidSpec", "; ".join(wrong)
        rivals = self.caches.policies.index.by(BY_WORKLOAD, _workload(policy))
        first = min(rivals, key=lambda each: each.metadata.seniority, default=policy)
        if first.key != policy.key:
            return "TargetTaken", f"the SizePolicy {first.metadata.name} sizes the same target, and is older"
        return None

    def _seen(self, policy: SizePolicy) -> Seen:
        caches, namespace, now = self.caches, policy.metadata.namespace, self.clock.now()
        workload = _workload(policy)
        pods = list(caches.pods.index.by(BY_WORKLOAD, workload))
        known = knowledge(self.book, workload, pods, policy.spec.resources, now)
        return Seen(
            policy.spec,
            pods,
            known,
            lambda pod, name: self.book.holds(pod.key, name, self.clock.now()),
            held_by(
                list(caches.scale_policies.index.by(BY_WORKLOAD, workload)),
                list(caches.autoscalers.index.by(BY_WORKLOAD, workload)),
            ),
            list(caches.limits.index.by(BY_NAMESPACE, namespace)),
            room_in(list(caches.quotas.index.by(BY_NAMESPACE, namespace))),
            self._resized_at,
            self._known_from(now),
        )

    def _known_from(self, now: float) -> float:
        """Return from when on resizes are known: whoever led before may have made some until then."""
        if self._began_at is None:
            self._began_at = now
        return self._began_at

    def _may_restart(self, pod: Pod) -> bool:
        return Allowance(self.caches.budgets.index.values(), _RESTARTS_AT_ONCE).spend([pod])

    def on_pod(self, change: Change[Pod]) -> None:
        """Take note of kills, and of pods that go."""
        if change.new is not None:
            self.book.look(change.new)
        elif change.old is not None:
            self.book.gone(change.old)
            self._resized_at.pop(change.old.metadata.uid, None)


def _workload(policy: SizePolicy | ScalePolicy) -> Workload:
    return Workload(policy.metadata.namespace, policy.spec.target.kind, policy.spec.target.name)


def _of_policy(policy: SizePolicy | ScalePolicy) -> Iterable[Hashable]:
    return (_workload(policy),)


def _of_autoscaler(autoscaler: HorizontalPodAutoscaler) -> Iterable[Hashable]:
    target = autoscaler.spec.scale_target_ref
    return (Workload(autoscaler.metadata.namespace, target.kind, target.name),)


def _of_pod(pod: Pod) -> Iterable[Hashable]:
    found = workload_of(pod)
    return () if found is None else (found,)


def _namespace(obj: ResourceQuota | LimitRange) -> Iterable[Hashable]:
    return (obj.metadata.namespace,)


def _was_killed(change: Change[Pod]) -> bool:
    """Tell whether a container was killed for want of memory just now."""
    return change.new is not None and _kills(change.new) > (_kills(change.old) if change.old is not None else set())


def _kills(pod: Pod) -> set[tuple[str, str | None]]:
    ends = [(each.name, each.state.terminated or each.last_state.terminated) for each in pod.status.container_statuses]
    return {(name, end.finished_at) for name, end in ends if end is not None and end.reason == OOM_KILLED}


def build(operator: Operator, source: MetricSource | None = None, metrics: SizingMetrics | None = None) -> None:
    """Declare the controller of SizePolicies. Without a source it goes by `metrics.k8s.io`, which has no history."""
    operator.define(SIZE_POLICY_CRD, SCALE_POLICY_CRD)
    metrics = metrics or SizingMetrics()
    caches = Caches(
        operator.own(SIZE_POLICIES, indexers={BY_WORKLOAD: _of_policy}),
        operator.informer(PODS, indexers={BY_WORKLOAD: _of_pod}),
        operator.informer(SCALE_POLICIES, indexers={BY_WORKLOAD: _of_policy}),
        operator.informer(AUTOSCALERS, indexers={BY_WORKLOAD: _of_autoscaler}),
        operator.informer(RESOURCE_QUOTAS, indexers={BY_NAMESPACE: _namespace}),
        operator.informer(LIMIT_RANGES, indexers={BY_NAMESPACE: _namespace}),
        operator.informer(POD_DISRUPTION_BUDGETS),
        tuple(operator.informer(live_resource(each), label_selector=NAME_LABEL) for each in _RUNNERS),
    )
    pods, policies = caches.pods, caches.policies
    book = Book(pods.index.get)

    def workloads() -> set[Workload]:
        return {found for pod in pods.index.values() if (found := workload_of(pod)) is not None}

    def named() -> set[Workload]:
        return {_workload(each) for each in policies.index.values() if each.spec.mode != OFF}

    asked = source or ResourceSource(operator.client, operator.clock)
    history = History(operator.clock, asked, book, metrics.queries.inc)
    observer = Observer(operator.clock, asked, book, history, metrics.queries.inc)
    reconciler = SizePolicyReconciler(
        operator.clock, operator.executor(SIZE_POLICIES), caches, book, observer, metrics, permits(operator)
    )
    pods.add_handler(reconciler.on_pod)

    def policies_of(pod: Pod) -> Iterable[ObjectKey]:
        found = workload_of(pod)
        return [] if found is None else [each.key for each in policies.index.by(BY_WORKLOAD, found)]

    operator.task("sizing measurements", lambda: observer.run(lambda: pods.synced, workloads, named))
    controller = operator.controller(
        policies,
        reconciler,
        name="sizepolicy",
        when=generation_changed,
        watches=(Watch(pods, policies_of, when=_was_killed),),
        reads=caches.read,
    )

    def everybody() -> None:
        for key in tuple(policies.index.keys()):
            controller.queue.add(key)

    observer.on_begun = everybody
    operator.settles_once(lambda: observer.has_begun)
