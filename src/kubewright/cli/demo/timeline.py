"""An incident as the demo tells it: a line for each step from the fault to the proof, in seconds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kubewright.api.crds.incident import Incident
from kubewright.api.meta import parse_time


@dataclass(frozen=True, slots=True)
class Step:
    """What was so, and how long after the fault; an incident's times are whole seconds."""

    seconds: float
    name: str
    text: str

    def written(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"afterSeconds": round(self.seconds, 1), "step": self.name, "text": self.text}


def timeline(incident: Incident, broken_at: float) -> tuple[Step, ...]:
    """Return the steps so far, in order; `broken_at` is when the fault was injected, in seconds since 1970."""
    return tuple(
        Step(max(0.0, parse_time(moment) - broken_at), name, text)
        for moment, name, text in _steps(incident)
        if moment and text
    )


def _steps(incident: Incident) -> Iterator[tuple[str | None, str, str]]:
    status, times = incident.status, incident.status.times
    yield times.detected, "signals", _first([_signal(each) for each in status.signals])
    yield times.diagnosed, "cause", f"{incident.spec.cause}: {_first(status.evidence)}"
    if status.rehearsal is not None:
        passed = "passed" if status.rehearsal.passed else "refused"
        yield times.decided, "rehearsal", f"{passed}: {status.rehearsal.message}"
    for each in status.actions:
        yield each.started_at, "action", each.remedy
    yield times.restored, "restored", "the cause is found no more"
    yield times.verified, "verified", status.verification


def _signal(fingerprint: str) -> str:
    """Return a signal's class and what it is about, without the uid and what stands after it."""
    fault, *target = fingerprint.split("/")
    length = next((at for at, each in enumerate(target) if _is_uid(each)), len(target))
    return f"{fault} of {'/'.join(target[:length])}"


def _is_uid(part: str) -> bool:
    try:
        return str(UUID(part)) == part
    except ValueError:
        return False


def _first(told: Sequence[str]) -> str:
    if not told:
        return ""
    return told[0] if len(told) == 1 else f"{told[0]} (and {len(told) - 1} more)"
