"""One ScalePolicy's turn: how many pods, whether that is written or only said, and what is remembered. Pure.

The number comes of `scaling.turn`, which is the HorizontalPodAutoscaler's own; what is added here is what that does not
know: schedules, rollouts, nothing at all, what to do when nothing can be measured, and who else scales the target.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from kubewright.api.autoscaling import AutoscalerSpec, AutoscalerStatus, HorizontalPodAutoscaler, MetricSpec, Scale
from kubewright.api.conditions import Condition, find_condition, set_condition
from kubewright.api.crds.scalepolicy import LEAVE, PREDICTIVE, REACTIVE, RECOMMEND, SHADOW, ScalePolicy
from kubewright.autoscaler.bounds import Range, behavior_of, range_at
from kubewright.autoscaler.metrics import Asked, active, outcomes
from kubewright.autoscaler.readings import metrics_of
from kubewright.autoscaler.seen import Memory, Seen, Turn
from kubewright.autoscaler.telling import ACTIVE, told
from kubewright.scaling.limits import History
from kubewright.scaling.turn import Decision, Failed, Measured, without_scale
from kubewright.scaling.turn import Seen as TurnSeen
from kubewright.scaling.turn import decide as decide_turn
from kubewright.scaling.usage import Pool

AWAY_SECONDS = 120.0
"""After a longer pause, or a step back in time, what is remembered says nothing: as after a start."""
_TO_ZERO = "ScaledToZero"


def decide(seen: Seen, memory: Memory, now: float) -> Turn:
    """Return a policy's turn."""
    policy, spec = seen.policy, seen.policy.spec
    if not 0 <= now - memory.at <= AWAY_SECONDS:
        memory = Memory()
    if seen.wrong or seen.older or (seen.rival is not None and spec.existing == LEAVE):
        return _idle(seen, now)
    bounds = range_at(spec, seen.pods, now)
    mode = PREDICTIVE if seen.outlooks else REACTIVE
    if isinstance(seen.scale, str):
        decision = without_scale(view_of(policy, bounds, 0, now), seen.scale, memory.history, now)
        if seen.gone:  # what was said before is of a target that was deleted, or of another one
            decision = replace(decision, current=0, desired=0)
        return told(seen, Turn(decision, dataclasses.replace(memory, at=now), bounds, mode), now)
    only_says = spec.mode == RECOMMEND or (seen.rival is not None and spec.existing == SHADOW)
    asking = _Asking(seen, bounds)
    history = _watched(seen.policy, seen.scale, memory, now) if only_says else memory.history
    decision = _decided(seen, bounds, asking, history, now)
    failing = now if memory.failing_since is None else memory.failing_since
    blind = bool(asking.found) and asking.is_blind(decision)
    memory = Memory(decision.history, failing if blind else None, decision.current, now)
    decision = _fallen_back(seen, decision, memory, bounds, now)
    if only_says:
        decision = replace(decision, rescale=False)
    surprised = any(each.surprised for each in seen.outlooks.values())
    forecast = max((each.replicas for each in seen.outlooks.values()), default=0)
    return told(seen, Turn(decision, memory, bounds, mode, asking.problems, surprised, forecast), now)


def view_of(policy: ScalePolicy, bounds: Range, replicas: int, now: float) -> HorizontalPodAutoscaler:
    """Return a policy as the HorizontalPodAutoscaler's rules know one."""
    spec, status = policy.spec, policy.status
    wakes = any(metric.wakes for metric in spec.metrics)
    conditions = status.conditions
    if not replicas and not spec.min:
        # Who says that there may be no pods may also wake what has none, whoever saw to that.
        conditions = set_condition(conditions, Condition(_TO_ZERO, "True", "ScaledToZero", "there may be no pods"), now)
    return HorizontalPodAutoscaler(
        metadata=policy.metadata,
        spec=AutoscalerSpec(
            spec.target.reference,
            bounds.least,
            bounds.most,
            (MetricSpec("External"),) if wakes else (),
            behavior_of(spec.behavior),
        ),
        status=AutoscalerStatus(
            status.observed_generation,
            status.last_scale_time,
            status.current_replicas,
            status.desired_replicas,
            None,
            conditions,
        ),
    )


@dataclass(slots=True)
class _Asking:
    """Works out the metrics when the turn asks for it, and keeps what was found."""

    seen: Seen
    bounds: Range
    found: Sequence[Measured | Failed] = ()

    def __call__(self, pool: Pool) -> Sequence[Measured | Failed]:
        spec, readings = self.seen.policy.spec, self.seen.readings
        metrics = metrics_of(spec)
        there = self.seen.scale.status.replicas if isinstance(self.seen.scale, Scale) else 0
        found = outcomes(metrics, Asked(readings, there, self.seen.outlooks, self.seen.proposals), pool)
        if not self.bounds.least:
            working = active(metrics, readings)
            found = [_awake(each, pool.replicas, working=working) for each in found]
        self.found = found
        return found

    def is_blind(self, decision: Decision) -> bool:
        """Tell whether the metrics came to no number."""
        said = find_condition(decision.conditions, ACTIVE)
        return said is not None and not said.is_true and any(isinstance(each, Failed) for each in self.found)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with metrics."""
        return tuple(each.problem for each in self.found if isinstance(each, Failed))


def _awake(outcome: Measured | Failed, replicas: int, *, working: bool | None) -> Measured | Failed:
    """Let a target that may have no pods have none while there is no work, and one while there is or may be."""
    if isinstance(outcome, Failed):
        return outcome
    if working is False:
        return dataclasses.replace(outcome, replicas=0)
    return dataclasses.replace(outcome, replicas=max(outcome.replicas, 1 if working or replicas else 0))


def _decided(seen: Seen, bounds: Range, asking: _Asking, history: History, now: float) -> Decision:
    scale = seen.scale
    if not isinstance(scale, Scale):
        raise TypeError("a turn that decides sees a scale")
    view = view_of(seen.policy, bounds, scale.spec.replicas, now)
    problem = None if scale.status.selector else ("SelectorRequired", "selector is required")
    decision = decide_turn(view, TurnSeen(scale, seen.pods, asking, problem), history, now)
    if not scale.spec.replicas and not seen.policy.spec.min and decision.desired < bounds.least:
        return replace(decision, desired=bounds.least, rescale=True, why="a schedule wants more than none")
    if not decision.rescale:
        return replace(decision, desired=_held(decision, scale.spec.replicas))
    return decision


def _held(decision: Decision, current: int) -> int:
    """Return the number that stands; where none could be worked out, the present one: not that of some earlier day."""
    said = find_condition(decision.conditions, ACTIVE)
    return decision.desired if said is None or said.is_true else current


def _watched(policy: ScalePolicy, scale: Scale, memory: Memory, now: float) -> History:
    """Return the history of a policy that only says what it would do: what others did counts as if it had."""
    current = scale.spec.replicas
    if memory.current is None or memory.current == current:
        return memory.history
    return memory.history.scaled(behavior_of(policy.spec.behavior), memory.current, current, now)


def _fallen_back(seen: Seen, decision: Decision, memory: Memory, bounds: Range, now: float) -> Decision:
    fallback, since = seen.policy.spec.fallback, memory.failing_since
    if fallback is None or since is None or now - since < fallback.after_seconds:
        return decision
    replicas = min(max(fallback.replicas, bounds.least), bounds.most)
    if replicas <= decision.current:
        return decision
    why = f"metrics have failed for {fallback.after_seconds} s"
    return replace(decision, desired=replicas, rescale=True, why=why)


def _idle(seen: Seen, now: float) -> Turn:
    """Return the turn of a policy that does nothing, and says why."""
    policy, status = seen.policy, seen.policy.status
    current = seen.scale.spec.replicas if isinstance(seen.scale, Scale) else status.current_replicas
    decision = Decision(current, current, conditions=status.conditions)
    return told(seen, Turn(decision, Memory(at=now), Range(policy.spec.min, policy.spec.max)), now)
