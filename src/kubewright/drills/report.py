"""What came of drills, as data."""

from __future__ import annotations

from typing import Any

from kubewright.drills.drill import Drill, Outcome


def verdict(found: Outcome) -> str:
    """Say in a few words how it went."""
    if found.drill.is_control:
        return "left alone" if found.mended else "acted on what was well"
    if found.mended:
        return "mended"
    return "told a person" if found.escalated is not None else "not mended"


def passed(found: Outcome) -> bool:
    """Whether it went as it should: mended, a person told where that is right, and nothing healthy touched."""
    told = found.drill.person and found.escalated is not None
    return (found.mended or told) and not found.strangers


def drill_document(drill: Drill) -> dict[str, Any]:
    """Return a drill as plain data."""
    return {
        "name": drill.name,
        "title": drill.title,
        "causes": list(drill.causes),
        "control": drill.is_control,
        "harmless": drill.harmless,
        "goalSeconds": drill.goal_seconds,
    }


def outcome_document(found: Outcome) -> dict[str, Any]:
    """Return an outcome as plain data; times in seconds after the fault, None for what never was."""
    return {
        "drill": found.drill.name,
        "verdict": verdict(found),
        "passed": passed(found),
        "detected": found.detected,
        "diagnosed": found.diagnosed,
        "acted": found.acted,
        "restored": found.restored,
        "verified": found.verified,
        "escalated": found.escalated,
        "serviceGone": found.hurt,
        "wrongCauses": sorted(found.wrong),
        "actions": found.actions,
        "actionsOnHealthyThings": sorted(found.strangers),
    }
