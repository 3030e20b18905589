"""How findings and plans are told in an Incident, and how a finding is read back from one. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from kubewright.api.conditions import READY, STALLED, Condition, set_condition
from kubewright.api.crds.incident import (
    ESCALATED,
    INCIDENTS,
    MOST_ENTRIES,
    MOST_TEXT,
    OBSERVED,
    RESOLVED,
    Incident,
    IncidentPlan,
    IncidentStatus,
    Subject,
)
from kubewright.api.crds.notificationchannel import CRITICAL, INFO, WARNING
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource, rfc3339, seconds_of
from kubewright.api.places import SYSTEM_NAMESPACE
from kubewright.api.plan import Apply, Plan
from kubewright.healing.finding import HEALER, ZONES, Finding, Ref, Remedy
from kubewright.healing.seen import FOLLOWED
from kubewright.notify.notification import Notification

_DIGEST_LENGTH = 10
_KINDS: dict[tuple[str, str], Resource[Any]] = {(each.api_version, each.kind): each for each in (*FOLLOWED, ZONES)}


def key_of(finding: Finding) -> ObjectKey:
    """Return the key of the Incident about a finding."""
    return ObjectKey(finding.about.key.namespace or SYSTEM_NAMESPACE, finding.name)


def manifest_of(finding: Finding, key: ObjectKey) -> Manifest:
    """Return a new Incident about a finding."""
    spec = {"cause": finding.cause, "about": msgspec.to_builtins(subject_of(finding.about)), "part": finding.part}
    metadata = {"name": key.name, "namespace": key.namespace}
    return {"apiVersion": INCIDENTS.api_version, "kind": INCIDENTS.kind, "metadata": metadata, "spec": spec}


def subject_of(ref: Ref) -> Subject:
    """Return an object as an Incident names it."""
    return Subject(ref.resource.api_version, ref.resource.kind, ref.key.namespace, ref.key.name, ref.uid)


def ref_of(subject: Subject) -> Ref:
    """Return what an Incident names; of a kind that is not followed only the name is known."""
    found = _KINDS.get((subject.api_version, subject.kind))
    if found is None:
        group, _, version = subject.api_version.rpartition("/")
        plural = f"{subject.kind.lower()}s"
        found = Resource(group, version, plural, subject.kind, PartialObject, namespaced=bool(subject.namespace))
    return Ref(found, ObjectKey(subject.namespace, subject.name), subject.uid)


def finding_of(incident: Incident) -> Finding:
    """Return what was found when the Incident was last told of it."""
    status = incident.status
    return Finding(
        incident.spec.cause,
        ref_of(incident.spec.about),
        status.evidence,
        frozenset(),
        seconds_of(status.times.fault_since),
        incident.spec.part,
        affected=tuple(ref_of(each) for each in status.affected),
        details=status.details,
    )


def told(status: IncidentStatus, finding: Finding, now: float) -> IncidentStatus:
    """Return a status with what is found now."""
    times = status.times
    times = replace(
        times,
        fault_since=times.fault_since or rfc3339(finding.since or now),
        detected=times.detected or rfc3339(now),
        diagnosed=times.diagnosed or rfc3339(now),
    )
    return replace(
        status,
        signals=_bounded(sorted(finding.explains)) or status.signals,
        evidence=_bounded(finding.evidence) or status.evidence,
        affected=tuple(subject_of(each) for each in finding.affected[:MOST_ENTRIES]) or status.affected,
        details={name: shortened(text) for name, text in sorted(finding.details.items())[:MOST_ENTRIES]},
        times=times,
    )


def notification(incident: Incident, status: IncidentStatus, team: str) -> Notification:
    """Return what people are told of an incident that has come on."""
    severity = CRITICAL if status.phase == ESCALATED else INFO if status.phase in {RESOLVED, OBSERVED} else WARNING
    key = incident.key
    return Notification(
        HEALER,
        INCIDENTS.target(key),
        severity,
        f"{incident.spec.cause}: {status.message or status.phase}",
        where=str(incident.spec.about),
        cause="; ".join(status.evidence[:2]),
        done=tuple(f"{each.remedy}: {each.outcome or 'begun'}" for each in status.actions),
        command=f"kubewright incidents describe {key.name} -n {key.namespace}",
        team=team,
        state="resolved" if status.phase == RESOLVED else status.phase,
        at=status.times.fault_since or "",
    )


def plan_of(remedy: Remedy, plan: Plan, decided: str | None) -> IncidentPlan:
    """Return a plan as an Incident tells it; `decided` is when this occurrence of the cause was first decided on.

    Its digest is of what is done to what: the same plan about the next occurrence is another one.
    """
    actions = tuple(map(str, plan.actions))
    content = "\n".join((decided or "", remedy.name, *sorted(actions)))
    digest = hashlib.sha256(content.encode()).hexdigest()[:_DIGEST_LENGTH]
    return IncidentPlan(remedy.name, shortened(plan.reason), _bounded(actions), digest)


def status_of(incident: Incident, status: IncidentStatus, now: float) -> Apply | None:
    """Return the write of a status; None if it says nothing new."""
    phase, conditions = status.phase, incident.status.conditions
    for type_, holds in ((READY, status.is_over), (STALLED, phase in {ESCALATED, OBSERVED})):
        said = "True" if holds else "False"
        condition = Condition(type_, said, phase, status.message or phase, None, incident.metadata.generation)
        conditions = set_condition(conditions, condition, now)
    status = replace(status, conditions=conditions, observed_generation=incident.metadata.generation)
    if status == incident.status:
        return None
    return Apply.status(INCIDENTS, incident.key, written(status))


def written(status: IncidentStatus) -> Manifest:
    """Return a status as it is sent: without what is not said."""
    return _said(msgspec.to_builtins(status))


def _said(value: Any) -> Any:
    match value:
        case dict():
            return {name: _said(each) for name, each in cast("dict[str, Any]", value).items() if each is not None}
        case list() | tuple():
            return [_said(each) for each in cast("list[Any]", value)]
        case _:
            return value


def shortened(text: str) -> str:
    """Return a text that has room in an Incident."""
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 3]}..."


def _bounded(texts: Iterable[str]) -> tuple[str, ...]:
    every = [shortened(each) for each in texts]
    if len(every) <= MOST_ENTRIES:
        return tuple(every)
    return (*every[: MOST_ENTRIES - 1], f"and {len(every) - MOST_ENTRIES + 1} more")
