"""Incidents: each from the fault to the proof, as the healer wrote it, for one timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from kubewright.api.crds.incident import APPROVED_BY, PAUSED, Incident
from kubewright.api.meta import seconds_of
from kubewright.dashboard.tables import Row


class Tried(msgspec.Struct, frozen=True, omit_defaults=True):
    """One remedy."""

    remedy: str
    outcome: str = ""
    message: str = ""
    started: float = 0.0
    ended: float = 0.0


class IncidentRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An incident's whole story."""

    id: str
    namespace: str
    name: str
    cause: str
    about: str
    part: str = ""
    phase: str = ""
    message: str = ""
    created: float = 0.0
    signals: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    policy: str = ""
    remedy: str = ""
    reason: str = ""
    plan: tuple[str, ...] = ()
    digest: str = ""
    """Of the plan."""
    rehearsed: bool | None = None
    rehearsal: str = ""
    actions: tuple[Tried, ...] = ()
    verification: str = ""
    recurrences: int = 0
    times: Mapping[str, float] = {}
    """By moment: fault, detected, diagnosed, decided, acted, restored, verified."""
    approved: str = ""
    paused: str = ""


def rows(incidents: Iterable[Incident]) -> Iterator[Row]:
    """Yield every incident."""
    for each in incidents:
        spec, status, annotations = each.spec, each.status, each.metadata.annotations
        plan, rehearsal = status.plan, status.rehearsal
        shown = IncidentRow(
            id=str(each.key),
            namespace=each.metadata.namespace,
            name=each.metadata.name,
            cause=spec.cause,
            about=str(spec.about),
            part=spec.part,
            phase=status.phase,
            message=status.message,
            created=each.metadata.created_at,
            signals=status.signals,
            evidence=status.evidence,
            affected=tuple(map(str, status.affected)),
            policy=status.policy,
            remedy="" if plan is None else plan.remedy,
            reason="" if plan is None else plan.reason,
            plan=() if plan is None else plan.actions,
            digest="" if plan is None else plan.digest,
            rehearsed=None if rehearsal is None else rehearsal.passed,
            rehearsal="" if rehearsal is None else rehearsal.message,
            actions=tuple(
                Tried(
                    tried.remedy, tried.outcome, tried.message, seconds_of(tried.started_at), seconds_of(tried.ended_at)
                )
                for tried in status.actions
            ),
            verification=status.verification,
            recurrences=status.recurrences,
            times=dict(_moments(each)),
            approved=annotations.get(APPROVED_BY, ""),
            paused=annotations.get(PAUSED, ""),
        )
        yield Row(shown.id, shown.namespace, shown)


def _moments(incident: Incident) -> Iterator[tuple[str, float]]:
    times = incident.status.times
    for name in ("fault_since", "detected", "diagnosed", "decided", "acted", "restored", "verified"):
        if at := seconds_of(getattr(times, name)):
            yield name.removesuffix("_since"), at
