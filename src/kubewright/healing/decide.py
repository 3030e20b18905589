"""What becomes of an Incident now: its next phase, and what is to be done. Pure.

    Open -> (AwaitingApproval) -> Rehearsing -> Acting -> Verifying -> Resolved
                                      `-> next remedy <-'    `-> undone, next remedy ... Escalated

All that is decided from is the Incident as it stands, what is found now, and the policy: so whoever takes over after a
restart goes on from there. A remedy says at each turn what is still to be done; nothing is done twice by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from kubewright.api.crds.healingpolicy import OBSERVE, OFF
from kubewright.api.crds.incident import (
    ACTING,
    APPROVED_BY,
    APPROVED_PLAN,
    AWAITING,
    ESCALATED,
    MOST_ACTIONS,
    OBSERVED,
    OPEN,
    PAUSED,
    REHEARSING,
    RESOLVED,
    VERIFYING,
    Incident,
    IncidentAction,
    IncidentPlan,
    IncidentRehearsal,
    IncidentStatus,
    IncidentTimes,
)
from kubewright.api.meta import rfc3339, seconds_of
from kubewright.api.plan import Plan
from kubewright.healing.finding import Cause, Finding, Remedy
from kubewright.healing.permission import HOUR_SECONDS, Book, Permission, held_back, needs_approval
from kubewright.healing.seen import Seen
from kubewright.healing.telling import plan_of, shortened, told

HELPED, DID_NOT_HELP, REFUSED, UNDOING, UNDONE, NOT_UNDONE = (
    "Helped",
    "DidNotHelp",
    "Refused",
    "Undoing",
    "Undone",
    "NotUndone",
)
LOOK_SECONDS = 5.0
ACTING_SECONDS = 1.0
UNDO_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rehearsal says. `possible` is False where it could not be held at all."""

    passed: bool
    message: str
    evicts: int = 0
    unplaced: int = 0
    slo: str = ""
    possible: bool = True


class Rehearsal(Protocol):
    """Tries a plan where it does no harm."""

    async def rehearse(self, plan: Plan, finding: Finding, seen: Seen) -> Outcome:
        """Say what would come of it; an OpError means that it could not be tried."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """One incident at one moment."""

    incident: Incident
    finding: Finding
    """What is found, or was when it was last found."""
    is_found: bool
    """Whether it is found now."""
    cause: Cause
    permitted: Permission
    book: Book
    seen: Seen
    now: float
    sure: bool = True
    """Whether signals have been heard for long enough to say that something is not found."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be done about it."""

    status: IncidentStatus
    plan: Plan | None = None
    """To be carried out, once the status is written."""
    remedy: Remedy | None = None
    rehearse: bool = False
    """Whether the plan is only to be rehearsed."""
    again_seconds: float = LOOK_SECONDS


def decide(case: Case) -> Turn:
    """Decide an incident's turn."""
    if not case.is_found:
        return _absent(case)
    status = told(case.incident.status, case.finding, case.now)
    if status.phase == RESOLVED:
        status = _reopened(case, status)
    if status.phase == ESCALATED:
        return Turn(status, again_seconds=60.0)
    return _remedied(case, status)


def _reopened(case: Case, status: IncidentStatus) -> IncidentStatus:
    ended = seconds_of(status.times.verified)
    often = status.recurrences + 1 if case.now - ended < HOUR_SECONDS else 1
    status = replace(told(replace(status, times=IncidentTimes()), case.finding, case.now), recurrences=often)
    fresh = replace(status, phase=OPEN, remedy=0, plan=None, rehearsal=None, verification="", message="it came back")
    most = case.permitted.spec.limits.repeats
    if often > most:
        return _escalated(fresh, f"it came back {often} times within an hour: mending it again does not help")
    return fresh


def _absent(case: Case) -> Turn:
    """Go on with an incident whose cause is found no more."""
    status = case.incident.status
    if status.phase == RESOLVED:
        return Turn(status, again_seconds=HOUR_SECONDS)
    if not case.sure:
        return Turn(_unsure(case, status))
    open_action = running(status)
    remedy = _current(case, status) if open_action is not None and open_action.outcome != UNDOING else None
    goes_on = remedy is not None and (status.phase == ACTING or remedy.is_carried_through)
    if remedy is not None and goes_on and not _is_late(open_action, remedy, case.now):
        plan = remedy.plan(case.finding, case.seen, case.now)
        if plan is not None and plan.actions:
            return Turn(status, plan, remedy, again_seconds=ACTING_SECONDS)
    if status.times.restored is not None:
        return _steady(case, status, remedy)
    times = replace(status.times, restored=rfc3339(case.now))
    phase = VERIFYING if open_action is not None else status.phase
    gone = replace(status, times=times, phase=phase, message="the cause is found no more")
    return Turn(gone, again_seconds=case.cause.steady_seconds)


def _unsure(case: Case, status: IncidentStatus) -> IncidentStatus:
    """Return how an incident stands of which it is too early to say that it is over: done is what was to be done."""
    remedy = _current(case, status) if running(status) is not None and status.phase == ACTING else None
    plan = remedy.plan(case.finding, case.seen, case.now) if remedy is not None else None
    if remedy is None or (plan is not None and plan.actions):
        return status
    return replace(status, phase=VERIFYING, message="it was done; it is too early to say that it helped")


def _steady(case: Case, status: IncidentStatus, remedy: Remedy | None) -> Turn:
    """Resolve an incident once its cause has been gone for long enough."""
    left = case.cause.steady_seconds - (case.now - seconds_of(status.times.restored))
    if left > 0:
        return Turn(status, again_seconds=left)
    if remedy is not None and remedy.helped is not None and not remedy.helped(case.finding, case.seen, case.now):
        if not _is_late(running(status), remedy, case.now):
            return Turn(replace(status, message=f"{remedy.name}: it is not sure yet that it helped"))
        return _next(case, _ended(status, DID_NOT_HELP, "its proof has not come", case.now))
    by = f"{remedy.name}: " if remedy is not None else ""
    said = f"{by}the cause has not been found for {case.cause.steady_seconds:g} s"
    over = replace(
        _ended(status, HELPED, said, case.now),
        phase=RESOLVED,
        message="it is over",
        verification=said,
        times=replace(status.times, verified=rfc3339(case.now)),
    )
    return Turn(over, again_seconds=HOUR_SECONDS)


def _remedied(case: Case, status: IncidentStatus) -> Turn:
    """Go on with the present remedy, or the first after it that is applicable."""
    if status.times.restored is not None:
        status = replace(status, times=replace(status.times, restored=None))
    status = replace(status, policy=case.permitted.policy)
    action = running(status)
    if action is not None and action.outcome == UNDOING:
        return _undo(case, status, action)
    if status.remedy >= len(case.cause.remedies):
        return _without_remedy(case, status)
    remedy = case.cause.remedies[status.remedy]
    plan = remedy.plan(case.finding, case.seen, case.now)
    if action is not None:
        late = _is_late(action, remedy, case.now)
        if plan is None or late:
            lasts = f"the cause is still there after {remedy.within_seconds:g} s"
            return _failed(case, status, remedy, lasts if late else "it is not applicable any more")
        return _go_on(case, status, remedy, plan)
    return _next(case, status) if plan is None else _begin(case, status, remedy, plan)


def _begin(case: Case, status: IncidentStatus, remedy: Remedy, plan: Plan) -> Turn:
    """Give who else may mend it the time that a remedy gives them, then act."""
    waits = remedy.waits_seconds - (case.now - seconds_of(status.times.diagnosed))
    if waits > 0:
        said = f"it is left to itself for {remedy.waits_seconds:g} s"
        return Turn(replace(status, phase=OPEN, message=said), again_seconds=waits)
    return _act(case, status, remedy, plan)


def _act(case: Case, status: IncidentStatus, remedy: Remedy, plan: Plan) -> Turn:
    """Begin with a remedy, as far as that is permitted."""
    decided = status.times.decided or rfc3339(case.now)
    times = replace(status.times, decided=decided)
    proposed = replace(status, plan=plan_of(remedy, plan, decided), times=times)
    stopped = _stopped(case, proposed, remedy)
    if stopped is not None:
        return Turn(stopped)
    if plan.actions and (status.rehearsal is None or status.plan is None or status.plan.remedy != remedy.name):
        return Turn(
            replace(proposed, phase=REHEARSING, message="the plan is tried on a fork"), plan, remedy, rehearse=True
        )
    if status.rehearsal is not None and not status.rehearsal.passed and plan.actions:
        refused = IncidentAction(remedy.name, rfc3339(case.now), rfc3339(case.now), REFUSED, status.rehearsal.message)
        return _next(case, _with(proposed, refused))
    begun = _with(proposed, IncidentAction(remedy.name, rfc3339(case.now), message=shortened(plan.reason)))
    if begun.times.acted is None and plan.actions:
        begun = replace(begun, times=replace(begun.times, acted=rfc3339(case.now)))
    return _go_on(case, begun, remedy, plan)


def _go_on(case: Case, status: IncidentStatus, remedy: Remedy, plan: Plan) -> Turn:
    if not plan.actions:
        return Turn(replace(status, phase=VERIFYING, message=shortened(plan.reason)))
    stopped = _paused(case)
    if stopped:
        return Turn(replace(status, message=stopped))
    return Turn(
        replace(status, phase=ACTING, message=shortened(plan.reason)), plan, remedy, again_seconds=ACTING_SECONDS
    )


def _stopped(case: Case, status: IncidentStatus, remedy: Remedy) -> IncidentStatus | None:
    """Return how an incident stands about which nothing may be done now; None if something may."""
    permitted = case.permitted
    if permitted.mode in {OBSERVE, OFF}:
        why = f"the policy {permitted.policy} only observes" if permitted.policy else "no policy lets anything be done"
        return replace(status, phase=OBSERVED, message=permitted.wrong or why)
    approval = needs_approval(permitted, case.finding, remedy)
    if approval and not approver(case.incident, status.plan):
        other = "; what was approved is another plan" if APPROVED_BY in case.incident.metadata.annotations else ""
        return replace(status, phase=AWAITING, message=shortened(f"{approval}{other}"))
    held = _paused(case) or held_back(permitted, case.finding, remedy, case.book, case.now)
    return replace(status, phase=OPEN, message=shortened(held)) if held else None


def approver(incident: Incident, plan: IncidentPlan | None) -> str:
    """Return who lets the healer carry out a plan; empty while nobody has put a name to this very one."""
    annotations = incident.metadata.annotations
    if plan is None or annotations.get(APPROVED_PLAN) != plan.digest:
        return ""
    return shortened(" ".join(annotations.get(APPROVED_BY, "").split()))


def _paused(case: Case) -> str:
    """Say why a person has stopped it."""
    said = case.incident.metadata.annotations.get(PAUSED)
    if said is not None:
        return f"paused: {said}"
    if case.permitted.spec.paused:
        return f"the policy {case.permitted.policy} is paused: {'; '.join(case.permitted.spec.paused)}"
    return ""


def _failed(case: Case, status: IncidentStatus, remedy: Remedy, why: str) -> Turn:
    """Undo a remedy that did not help, or go on with the next."""
    if remedy.undo is None or status.times.acted is None:
        return _next(case, _ended(status, DID_NOT_HELP, why, case.now))
    action = replace(status.actions[-1], outcome=UNDOING, ended_at=rfc3339(case.now), message=why)
    return _undo(case, replace(status, actions=(*status.actions[:-1], action)), action)


def _undo(case: Case, status: IncidentStatus, action: IncidentAction) -> Turn:
    remedy = next((each for each in case.cause.remedies if each.name == action.remedy), None)
    plan = remedy.undo(case.finding, case.seen, case.now) if remedy is not None and remedy.undo is not None else None
    if plan is None or not plan.actions:
        return _next(case, _ended(status, UNDONE, f"{action.message}; it was undone", case.now))
    if case.now - seconds_of(action.ended_at) > UNDO_SECONDS:
        ended = _ended(status, NOT_UNDONE, f"{action.message}; it could not be undone", case.now)
        return Turn(_escalated(ended, f"{action.remedy} did not help and could not be undone"))
    return Turn(
        replace(status, phase=ACTING, message=f"{action.remedy} is undone"), plan, remedy, again_seconds=ACTING_SECONDS
    )


def _next(case: Case, status: IncidentStatus) -> Turn:
    """Go on with the next remedy."""
    after = replace(status, phase=OPEN, remedy=status.remedy + 1, plan=None, rehearsal=None)
    if status.plan is not None and after.remedy >= len(case.cause.remedies):
        after = replace(after, plan=status.plan, rehearsal=status.rehearsal)
    return _remedied(case, after)


def _without_remedy(case: Case, status: IncidentStatus) -> Turn:
    if case.permitted.mode in {OBSERVE, OFF}:
        return Turn(replace(status, phase=OBSERVED, message="there is nothing that could be done by itself"))
    tried = [
        each.remedy for each in status.actions if seconds_of(each.started_at) >= seconds_of(status.times.diagnosed)
    ]
    why = f"tried without success: {', '.join(tried)}" if tried else "no remedy is known that could be applied"
    return Turn(_escalated(status, why), again_seconds=60.0)


def _escalated(status: IncidentStatus, why: str) -> IncidentStatus:
    return replace(status, phase=ESCALATED, message=shortened(f"a person must look: {why}"))


def rehearsed(status: IncidentStatus, outcome: Outcome, permitted: Permission) -> IncidentStatus:
    """Return the status with what a rehearsal said; what could not be rehearsed passes if the policy lets it."""
    passed = outcome.passed or (not outcome.possible and permitted.spec.unrehearsed)
    told_as = IncidentRehearsal(
        passed, shortened(outcome.message), outcome.evicts, outcome.unplaced, shortened(outcome.slo)
    )
    return replace(status, rehearsal=told_as)


def running(status: IncidentStatus) -> IncidentAction | None:
    """Return the remedy that was begun and whose outcome is not known."""
    last = status.actions[-1] if status.actions else None
    return last if last is not None and last.outcome in {"", UNDOING} else None


def _current(case: Case, status: IncidentStatus) -> Remedy | None:
    remedies: Sequence[Remedy] = case.cause.remedies
    return remedies[status.remedy] if status.remedy < len(remedies) else None


def _is_late(action: IncidentAction | None, remedy: Remedy, now: float) -> bool:
    return action is not None and now - seconds_of(action.started_at) > remedy.within_seconds


def _with(status: IncidentStatus, action: IncidentAction) -> IncidentStatus:
    return replace(status, actions=(*status.actions, action)[-MOST_ACTIONS:])


def _ended(status: IncidentStatus, outcome: str, why: str, now: float) -> IncidentStatus:
    last = running(status)
    if last is None:
        return status
    ended = replace(last, outcome=outcome, ended_at=rfc3339(now), message=shortened(why))
    return replace(status, actions=(*status.actions[:-1], ended))
