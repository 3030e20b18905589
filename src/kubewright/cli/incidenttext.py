"""An incident in words: lines of a table, the story from the fault to the proof, and its moments. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubewright.api.crds.incident import AWAITING, Incident
from kubewright.api.meta import parse_time

HEAD = ("NAMESPACE", "NAME", "CAUSE", "ABOUT", "PHASE", "REMEDY", "AGE")
WIDE = (*HEAD, "BACK", "MESSAGE")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def row(incident: Incident, now: float) -> tuple[str, ...]:
    """Return an incident's cells, under `WIDE`, of which `HEAD` is the beginning."""
    status, spec = incident.status, incident.spec
    remedy = status.plan.remedy if status.plan is not None else "-"
    about = f"{spec.about.kind}/{spec.about.name}{f' {spec.part}' if spec.part else ''}"
    age = lasted(now - incident.metadata.created_at)
    cells = (incident.metadata.namespace, incident.metadata.name, spec.cause, about, status.phase, remedy, age)
    return (*cells, str(status.recurrences), status.message)


def story(incident: Incident) -> Iterator[str]:
    """Yield an incident's story: fault, signals, cause, rehearsal, actions, verification."""
    status, spec = incident.status, incident.spec
    yield f"{spec.cause}: {spec.about}{f' ({spec.part})' if spec.part else ''}"
    yield f"{status.phase}: {status.message}" if status.message else status.phase
    if status.recurrences:
        yield f"It came back {status.recurrences} times."
    yield from _part("Told by", status.signals)
    yield from _part("Why this is the cause", status.evidence)
    yield from _part("Suffering", [str(each) for each in status.affected])
    yield from _part("Policy", [status.policy or "none: it is only observed"])
    if status.plan is not None:
        yield from _part(f"Plan: {status.plan.remedy}", [status.plan.reason, *status.plan.actions, _asks(incident)])
    if status.rehearsal is not None:
        passed = "passed" if status.rehearsal.passed else "refused"
        yield from _part(f"Rehearsal: {passed}", [status.rehearsal.message])
    yield from _part(
        "Actions",
        [
            f"{each.remedy}: {each.outcome or 'under way'}{f': {each.message}' if each.message else ''}"
            for each in status.actions
        ],
    )
    yield from _part("Verified by", [status.verification])
    yield from _part("Times", list(moments(incident)))


def _asks(incident: Incident) -> str:
    """Say how its plan is approved, where it waits for that."""
    plan, key = incident.status.plan, incident.key
    if incident.status.phase != AWAITING or plan is None:
        return ""
    return f"to let it be done: kubewright incidents approve {key.name} -n {key.namespace} --plan {plan.digest}"


def moments(incident: Incident) -> Iterator[str]:
    """Yield what happened when, in seconds from the fault, as lines."""
    for _, seconds, what in happened(incident):
        yield f"{seconds:+8.0f} s   {what}"


def happened(incident: Incident) -> Iterator[tuple[float, float, str]]:
    """Yield what happened, in order: when, in seconds since 1970 and from the fault, and what it was."""
    status, times = incident.status, incident.status.times
    if not times.fault_since:
        return
    began = parse_time(times.fault_since)
    found = [(times.fault_since, "the fault")]
    found += [(times.detected, "told"), (times.diagnosed, "cause known"), (times.decided, "clear what to do")]
    for each in status.actions:
        found += [(each.started_at, f"{each.remedy}: begun"), (each.ended_at, f"{each.remedy}: {each.outcome}")]
    found += [(times.restored, "the cause is found no more"), (times.verified, "over")]
    known = [(parse_time(text), what) for text, what in found if text]
    for moment, what in sorted(known, key=lambda each: each[0]):
        yield moment, moment - began, what


def lasted(seconds: float) -> str:
    """Write how long something has lasted, as kubectl does."""
    whole = max(0, int(seconds))
    for unit, length in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE)):
        if whole >= 2 * length:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    told = [each for each in lines if each]
    if told:
        yield ""
        yield f"{title}"
        yield from (f"  {each}" for each in told)
