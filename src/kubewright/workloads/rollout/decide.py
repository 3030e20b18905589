"""What becomes of a release: from where it stood, and from what was seen, to where it stands. Pure.

    Rehearsing -> Progressing                                 if it is to be rehearsed, and that went well
    Rehearsing -> Progressing -> Stable                       the first release, if it is to be rehearsed
    Progressing -> Promoting -> Verifying -> Stable           canary, step by step; promote skips what is left
    Progressing ----------------> Verifying -> Stable         rolling
    Progressing -> Switched -> Promoting -> Verifying -> Stable    blue-green
    any of them -> RolledBack                                 by what `evidence` says, or told to abort

One call makes at most one move, so that each is written down before it is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rollout import BLUE_GREEN, CANARY, ROLLING
from kubewright.api.crds.appservice.rolloutstatus import (
    PROGRESSING,
    PROMOTING,
    REHEARSING,
    ROLLED_BACK,
    STABLE,
    SWITCHED,
    VERIFYING,
    RolloutStatus,
)
from kubewright.api.meta import parse_time, rfc3339
from kubewright.workloads.rollout.fleet import Fleet
from kubewright.workloads.rollout.gates import GATE_FAILED, NOT_MEASURED
from kubewright.workloads.rollout.rehearsal import Outcome
from kubewright.workloads.rollout.ruling import FINE, Ruling
from kubewright.workloads.rollout.steps import ALL, is_underway, step_of, steps_of, trial_replicas

VERIFY_SECONDS = 300.0
"""How long a release is watched after it has taken over, before it counts as good."""
PAUSED, WAITS, REHEARSAL_FAILED = "Paused", "AwaitingPromotion", "RehearsalFailed"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of an application at a moment."""

    wanted: str
    """The release that its spec, or `undo`, asks for."""
    main: Fleet | None
    trial: Fleet | None = None
    routed: bool = False
    ruling: Ruling = FINE
    baseline: tuple[float, ...] = ()
    """The share of bad requests of the old pods, by objective."""
    well_since: float | None = None
    """Since when all new pods are ready, in seconds since 1970."""
    undoing: bool = False
    promoted: bool = False
    aborted: bool = False
    retried: bool = False
    """Whether somebody has said so, of just this release."""
    rehearsed: Outcome | None = None
    """What came of its rehearsal; None until that is known."""
    moved_at: float | None = None
    """When the latest of its pods was made, in seconds since 1970, where nobody else says whether it gets on."""


def decide(app: AppService, state: RolloutStatus | None, sight: Sight, now: float) -> RolloutStatus | None:
    """Return where the release stands from now on; None while the first one has not come up, and need not be held."""
    if state is None or not state.stable:
        return _first(app, state, sight, now)
    if sight.main is None and (state.phase, state.release) != (STABLE, sight.wanted):
        # What ran the old release is gone, or the application is of another kind now: nothing is there to go back to.
        return _first(app, None, sight, now)
    if state.release != sight.wanted or (state.phase == ROLLED_BACK and sight.retried):
        return _begin(app, state, sight, now)
    if not is_underway(state):
        return state
    return _go_on(app, state, sight, now)


def _first(app: AppService, state: RolloutStatus | None, sight: Sight, now: float) -> RolloutStatus | None:
    """Nothing serves yet: it is rehearsed if that is wanted, and is stable once it has come up."""
    main, wanted, at = sight.main, sight.wanted, rfc3339(now)
    if main is not None and main.complete and main.release == wanted:
        return RolloutStatus(STABLE, wanted, wanted)
    if state is None:
        held = main is None and app.spec.rollout.rehearse
        return RolloutStatus(REHEARSING, wanted, started=at, since=at) if held else None
    if state.release != wanted:
        return msgspec.structs.replace(state, release=wanted, since=at, reason="", message="")
    if state.phase != REHEARSING:
        return state
    if sight.promoted or _may_start(app, sight):
        return RolloutStatus(PROGRESSING, wanted, started=at, since=at)
    return _told(state, REHEARSAL_FAILED, sight.rehearsed.message) if sight.rehearsed is not None else state


def _begin(app: AppService, state: RolloutStatus, sight: Sight, now: float) -> RolloutStatus:
    """Begin with a release that was not wanted before."""
    # One that had taken over and did nothing wrong is what is gone back to; one that was still coming up is not.
    stable = state.release if state.phase == VERIFYING and not sight.ruling.failed else state.stable
    undone = app.spec.rollout.undo
    if sight.wanted == stable:
        return RolloutStatus(STABLE, stable, stable, undone=undone)
    at = rfc3339(now)
    if sight.undoing:
        return RolloutStatus(PROMOTING, sight.wanted, stable, started=at, since=at, undone=undone)
    if app.spec.rollout.rehearse:
        return RolloutStatus(REHEARSING, sight.wanted, stable, started=at, since=at)
    return _start(app, sight.wanted, stable, now)


def _start(app: AppService, wanted: str, stable: str, now: float) -> RolloutStatus:
    at = rfc3339(now)
    weight = step_of(app.spec.rollout, 0).weight if app.spec.rollout.strategy == CANARY else 0
    return RolloutStatus(PROGRESSING, wanted, stable, weight=weight, started=at, since=at)


def _rehearse(app: AppService, state: RolloutStatus, sight: Sight, now: float) -> RolloutStatus | None:
    """Start what went well, or is not to be rehearsed after all; hold what did not until it does."""
    outcome = sight.rehearsed
    if _may_start(app, sight):
        return _start(app, state.release, state.stable, now)
    return _told(state, REHEARSAL_FAILED, outcome.message) if outcome is not None else None


def _may_start(app: AppService, sight: Sight) -> bool:
    return not app.spec.rollout.rehearse or (sight.rehearsed is not None and sight.rehearsed.passed)


def _go_on(app: AppService, state: RolloutStatus, sight: Sight, now: float) -> RolloutStatus:
    ruling, counted = sight.ruling, _counted(state, sight.ruling)
    if sight.baseline and not counted.baseline:
        counted = msgspec.structs.replace(counted, baseline=sight.baseline)
    why = _why_back(app, counted, sight, now)
    if why is not None:
        return _back(state, *why, now)
    if sight.promoted and state.phase == REHEARSING:
        return _start(app, state.release, state.stable, now)
    if sight.promoted and state.phase == PROGRESSING:
        return _promote(app, counted, sight, now)
    if app.spec.rollout.paused:
        return _told(counted, PAUSED, "it stays where it is until it is resumed")
    if ruling.holds:
        return _told(counted, ruling.reason, ruling.message)
    moved = _MOVES[state.phase](app, counted, sight, now)
    return moved or _told(counted, "", ruling.note)


def _why_back(app: AppService, state: RolloutStatus, sight: Sight, now: float) -> tuple[str, str] | None:
    """Return the reason and the sentence for taking it back; None if there is none."""
    ruling = sight.ruling
    if sight.aborted:
        return "Aborted", "somebody said to abort it"
    if ruling.failed or (ruling.strikes and state.strikes >= ruling.strikes):
        return ruling.reason, ruling.message
    if _is_stuck(app, state, sight, now):
        why = ruling.message or "its pods are not ready"
        return "DeadlineExceeded", f"not further after {app.spec.rollout.deadline_seconds} s: {why}"
    return None


def _progress(app: AppService, state: RolloutStatus, sight: Sight, now: float) -> RolloutStatus | None:
    strategy = app.spec.rollout.strategy
    if strategy == ROLLING:
        return _phase(state, VERIFYING, now, weight=ALL) if _has_taken_over(sight) else None
    if not _trial_is_up(app, state, sight):
        return None
    if strategy == BLUE_GREEN:
        return _told(state, *_ASK) if app.spec.rollout.manual else _phase(state, SWITCHED, now, weight=ALL)
    if not _has_been_well(step_of(app.spec.rollout, state.step).pause_seconds, state, sight, now):
        return None
    steps = steps_of(app.spec.rollout)
    if state.step + 1 < len(steps):
        moved = _phase(state, PROGRESSING, now, weight=steps[state.step + 1].weight)
        return msgspec.structs.replace(moved, step=state.step + 1)
    return _told(state, *_ASK) if app.spec.rollout.manual else _phase(state, PROMOTING, now, weight=state.weight)


def _promote(app: AppService, state: RolloutStatus, sight: Sight, now: float) -> RolloutStatus:
    """Skip what is left; traffic goes to no trial that is not up."""
    match app.spec.rollout.strategy:
        case "canary":
            return _phase(state, PROMOTING, now, weight=state.weight)
        case "blueGreen" if _trial_is_up(app, state, sight):
            return _phase(state, SWITCHED, now, weight=ALL)
        case "blueGreen":
            return _phase(state, PROMOTING, now, weight=0)
        case _:
            return _phase(state, VERIFYING, now, weight=ALL)


def _switched(app: AppService, state: RolloutStatus, sight: Sight, now: float) -> RolloutStatus | None:
    well = _trial_is_up(app, state, sight) and _has_been_well(app.spec.rollout.keep_old_seconds, state, sight, now)
    return _phase(state, PROMOTING, now, weight=ALL) if well else None


def _promoting(_: AppService, state: RolloutStatus, sight: Sight, now: float) -> RolloutStatus | None:
    return _phase(state, VERIFYING, now, weight=ALL) if _has_taken_over(sight) else None


def _verify(_: AppService, state: RolloutStatus, sight: Sight, now: float) -> RolloutStatus | None:
    well = _has_taken_over(sight) and _has_been_well(VERIFY_SECONDS, state, sight, now)
    return RolloutStatus(STABLE, state.release, state.release, undone=state.undone) if well else None


_MOVES = {REHEARSING: _rehearse, PROGRESSING: _progress, SWITCHED: _switched, PROMOTING: _promoting, VERIFYING: _verify}
_ASK = (WAITS, "all went well so far: promote or abort it")


def _has_taken_over(sight: Sight) -> bool:
    return sight.main is not None and sight.main.complete and sight.main.release == sight.wanted


def _trial_is_up(app: AppService, state: RolloutStatus, sight: Sight) -> bool:
    if sight.trial is None or sight.main is None or sight.trial.release != sight.wanted:
        return False
    return sight.trial.ready >= trial_replicas(app, state, sight.main.wanted, routed=sight.routed)


def _has_been_well(seconds: float, state: RolloutStatus, sight: Sight, now: float) -> bool:
    """Whether the phase has lasted so long with all new pods ready."""
    return sight.well_since is not None and now - max(sight.well_since, _since(state, now)) >= seconds


def _is_stuck(app: AppService, state: RolloutStatus, sight: Sight, now: float) -> bool:
    """Whether a trial should have moved on long ago; one that waits for people or for measurements may wait.

    How long a Deployment may take is its own deadline's to say, which begins anew with every pod that comes up. A
    StatefulSet has none: its release is on its way for as long as pods are made.
    """
    waits = app.spec.rollout.paused or state.reason == WAITS or sight.ruling.reason == NOT_MEASURED
    judged = {PROGRESSING, PROMOTING} if app.spec.is_stateful else {PROGRESSING, SWITCHED}
    if waits or state.phase not in judged or (app.spec.rollout.strategy == ROLLING and not app.spec.is_stateful):
        return False
    stay = app.spec.rollout.keep_old_seconds if state.phase == SWITCHED else 0
    if state.phase == PROGRESSING and app.spec.rollout.strategy == CANARY:
        stay = step_of(app.spec.rollout, state.step).pause_seconds
    moved_at = max(_since(state, now), sight.moved_at or 0.0)
    return now - moved_at > stay + app.spec.rollout.deadline_seconds


def _counted(state: RolloutStatus, ruling: Ruling) -> RolloutStatus:
    """Count how often something spoke against it: gates in a row, all else since the step began."""
    if ruling.strikes:
        return msgspec.structs.replace(state, strikes=state.strikes + 1)
    return msgspec.structs.replace(state, strikes=0) if state.strikes and state.reason == GATE_FAILED else state


def _phase(state: RolloutStatus, phase: str, now: float, *, weight: int) -> RolloutStatus:
    return msgspec.structs.replace(
        state, phase=phase, since=rfc3339(now), weight=weight, strikes=0, reason="", message=""
    )


def _back(state: RolloutStatus, reason: str, message: str, now: float) -> RolloutStatus:
    at = rfc3339(now)
    return msgspec.structs.replace(
        state, phase=ROLLED_BACK, since=at, weight=0, strikes=0, reason=reason, message=message
    )


def _told(state: RolloutStatus, reason: str, message: str) -> RolloutStatus:
    if (state.reason, state.message) == (reason, message):
        return state
    return msgspec.structs.replace(state, reason=reason, message=message)


def _since(state: RolloutStatus, now: float) -> float:
    return parse_time(state.since) if state.since else now
