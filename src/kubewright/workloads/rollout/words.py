"""What a rollout says of itself: in the conditions, and as events when it moves. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.crds.appservice import AppService
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
from kubewright.api.plan import Announce
from kubewright.workloads.rollout.decide import REHEARSAL_FAILED
from kubewright.workloads.rollout.rehearsal import Outcome
from kubewright.workloads.rollout.sizes import sizes_of
from kubewright.workloads.rollout.steps import steps_of

ROLLED_BACK_REASON, ROLLING_OUT = "RolledBack", "RollingOut"
_WHERE = {
    REHEARSING: "is rehearsed before it starts",
    SWITCHED: "takes all traffic, the old one is kept ready",
    PROMOTING: "takes over",
    VERIFYING: "has taken over and is watched",
    ROLLED_BACK: "rolled back",
    STABLE: "stable",
}


def where(app: AppService, state: RolloutStatus) -> str:
    """Say in a few words where a release stands."""
    if state.phase != PROGRESSING:
        return _WHERE[state.phase]
    match app.spec.rollout.strategy:
        case "canary":
            return f"{state.weight} % canary, step {state.step + 1} of {len(steps_of(app.spec.rollout))}"
        case "blueGreen":
            return "comes up beside the old one"
        case _:
            return "rolls"


def sentence(app: AppService, state: RolloutStatus) -> str:
    """Say where a release stands, and why it stays there or was taken back."""
    if state.phase == ROLLED_BACK:
        return (
            f"release {state.release}{_sized(state)} was rolled back to {state.stable}, which runs: "
            f"{state.reason}: {state.message}; it is not tried again until the spec changes"
        )
    told = ": ".join(each for each in (state.reason, state.message) if each)
    return f"release {state.release}{_sized(state)}: {where(app, state)}" + (f"; {told}" if told else "")


def _sized(state: RolloutStatus) -> str:
    """Say what a release requests in place of its spec's amounts."""
    sizes = ", ".join(str(each) for each in sizes_of(state))
    return f" ({sizes}, by its SizePolicy)" if sizes else ""


def announcements(
    app: AppService, old: RolloutStatus | None, new: RolloutStatus | None, rehearsed: Outcome | None = None
) -> Iterator[Announce]:
    """Return the events of a move; `rehearsed` is what came of a rehearsal that made it."""
    if new is None or old is None:
        return
    if (old.phase, old.release, old.step) == (new.phase, new.release, new.step):
        if new.reason == REHEARSAL_FAILED != old.reason:
            yield Announce("Warning", REHEARSAL_FAILED, sentence(app, new))
        elif new.reason and new.reason != old.reason:
            yield Announce("Normal", "RolloutHeld", sentence(app, new))
        return
    if old.phase == REHEARSING and new.phase == PROGRESSING:
        passed = rehearsed is not None and rehearsed.passed
        said = rehearsed.message if passed and rehearsed is not None else "started without having passed"
        yield Announce("Normal", "Rehearsed", f"release {new.release}: {said}")
    yield _moved(app, old, new)


def _moved(app: AppService, old: RolloutStatus, new: RolloutStatus) -> Announce:
    match new.phase:
        case "RolledBack":
            return Announce("Warning", ROLLED_BACK_REASON, sentence(app, new))
        case "Stable" if old.phase == VERIFYING or not old.stable:
            return Announce("Normal", "RolloutSucceeded", f"release {new.release} is good")
        case "Stable":
            return Announce("Normal", "RolloutEnded", f"release {new.release} is wanted again")
        case "Rehearsing":
            return Announce("Normal", "RehearsalStarted", sentence(app, new))
        case "Progressing" if new.release != old.release or old.phase == REHEARSING:
            return Announce("Normal", "RolloutStarted", sentence(app, new))
        case _:
            return Announce("Normal", "RolloutProgressed", sentence(app, new))
