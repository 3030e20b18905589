"""Causes in nodes that somebody empties: a budget that never lets a pod go. Pure.

Who only closes a node to look at it empties nothing: a drain is told by its mark, or by that nobody is left there but
those whom a budget keeps.
"""

from __future__ import annotations

from dataclasses import replace

from kubewright.api.core import PODS
from kubewright.api.nodes import marked_for_removal
from kubewright.healing.causes.nodes import found_by, node_in
from kubewright.healing.finding import Case, Cause, Finding, Level, Ref, Remedy, Safety
from kubewright.healing.remedies.nodes import movable, past_budgets
from kubewright.healing.remedies.room import MAKE_ROOM, fleets_of, kept_on
from kubewright.signals.signal import Fault

_MOST_NAMED = 3
BY_A_PERSONS_WORD = Remedy("let them go past their budgets", Safety.DATA, past_budgets, within_seconds=120.0)
"""Where no room can be made first: whoever wrote such a budget wants to be asked."""


def _blocked(case: Case) -> Finding | None:
    closed, node = case.of(Fault.NODE_CLOSED)[:1], node_in(case)
    if node is None or not closed:
        return None
    kept = kept_on(node.metadata.name, case.seen)
    others = len(movable(case.seen.pods_on(node.metadata.name))) - len(kept)
    if not kept or (others and not marked_for_removal(node)):
        return None
    names = ", ".join(str(each.key) for each in kept[:_MOST_NAMED])
    found = found_by(case, "DrainBlocked", closed)
    said = f"{len(kept)} pods are left that their PodDisruptionBudgets never let go: {names}"
    return replace(
        found,
        evidence=(said, *found.evidence),
        affected=tuple(Ref(PODS, each.key, each.metadata.uid) for each in kept),
        details={"fleets": fleets_of(kept, case.seen)},
    )


CAUSES = (
    Cause(
        "DrainBlocked",
        Level.NODE,
        "a node is to be emptied, and a budget never lets a pod go",
        frozenset({Fault.NODE_CLOSED}),
        _blocked,
        (MAKE_ROOM, BY_A_PERSONS_WORD),
        ("PodDisruptionBudget deadlock",),
    ),
)
