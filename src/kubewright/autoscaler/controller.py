"""Runs ScalePolicies: reads caches and measurements, asks `decide`, carries out the Plan, every fifteen seconds.

All policies have their turn at the same moments, so that one round of questions serves them all.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from kubewright.api.autoscaling import AUTOSCALERS, HorizontalPodAutoscaler
from kubewright.api.conditions import find_condition
from kubewright.api.crds.scalepolicy import ADOPT, PREDICTIVE, SCALE_POLICIES, SCALE_POLICY_CRD, ScalePolicy, problems
from kubewright.api.meta import ObjectKey
from kubewright.api.plan import Action, Announce, Apply, Delete, Plan, Rescale
from kubewright.autoscaler.decide import decide, view_of
from kubewright.autoscaler.figures import PolicyFigures, ScalingMetrics
from kubewright.autoscaler.forecasts import Forecasts
from kubewright.autoscaler.measuring import SYNC_SECONDS, Measuring
from kubewright.autoscaler.readings import Needs, needs_of
from kubewright.autoscaler.rounds import Rounds
from kubewright.autoscaler.seen import Memory, Seen, Turn
from kubewright.autoscaler.status import status_of
from kubewright.autoscaler.targets import Found, Targets
from kubewright.autoscaler.telling import carried_out
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator, Watch
from kubewright.runtime.plans import Executor
from kubewright.runtime.predicates import generation_changed
from kubewright.scaling.limits import TOO_MANY
from kubewright.scaling.turn import LIMITED, not_rescaled, rescaled
from kubewright.series.protocol import MetricSource

FIELD_MANAGER = "kubewright-autoscaler"
ADOPTED = "kubewright.dev/adopted-autoscaler"
"""The annotation in which a policy keeps what the autoscaler said whose place it has taken."""
BY_TARGET = "target"


@dataclass(slots=True)
class ScalePolicyReconciler:
    """One policy's turn."""

    clock: Clock
    executor: Executor
    policies: Informer[ScalePolicy]
    autoscalers: Informer[HorizontalPodAutoscaler]
    targets: Targets
    measuring: Measuring
    forecasts: Forecasts
    metrics: ScalingMetrics
    rounds: Rounds = field(default_factory=Rounds)
    turns: dict[ObjectKey, Turn] = field(default_factory=dict[ObjectKey, Turn])
    _checked: dict[ObjectKey, tuple[tuple[str, int], tuple[str, ...]]] = field(
        default_factory=dict[ObjectKey, tuple[tuple[str, int], tuple[str, ...]]]
    )
    """What is wrong with policies, by uid and generation."""

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Scale one policy's target, and come back at the next moment at which all are looked at."""
        policy = self.policies.index.get(key)
        if policy is None:
            self.turns.pop(key, None)
            self._checked.pop(key, None)
            self.forecasts.forget(key)
            self.rounds.forget(key)
            self.targets.forget(key)
            return Done()
        readings = await self.measuring.readings(needs_of(key.namespace, policy.spec))
        found = await self.targets.find(policy)
        wrong = self._wrong(policy)
        outlooks, why = self.forecasts.outlooks(policy, found.pods, readings) if not wrong else ({}, "")
        seen = Seen(
            policy,
            found.scale,
            found.pods,
            readings,
            gone=found.gone,
            outlooks=outlooks,
            forecasting=why,
            wrong=wrong,
            rival=self._rival(policy),
            older=self._older(policy),
        )
        before, now = self.turns.get(key), self.clock.now()
        again = self.rounds.again(seen, before, now)
        if again is not None:
            self.turns[key] = again
        else:
            turn = decide(self.rounds.proposed(seen), before.memory if before is not None else Memory(), now)
            self.turns[key] = await self._carry_out(seen, found, turn)
        return RequeueAfter(SYNC_SECONDS - self.clock.now() % SYNC_SECONDS)

    async def _carry_out(self, seen: Seen, found: Found, turn: Turn) -> Turn:
        policy, decision = seen.policy, turn.decision
        if seen.rival is not None and policy.spec.existing == ADOPT and not isinstance(seen.scale, str):
            await self._adopt(policy, seen.rival)
        if decision.rescale and found.resource is not None:
            view = view_of(policy, turn.bounds, decision.current, self.clock.now())
            key = ObjectKey(policy.metadata.namespace, policy.spec.target.name)
            rescale = Rescale(found.resource, key, decision.current, decision.desired)
            try:
                await self.executor.execute(Plan((rescale,), decision.why), about=policy)
            except OpError as error:
                decision = not_rescaled(view, decision, error.detail, self.clock.now())
            else:
                direction = "up" if decision.desired > decision.current else "down"
                self.metrics.scalings.labels(direction).inc()
                decision = rescaled(view, decision, self.clock.now())
            turn = carried_out(turn, decision)
        saying = tuple(_saying(policy, turn))
        await self.executor.execute(Plan(saying, decision.why), about=policy)
        self.rounds.settle(seen, turn, quiet=not saying and not decision.rescale)
        return turn

    async def _adopt(self, policy: ScalePolicy, rival: HorizontalPodAutoscaler) -> None:
        """Write down what an autoscaler said, then delete it."""
        said = msgspec.json.encode(msgspec.to_builtins(rival.spec)).decode()
        metadata = {
            "namespace": policy.metadata.namespace,
            "name": policy.metadata.name,
            "annotations": {ADOPTED: f"{rival.metadata.name} {said}"},
        }
        head = {"apiVersion": SCALE_POLICIES.api_version, "kind": SCALE_POLICIES.kind}
        told = f"took the place of the HorizontalPodAutoscaler {rival.metadata.name}"
        actions: tuple[Action, ...] = (
            Apply(SCALE_POLICIES, {**head, "metadata": metadata}),
            Delete(AUTOSCALERS, rival.key, rival.metadata.uid),
            Announce("Normal", "Adopted", told),
        )
        await self.executor.execute(Plan(actions, told), about=policy)

    def _wrong(self, policy: ScalePolicy) -> tuple[str, ...]:
        said = (policy.metadata.uid, policy.metadata.generation)
        known = self._checked.get(policy.key)
        if known is None or known[0] != said:
            known = self._checked[policy.key] = (said, problems(policy))
        return known[1]

    def _rival(self, policy: ScalePolicy) -> HorizontalPodAutoscaler | None:
        rivals = self.autoscalers.index.by(BY_TARGET, _target(policy))
        return min(rivals, key=lambda each: each.key, default=None)

    def _older(self, policy: ScalePolicy) -> str:
        policies = self.policies.index.by(BY_TARGET, _target(policy))
        first = min(policies, key=lambda each: each.metadata.seniority, default=policy)
        return "" if first.key == policy.key else first.metadata.name

    def needs(self) -> Needs:
        """Return what all policies go by."""
        return Needs.of_all(needs_of(each.metadata.namespace, each.spec) for each in self.policies.index.values())

    def figures(self) -> dict[ObjectKey, PolicyFigures]:
        """Return how policies stand, for their metrics."""
        return {
            key: PolicyFigures(
                turn.decision.current,
                turn.decision.desired,
                turn.bounds.least,
                turn.bounds.most,
                len(turn.problems),
                turn.mode == PREDICTIVE,
                _wants_more(turn),
                turn.surprised,
                turn.forecast,
            )
            for key, turn in self.turns.items()
        }


def _wants_more(turn: Turn) -> bool:
    limited = find_condition(turn.decision.conditions, LIMITED)
    return limited is not None and limited.is_true and limited.reason == TOO_MANY


def _saying(policy: ScalePolicy, turn: Turn) -> Iterator[Action]:
    for each in turn.decision.news:
        yield Announce(each.type, each.reason, each.message)
    status = status_of(policy, turn)
    if status is not None:
        yield status


def _target(policy: ScalePolicy) -> Hashable:
    target = policy.spec.target
    return policy.metadata.namespace, target.api_version.rpartition("/")[0], target.kind, target.name


def _target_of_policy(policy: ScalePolicy) -> Iterable[Hashable]:
    return (_target(policy),)


def _target_of_autoscaler(autoscaler: HorizontalPodAutoscaler) -> Iterable[Hashable]:
    target = autoscaler.spec.scale_target_ref
    return ((autoscaler.metadata.namespace, target.api_version.rpartition("/")[0], target.kind, target.name),)


def build(operator: Operator, source: MetricSource | None = None, metrics: ScalingMetrics | None = None) -> None:
    """Declare the controller of ScalePolicies."""
    operator.define(SCALE_POLICY_CRD)
    metrics = metrics or ScalingMetrics()
    policies = operator.own(SCALE_POLICIES, indexers={BY_TARGET: _target_of_policy})
    autoscalers = operator.informer(AUTOSCALERS, indexers={BY_TARGET: _target_of_autoscaler})
    targets = Targets.of(operator)
    measuring = Measuring(operator.client, operator.clock, source, Needs, metrics.queries.inc)
    forecasts = Forecasts(operator.clock, source)
    reconciler = ScalePolicyReconciler(
        operator.clock,
        operator.executor(SCALE_POLICIES),
        policies,
        autoscalers,
        targets,
        measuring,
        forecasts,
        metrics,
    )
    operator.task("histories", forecasts.run)
    measuring.all_needs = reconciler.needs
    metrics.watch(reconciler.figures)

    def rivals_of(autoscaler: HorizontalPodAutoscaler) -> Iterable[ObjectKey]:
        (target,) = _target_of_autoscaler(autoscaler)
        return [policy.key for policy in policies.index.by(BY_TARGET, target)]

    operator.controller(
        policies,
        reconciler,
        name="scalepolicy",
        when=generation_changed,
        watches=(Watch(autoscalers, rivals_of, when=generation_changed),),
        reads=(targets.pods, *(cache for _, cache in targets.workloads.values())),
    )
