"""What a policy says of its turn: conditions, and Events when something begins. Pure.

The words are those of `scaling.turn`, said in another name; Ready, Stalled and Forecasting are a policy's own.
"""

from __future__ import annotations

import dataclasses

from msgspec.structs import replace

from kubewright.api.conditions import READY, STALLED, Condition, find_condition, remove_condition, set_condition
from kubewright.api.crds.scalepolicy import ADOPT, LEAVE, PREDICTIVE, REACTIVE, RECOMMEND
from kubewright.autoscaler.seen import Seen, Turn
from kubewright.scaling.turn import Decision, News

ACTIVE = "ScalingActive"
_FORECASTING = "Forecasting"
_MANY = 3
_THEIRS = "the HPA"


def told(seen: Seen, turn: Turn, now: float) -> Turn:
    """Return the turn with all that it says of itself."""
    policy, decision = seen.policy, turn.decision
    ready = _ready(seen, turn)
    conditions = tuple(_ours(each) for each in decision.conditions)
    conditions = set_condition(conditions, ready, now)
    if seen.wrong:
        conditions = set_condition(conditions, Condition(STALLED, "True", ready.reason, ready.message), now)
    else:
        conditions = remove_condition(conditions, STALLED)
    forecasting = _forecasting(seen, turn)
    if forecasting is None:
        conditions = remove_condition(conditions, _FORECASTING)
    else:
        conditions = set_condition(conditions, forecasting, now)
    before, after = find_condition(policy.status.conditions, ACTIVE), find_condition(conditions, ACTIVE)
    # What fails every fifteen seconds is told when it begins.
    same = before is not None and after is not None and (before.reason, before.message) == (after.reason, after.message)
    news = () if same else tuple(News(each.type, each.reason, _said(each.message)) for each in decision.news[:_MANY])
    return dataclasses.replace(turn, decision=replace(decision, conditions=conditions, news=news))


def carried_out(turn: Turn, decision: Decision) -> Turn:
    """Return a turn whose decision was carried out, or could not be."""
    said = replace(decision, conditions=tuple(_ours(each) for each in decision.conditions))
    memory = dataclasses.replace(turn.memory, history=decision.history)
    return dataclasses.replace(turn, decision=said, memory=memory)


def _ready(seen: Seen, turn: Turn) -> Condition:
    status, (reason, message) = "False", _hindered(seen, turn) or ("", "")
    if not reason:
        status, (reason, message) = "True", _working(seen, turn)
    return Condition(READY, status, reason, message, observed_generation=seen.policy.metadata.generation)


def _hindered(seen: Seen, turn: Turn) -> tuple[str, str] | None:
    """Return why a policy does not do its work."""
    if seen.wrong:
        return "InvalidSpec", "; ".join(seen.wrong)
    if seen.older:
        return "TargetTaken", f"the ScalePolicy {seen.older} scales the same target, and is older"
    if isinstance(seen.scale, str):
        return "FailedGetScale", seen.scale
    if turn.problems:
        return "MetricsFailed", "; ".join(turn.problems[:_MANY])
    return None


def _working(seen: Seen, turn: Turn) -> tuple[str, str]:
    spec = seen.policy.spec
    if seen.rival is not None and spec.existing != ADOPT:
        name = seen.rival.metadata.name
        if spec.existing == LEAVE:
            return "LeftAlone", f"the HorizontalPodAutoscaler {name} scales the target"
        return "Shadowing", f"recommends beside the HorizontalPodAutoscaler {name}"
    if spec.mode == RECOMMEND:
        return "Recommending", "says how many pods there should be, and writes nothing"
    hours = f" by the schedule {', '.join(turn.bounds.schedules)}" if turn.bounds.schedules else ""
    return "Scaling", f"between {turn.bounds.least} and {turn.bounds.most} pods{hours}"


def _forecasting(seen: Seen, turn: Turn) -> Condition | None:
    if seen.wrong or seen.policy.spec.mode == REACTIVE:
        return None
    if turn.mode == PREDICTIVE:
        return Condition(_FORECASTING, "True", "WeekKnown", "pods are ready for what is coming")
    return Condition(_FORECASTING, "False", "Reactive", seen.forecasting or "nothing is forecast")


def _ours(condition: Condition) -> Condition:
    if _THEIRS not in condition.message:
        return condition
    return Condition(
        condition.type,
        condition.status,
        condition.reason,
        _said(condition.message),
        condition.last_transition_time,
        condition.observed_generation,
    )


def _said(message: str) -> str:
    return message.replace("the HPA controller", "the autoscaler").replace(_THEIRS, "the autoscaler")
