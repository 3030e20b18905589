"""The three outcomes that the platform promises, each a line: how much, and how it was counted. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kubewright.replay import people

Document = dict[str, Any]
COMMANDS, COMMANDS_OF_A_FAILURE = 2, 4
"""A release is an apply and a wait for it. One that failed and is not rolled back by the platform takes describe, logs,
undo and a wait besides.
"""
GOALS = {"efficiency": 300.0, "recovery": 120.0, "utilisation": 40.0}
"""Per cent more, seconds, per cent more."""

_EFFICIENCY = (
    "Values: {} in the AppService, {} in the manifests that do the same, kinds and names of fields not counted. "
    "Commands: {} a release, {} more for each that failed. Seconds from apply to all ready, the mean of five twins; "
    "the goal is held against good releases alone, since bad ones wait for a person who is modelled. "
    "A release has failed if service was not as it should be for over a minute or a person was needed; with none, "
    "half of one is counted."
)
_RECOVERY = (
    "From the fault, or a bad release, until service is as it should be for good, if it was not; "
    "each kind lived through on a twin by the services themselves. Where nothing else mends it {}."
)
_UTILISATION = (
    "Means over the day of what containers use, over what nodes offer that are paid for. SLO minutes: quarters of a "
    "minute of an application in which requests wait over a second or its pods are over 95 % full, and the time from "
    "each fault or bad release until its service is restored, people helping."
)


def outcomes(ours: Document, stock: Document) -> list[Document]:
    """Return the lines, ours over stock."""
    return [_efficiency(ours, stock), _recovery(ours, stock), _utilisation(ours, stock)]


def _efficiency(ours: Document, stock: Document) -> Document:
    mine, theirs = ours["deployments"], stock["deployments"]
    ratios = {
        "values typed": theirs["valuesTyped"] / mine["valuesTyped"],
        "commands a release": _commands(stock) / _commands(ours),
        "seconds to Ready": theirs["secondsToReady"] / mine["secondsToReady"],
        "change-failure rate": _failure_rate(theirs) / _failure_rate(mine),
    }
    gain = _gain(ratios)
    whole = theirs["secondsWithFailures"] / mine["secondsWithFailures"]
    parts = [f"{name} x {ratio:.2f}" for name, ratio in ratios.items()]
    return {
        "name": "deployment efficiency",
        "value": round(gain, 1),
        "goal": GOALS["efficiency"],
        "met": gain >= GOALS["efficiency"],
        "text": (
            f"{gain:+.0f} %, the geometric mean of {', '.join(parts)}; with bad releases until they are mended among "
            f"the seconds (x {whole:.1f}) {_gain(ratios | {'seconds to Ready': whole}):+.0f} %"
        ),
        "counted": _EFFICIENCY.format(mine["valuesTyped"], theirs["valuesTyped"], COMMANDS, COMMANDS_OF_A_FAILURE),
    }


def _gain(ratios: Mapping[str, float]) -> float:
    """Return by how many per cent several ratios are more than 1 in their geometric mean."""
    return (math.prod(ratios.values()) ** (1 / len(ratios)) - 1) * 100


def _commands(side: Document) -> float:
    deployments = side["deployments"]
    return COMMANDS + COMMANDS_OF_A_FAILURE * (
        deployments["failed"] / deployments["count"] if deployments["count"] else 0
    )


def _failure_rate(deployments: Document) -> float:
    return max(deployments["failed"], 0.5) / max(deployments["count"], 1)


def _recovery(ours: Document, stock: Document) -> Document:
    mine, theirs = ours["recovery"], stock["recovery"]
    median = mine["withPerson"]["p50"]
    return {
        "name": "recovery",
        "value": median,
        "goal": GOALS["recovery"],
        "met": median is not None and median < GOALS["recovery"],
        "text": (
            f"{_times(mine['withPerson'])} against {_times(theirs['withPerson'])}; without any person "
            f"{_times(mine['alone'])} against {_times(theirs['alone'])}: {mine['restoredAlone']} of "
            f"{mine['serviceGone']} and {theirs['restoredAlone']} of {theirs['serviceGone']} faults end by themselves"
        ),
        "counted": _RECOVERY.format(people.WORDS),
    }


def _times(found: Document) -> str:
    return f"median {_seconds(found['p50'])}, p95 {_seconds(found['p95'])}"


def _seconds(value: float | None) -> str:
    if value is None:
        return "never"
    return f"{value:.0f} s" if value < 600 else f"{value / 60:.0f} min"  # noqa: PLR2004


def _utilisation(ours: Document, stock: Document) -> Document:
    shares = [side["utilisation"]["cpu"]["usedOfProvisioned"] or 0.0 for side in (ours, stock)]
    gain = (shares[0] / shares[1] - 1) * 100 if shares[1] else 0.0
    lost = [side["slo"]["minutesLost"] for side in (ours, stock)]
    overloaded = [side["slo"]["minutesOverloaded"] for side in (ours, stock)]
    others = [
        f"{name} {_percent(ours, name)} against {_percent(stock, name)}"
        for name in ("memory", "gpu")
        if stock["utilisation"][name]["usedOfProvisioned"] is not None
    ]
    return {
        "name": "utilisation",
        "value": round(gain, 1),
        "goal": GOALS["utilisation"],
        "met": gain >= GOALS["utilisation"] and lost[0] <= lost[1],
        "text": (
            f"{gain:+.0f} %: cpu used of provisioned {_percent(ours, 'cpu')} against {_percent(stock, 'cpu')}; "
            f"{', '.join(others)}; SLO minutes lost {lost[0]:,.1f} against {lost[1]:,.1f}, "
            f"by load alone {overloaded[0]:,.1f} against {overloaded[1]:,.1f}"
        ),
        "counted": _UTILISATION,
    }


def _percent(side: Document, resource: str) -> str:
    share = side["utilisation"][resource]["usedOfProvisioned"]
    return "-" if share is None else f"{share * 100:.1f} %"
