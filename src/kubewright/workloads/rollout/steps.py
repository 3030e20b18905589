"""What each moment of a rollout looks like: which release runs, and how many pods try the new one. Pure."""

from __future__ import annotations

import math

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rollout import BLUE_GREEN, CANARY, ROLLING, AppServiceRollout, Step
from kubewright.api.crds.appservice.rolloutstatus import (
    PROGRESSING,
    PROMOTING,
    REHEARSING,
    ROLLED_BACK,
    SWITCHED,
    VERIFYING,
    RolloutStatus,
)

DEFAULT_STEPS = (Step(5), Step(25), Step(50))
ALL = 100


def steps_of(rollout: AppServiceRollout) -> tuple[Step, ...]:
    """Return a canary's steps; the others have none."""
    return (rollout.steps or DEFAULT_STEPS) if rollout.strategy == CANARY else ()


def step_of(rollout: AppServiceRollout, number: int) -> Step:
    """Return a canary's step; one that is not there any more is its last."""
    steps = steps_of(rollout)
    return steps[min(number, len(steps) - 1)]


def runs_stable(app: AppService, state: RolloutStatus) -> bool:
    """Whether the Deployment or StatefulSet keeps, or goes back to, the last good release."""
    if state.phase in {REHEARSING, ROLLED_BACK}:
        return True
    return state.phase in {PROGRESSING, SWITCHED} and app.spec.rollout.strategy != ROLLING and not app.spec.is_stateful


def partition(app: AppService, state: RolloutStatus | None, replicas: int) -> int:
    """Return below which number the pods of a StatefulSet keep the old release."""
    underway = state is not None and state.stable and state.phase == PROGRESSING
    if state is None or not underway or app.spec.rollout.strategy != CANARY:
        return 0
    return replicas - trial_replicas(app, state, replicas, routed=False)


def has_trial(app: AppService, state: RolloutStatus) -> bool:
    """Whether a second Deployment runs the new release beside the old one; an undo needs none."""
    if not state.stable or app.spec.is_stateful:
        return False
    on_its_way = state.phase in {PROGRESSING, SWITCHED} or (state.phase == PROMOTING and state.weight > 0)
    return app.spec.rollout.strategy != ROLLING and on_its_way


def trial_share(app: AppService, state: RolloutStatus) -> int:
    """Return the percent of the traffic that goes to the trial."""
    if not has_trial(app, state):
        return 0
    if app.spec.rollout.strategy == BLUE_GREEN:
        return 0 if state.phase == PROGRESSING else ALL
    return state.weight


def trial_replicas(app: AppService, state: RolloutStatus, replicas: int, *, routed: bool) -> int:
    """Return how many pods try the new release beside `replicas` old ones.

    Where traffic is routed they must bear their share of it. Else the share is the ratio of the pods; the old ones stay
    as many as they are, since their number may be an autoscaler's, and so half is the most that there can be. Of a
    StatefulSet they are its own last ones.
    """
    if app.spec.rollout.strategy == BLUE_GREEN:
        return replicas
    weight = state.weight
    if app.spec.is_stateful:
        return min(replicas, max(1, round(replicas * weight / ALL)))
    if weight <= 0 or replicas <= 0:
        return min(1, replicas)
    if routed:
        return max(1, math.ceil(replicas * weight / ALL))
    return max(1, min(replicas, round(replicas * weight / (ALL - weight)))) if weight < ALL else replicas


def is_underway(state: RolloutStatus | None) -> bool:
    """Whether a release is on its way, or to be."""
    return state is not None and state.phase in {REHEARSING, PROGRESSING, SWITCHED, PROMOTING, VERIFYING}
