"""The status that a fault shows: pure, from where it stands."""

from __future__ import annotations

from kubewright.api.conditions import Condition, set_condition
from kubewright.api.meta import Manifest, rfc3339
from kubewright.twin.faults.decide import State
from kubewright.twin.faults.fault import FAULTS

SHOWN_TARGETS = 20
IN_FORCE = "InForce"
TARGET_FOUND = "TargetFound"


def status_of(state: State, now: float, *, matched: int, hit: int, problem: str = "") -> Manifest:
    """Return the status; `problem` says why the fault cannot take effect here, though it is in force."""
    fault, place = state.fault, state.window
    conditions = fault.status.conditions
    for condition in _conditions(state, matched, problem):
        conditions = set_condition(conditions, condition, now)
    times = {"since": place.since, "until": place.until, "nextStart": place.next_start}
    return {
        "phase": place.phase,
        "occurrence": place.occurrence,
        **{name: rfc3339(at) for name, at in times.items() if at is not None},
        "matched": matched,
        "hit": hit,
        "targets": list((state.hit or ())[:SHOWN_TARGETS]),
        "observedGeneration": fault.metadata.generation,
        "conditions": [_written(each) for each in conditions],
    }


def shown(state: State) -> Manifest:
    """Return the status that the fault has, in the form of `status_of`, to compare."""
    status = state.fault.status
    times = {"since": status.since, "until": status.until, "nextStart": status.next_start}
    return {
        "phase": status.phase,
        "occurrence": status.occurrence,
        **{name: at for name, at in times.items() if at is not None},
        "matched": status.matched,
        "hit": status.hit,
        "targets": list(status.targets),
        "observedGeneration": status.observed_generation,
        "conditions": [_written(each) for each in status.conditions],
    }


def document(state: State, status: Manifest) -> Manifest:
    """Return the status as it is applied."""
    head = {"apiVersion": FAULTS.api_version, "kind": FAULTS.kind, "metadata": {"name": state.fault.metadata.name}}
    return {**head, "status": status}


def _conditions(state: State, matched: int, problem: str) -> tuple[Condition, ...]:
    phase = state.window.phase
    holds = phase == IN_FORCE and not problem
    reason, message = ("NotPossibleHere", problem) if problem else (phase, _WORDS[phase])
    in_force = Condition(IN_FORCE, _truth(holds), reason, message)
    spec = state.fault.spec
    if state.hit is not None:
        reason, message = ("Found", f"{matched} match") if matched else ("NothingMatches", "nothing matches the target")
        return in_force, Condition(TARGET_FOUND, _truth(bool(matched)), reason, message)
    if spec.target.clients is not None or spec.target.webhooks is not None:
        reason, message = "RequestsCome", "requests are matched as they come"
        return in_force, Condition(TARGET_FOUND, "True" if matched else "Unknown", reason, message)
    return in_force, Condition(TARGET_FOUND, "True", "Everything", "it hits the cluster as a whole")


_WORDS = {
    "Pending": "it has not started yet",
    "InForce": "it is in force",
    "Waiting": "it waits for its next time",
    "Over": "its time is over",
}


def _truth(holds: bool) -> str:
    return "True" if holds else "False"


def _written(condition: Condition) -> Manifest:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.last_transition_time,
    }
