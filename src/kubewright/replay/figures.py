"""A side's day as figures: plain data, rounded, the same for the same day. `outcomes` makes lines of two of them."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from kubewright.costs.facts import Resource
from kubewright.costs.prices import at_default_rates
from kubewright.replay.configuration import Configuration
from kubewright.replay.episodes import Delivery
from kubewright.replay.ledger import SAMPLE_SECONDS, SERIES, Ledger, Recovery

Document = dict[str, Any]
PERCENTILES = (50, 95, 99)
_CPU_USED, _CPU_REQUESTED, _CPU, _MEMORY_USED, _MEMORY_REQUESTED, _MEMORY, _GPU_USED, _GPU_GIVEN, _GPU = range(9)


def figures(ledger: Ledger, configuration: Configuration, delivery: Delivery, teams: int) -> Document:
    """Return everything that is reported of one side."""
    return {
        "configuration": configuration.document(),
        "scheduling": _scheduling(ledger),
        "teams": [_team(ledger, team) for team in range(teams)],
        "utilisation": _utilisation(ledger),
        "slo": {
            "minutesOverloaded": round(ledger.violation_minutes, 2),
            "minutesDisturbed": round(ledger.disturbed_minutes, 2),
            "minutesLost": round(ledger.violation_minutes + ledger.disturbed_minutes, 2),
        },
        "evictions": dict(sorted(ledger.evictions.items())),
        "podsLostWithNodes": ledger.lost,
        "scalings": ledger.scalings,
        "deadlines": {"due": ledger.deadlines, "missed": ledger.deadlines_missed},
        "cost": _cost(ledger),
        "recovery": _recovery(ledger),
        "deployments": _deployments(ledger, delivery),
        "series": {
            "everySeconds": SAMPLE_SECONDS,
            **{name: [round(each[place], 1) for each in ledger.samples] for place, name in enumerate(SERIES)},
        },
    }


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the value that so many per cent do not exceed (nearest rank); None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-len(ranked) * int(percent) // 100) - 1))]


def _spread(values: Sequence[float]) -> Document:
    found: Document = {f"p{each}": _rounded(percentile(values, each)) for each in PERCENTILES}
    return {"count": len(values), "mean": _rounded(statistics.fmean(values)) if values else None, **found}


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _scheduling(ledger: Ledger) -> Document:
    return {
        "asked": ledger.asked,
        "finished": ledger.finished,
        "removed": ledger.removed,
        "running": ledger.running,
        "waiting": ledger.waiting,
        "toBeAskedAgain": ledger.between,
        "everyPodAccountedFor": ledger.accounted,
        "secondsToNode": _spread(ledger.waits),
        "secondsToNodeWhereThereWasRoom": _spread(ledger.first_waits),
    }


def _team(ledger: Ledger, team: int) -> Document:
    waits = ledger.waits_of_teams.get(team, [])
    return {
        "team": f"team-{team:02}",
        "secondsToNode": _spread(waits),
        "minutesOverloaded": round(ledger.violations_by_team.get(team, 0.0), 2),
    }


def _mean(ledger: Ledger, place: int) -> float:
    return statistics.fmean(each[place] for each in ledger.samples) if ledger.samples else 0.0


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _utilisation(ledger: Ledger) -> Document:
    found: Document = {}
    rows = {
        "cpu": (_CPU_USED, _CPU_REQUESTED, _CPU),
        "memory": (_MEMORY_USED, _MEMORY_REQUESTED, _MEMORY),
        "gpu": (_GPU_USED, _GPU_GIVEN, _GPU),
    }
    for name, (used, requested, there) in rows.items():
        amounts = [_mean(ledger, place) for place in (used, requested, there)]
        found[name] = {
            "used": round(amounts[0], 2),
            "allocated": round(amounts[1], 2),
            "provisioned": round(amounts[2], 2),
            "usedOfProvisioned": _share(amounts[0], amounts[2]),
            "allocatedOfProvisioned": _share(amounts[1], amounts[2]),
        }
    return found


def _cost(ledger: Ledger) -> Document:
    hours = len(ledger.samples) * SAMPLE_SECONDS / 3600
    prices = {Resource.CPU: _CPU, Resource.MEMORY: _MEMORY, Resource.GPU: _GPU}
    dollars = {each.value: at_default_rates({each: _mean(ledger, place)}) * hours for each, place in prices.items()}
    return {
        "currency": "USD",
        "rates": "OpenCost's defaults: a core, a GiB and a GPU, by the hour, of every node that is there",
        **{name: round(amount, 2) for name, amount in sorted(dollars.items())},
        "total": round(sum(dollars.values()), 2),
    }


def _recovery(ledger: Ledger) -> Document:
    by_cause: defaultdict[str, list[Recovery]] = defaultdict(list)
    for each in ledger.recoveries:
        by_cause[each.cause].append(each)
    hurt = [each for each in ledger.recoveries if each.hurt]
    return {
        "faults": len(ledger.recoveries),
        "serviceGone": len(hurt),
        "restoredAlone": sum(each.restored is not None for each in hurt),
        "alone": _times(each.restored for each in hurt),
        "withPerson": _times(each.with_person for each in hurt),
        "causes": [_cause(name, those) for name, those in sorted(by_cause.items())],
    }


def _times(values: Iterable[float | None]) -> Document:
    """Return the median and the 95th percentile; a fault that never ends is longer than any other, and None."""
    never = float("inf")
    ranked = [never if each is None else each for each in values]
    found = {f"p{each}": percentile(ranked, each) for each in (50, 95)}
    return {name: None if value in {None, never} else round(value or 0.0, 1) for name, value in found.items()}


def _cause(name: str, those: Sequence[Recovery]) -> Document:
    hurt = [each for each in those if each.hurt]
    alone = [each.restored for each in hurt if each.restored is not None]
    helped = [each.with_person for each in hurt if each.with_person is not None]
    return {
        "cause": name,
        "title": those[0].title,
        "count": len(those),
        "serviceGone": len(hurt),
        "restoredAlone": len(alone),
        "meanSecondsAlone": round(statistics.fmean(alone), 1) if alone else None,
        "meanSecondsWithPerson": round(statistics.fmean(helped), 1) if helped else None,
    }


def _deployments(ledger: Ledger, delivery: Delivery) -> Document:
    hours = [0] * 24
    failures = [0] * 24
    for each in ledger.deployments:
        hour = int(each.at // 3600) % 24
        hours[hour] += 1
        failures[hour] += each.failed
    count = len(ledger.deployments)
    taken = [delivery.first_seconds if each.mended is None else each.mended for each in ledger.deployments]
    return {
        "count": count,
        "bad": sum(each.bad for each in ledger.deployments),
        "failed": sum(each.failed for each in ledger.deployments),
        "changeFailureRate": _share(sum(failures), count),
        "byHour": hours,
        "failedByHour": failures,
        "valuesTyped": delivery.values,
        "secondsToReady": delivery.first_seconds,
        "secondsWithFailures": round(statistics.fmean(taken or [delivery.first_seconds]), 2),
        "secondsOfRelease": delivery.release_seconds,
    }
