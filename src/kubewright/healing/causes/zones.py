"""Causes in whole zones: many nodes at once have one cause, which no node's remedy mends. A person is called."""

from __future__ import annotations

from kubewright.api.core import NODES
from kubewright.healing.finding import Case, Cause, Finding, Level
from kubewright.placement.pods import ZONE
from kubewright.signals.signal import Fault

FEWEST = 3
SHARE = 0.5
"""Of a zone's nodes, and at least so many, that are silent at once."""


def _down(case: Case) -> Finding | None:
    zone = case.about.key.name
    silent = {each.node for each in case.of(Fault.NODE_SILENT)}
    if len(silent) < FEWEST:
        return None
    nodes = sum(each.metadata.labels.get(ZONE, "") == zone for each in case.seen.all(NODES).values())
    if len(silent) < nodes * SHARE:
        return None
    explained = [each for each in case.signals if each.node in silent]
    said = f"{len(silent)} of the {nodes} nodes of zone {zone} are silent"
    since = min(each.since for each in explained)
    fingerprints = frozenset(each.fingerprint for each in explained)
    return Finding("ZoneDown", case.about, (said,), fingerprints, since, zone=zone)


CAUSES: tuple[Cause, ...] = (
    Cause(
        "ZoneDown",
        Level.DOMAIN,
        "a zone is down or cut off: half of its nodes, and three or more, are silent",
        frozenset({Fault.NODE_SILENT}),
        _down,
        (),
        ("zone outage", "Medik8s storm"),
    ),
)
