"""From signals to causes: one finding for one cause, however many signals tell of it. Pure.

The levels come in order, and what one explains is no case of the next: when a node is dead its pods need no cause of
their own. A case is what is told about one thing: pods' signals count for their node, and then for their workload. The
first entry of the catalogue that finds something wins, and what it leaves unexplained is looked at again: two things
may be wrong at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubewright.api.batch import JOBS
from kubewright.api.core import NODES, PODS
from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.healing.finding import ZONES, Case, Cause, Finding, Level, Ref
from kubewright.healing.seen import Seen
from kubewright.placement.pods import ZONE
from kubewright.signals.signal import SUSPICIONS, Signal

UNEXPLAINED = "Unexplained"
UNKNOWN_SECONDS = 15.0
"""What no entry of the catalogue is about is told of once it has lasted so long,"""
UNSURE_SECONDS = 90.0
"""and what one may yet explain, when more is seen, after so long."""
_KNOWN: tuple[Resource[Any], ...] = (PODS, NODES, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, DAEMON_SETS, JOBS)
_MOST_SENTENCES = 8


def _nobody(_: Case) -> None:
    return None


UNEXPLAINED_CAUSE = Cause(
    UNEXPLAINED, Level.WORKLOAD, "something is wrong, and no known cause explains it", frozenset(), _nobody, ()
)


@dataclass(slots=True)
class Diagnosis:
    """What is wrong."""

    findings: list[Finding] = field(default_factory=list[Finding])
    levels: dict[str, Level] = field(default_factory=dict[str, Level])
    """By a finding's name, where it was found."""
    broken: dict[str, str] = field(default_factory=dict[str, str])
    """Causes whose detectors failed, and how: a bug in one entry is not the end of the others."""


def diagnose(causes: Sequence[Cause], signals: Iterable[Signal], seen: Seen, now: float) -> Diagnosis:
    """Return what explains the signals; the order in which they came means nothing."""
    found = Diagnosis()
    left = {each.fingerprint: each for each in sorted(signals, key=lambda each: each.fingerprint) if not each.ended}
    for level in Level:
        entries = [each for each in causes if each.level is level]
        watched = frozenset(fault for each in entries for fault in each.faults)
        if not watched:
            continue
        for about, told in _cases(level, left.values(), seen).items():
            if any(each.fault in watched for each in told):
                _explain(Case(about, tuple(told), seen, now), entries, left, found)
    _unexplained(causes, left, seen, now, found)
    return found


def _explain(case: Case, entries: Sequence[Cause], left: dict[str, Signal], found: Diagnosis) -> None:
    """Find causes of a case until nothing is left that any explains."""
    while case.signals:
        finding = _first(case, entries, found)
        if finding is None or finding.name in found.levels:
            return
        found.findings.append(finding)
        found.levels[finding.name] = entries[0].level
        for each in finding.explains:
            left.pop(each, None)
        rest = tuple(each for each in case.signals if each.fingerprint in left)
        if len(rest) == len(case.signals):
            return
        case = Case(case.about, rest, case.seen, case.now)


def _first(case: Case, entries: Sequence[Cause], found: Diagnosis) -> Finding | None:
    faults = {each.fault for each in case.signals}
    for cause in entries:
        if faults.isdisjoint(cause.faults):
            continue
        try:
            finding = cause.detect(case)
        except Exception as error:  # noqa: BLE001  see `Diagnosis.broken`
            found.broken[cause.name] = f"{type(error).__name__}: {error}"
            continue
        if finding is not None:
            return finding
    return None


def _cases(level: Level, signals: Iterable[Signal], seen: Seen) -> Mapping[Ref, list[Signal]]:
    cases: dict[Ref, list[Signal]] = {}
    for signal in signals:
        about = subject(level, signal, seen)
        if about is not None:
            cases.setdefault(about, []).append(signal)
    return cases


def subject(level: Level, signal: Signal, seen: Seen) -> Ref | None:
    """Return whose case a signal belongs to at a level."""
    node = _node_of(signal, seen)
    match level:
        case Level.DOMAIN:
            found = seen.get(NODES, ObjectKey("", node)) if node else None
            zone = found.metadata.labels.get(ZONE, "") if found is not None else ""
            return Ref(ZONES, ObjectKey("", zone)) if zone else None
        case Level.NODE:
            if not node:
                return None
            found = seen.get(NODES, ObjectKey("", node))
            return Ref(NODES, ObjectKey("", node), found.metadata.uid if found is not None else "")
        case Level.SHARED:
            return None if signal.about is None else Ref(*signal.about)
        case Level.WORKLOAD:
            return top_of(signal, seen)


def _node_of(signal: Signal, seen: Seen) -> str:
    if signal.node or signal.about is None:
        return signal.node
    resource, key = signal.about
    if resource.plural == NODES.plural:
        return key.name
    pod = seen.get(PODS, key) if resource.plural == PODS.plural else None
    return pod.spec.node_name if pod is not None else ""


def top_of(signal: Signal, seen: Seen) -> Ref | None:
    """Return what a signal's object belongs to, along ownership; itself where it belongs to nothing that is known."""
    if signal.about is None:
        return None
    resource, key = signal.about
    obj: KubeObject | None = None
    if resource.plural in seen.indexes:
        obj = seen.all(resource).get(key)
        resource = next((each for each in _KNOWN if each.plural == resource.plural), resource)
    if obj is None:
        return Ref(resource, key)
    resource, obj = seen.top_of(resource, obj)
    return Ref(resource, obj.key, obj.metadata.uid)


def _unexplained(causes: Sequence[Cause], left: Mapping[str, Signal], seen: Seen, now: float, found: Diagnosis) -> None:
    """Tell of what nothing explains, by what it belongs to; what runs on an ill node is a symptom of that."""
    known = frozenset(fault for each in causes for fault in each.faults)
    ill = {each.about.key.name for each in found.findings if found.levels[each.name] is Level.NODE}
    told: dict[Ref, list[Signal]] = {}
    for signal in left.values():
        patience = UNSURE_SECONDS if signal.fault in known else UNKNOWN_SECONDS
        if signal.fault in SUSPICIONS or now - signal.since < patience or _node_of(signal, seen) in ill:
            continue
        about = top_of(signal, seen)
        if about is not None:
            told.setdefault(about, []).append(signal)
    for about, signals in told.items():
        finding = Finding(
            UNEXPLAINED,
            about,
            tuple(dict.fromkeys(each.evidence for each in signals))[:_MOST_SENTENCES],
            frozenset(each.fingerprint for each in signals),
            min((each.since for each in signals if each.since), default=now),
        )
        found.findings.append(finding)
        found.levels[finding.name] = Level.WORKLOAD


def affected_by(finding: Finding, signals: Iterable[Signal]) -> Iterator[Ref]:
    """Yield who suffers: what the explained signals are about, besides what is ill itself."""
    for signal in signals:
        if signal.fingerprint in finding.explains and signal.about is not None:
            ref = Ref(*signal.about)
            if (ref.resource.plural, ref.key) != (finding.about.resource.plural, finding.about.key):
                yield ref
