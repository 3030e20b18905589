"""A replay's document for people: the three outcomes first, then both sides beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubewright.cli.bars import bars, narrowed
from kubewright.cli.columns import Table, columns

COLUMNS = 72
SHOWN_TEAMS = 5


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield it."""
    sides = document["sides"]
    yield f"{document['source']}: {told(document['size'])}"
    for each in document["outcomes"]:
        yield ""
        yield f"{each['name']} ({'met' if each['met'] else 'missed'}): {each['text']}"
        yield f"  {each['counted']}"
    yield ""
    yield from columns([("", *names(sides)), *beside(sides)])
    yield ""
    yield from _teams(sides).lines()
    yield ""
    yield from _causes(sides).lines()
    for name in ("cpu", "memory", "gpu"):
        yield from _courses(name, sides)


def told(size: dict[str, Any]) -> str:
    """Say how much was lived through."""
    return (
        f"{size['nodes']} nodes, {size['podsOfJobs']:,} pods of jobs, {size['applications']} applications of "
        f"{size['teams']} teams, {size['releases']} releases, {size['faults']} faults, {size['hours']:g} hours"
    )


def names(sides: Sequence[dict[str, Any]]) -> list[str]:
    """Return what the sides are called."""
    return [each["configuration"]["name"] for each in sides]


def beside(sides: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Yield what is said of both sides: a name, and the value of each."""
    for mine, theirs in zip(*map(_rows, sides), strict=True):
        yield *mine, theirs[1]


def _rows(side: dict[str, Any]) -> Iterator[tuple[str, str]]:
    scheduling, slo, deployments = side["scheduling"], side["slo"], side["deployments"]
    for name, each in side["utilisation"].items():
        if each["usedOfProvisioned"] is not None:
            shares = f"{each['usedOfProvisioned']:.1%}, {each['allocatedOfProvisioned']:.1%}"
            yield f"{name}: used, allocated of provisioned", f"{shares} of {each['provisioned']:,.0f}"
    wait, room = scheduling["secondsToNode"], scheduling["secondsToNodeWhereThereWasRoom"]
    yield "pods placed; seconds to a node: p50, p95, p99", f"{wait['count']:,}; {spread(wait)}"
    yield "where there was room at once: p50, p95, p99", spread(room)
    yield "every pod accounted for", "yes" if scheduling["everyPodAccountedFor"] else "NO"
    yield "pods that wait at the end", f"{scheduling['waiting']:,}"
    minutes = f"{slo['minutesOverloaded']:,.1f}, {slo['minutesDisturbed']:,.1f}"
    yield "SLO minutes lost: overloaded, disturbed", minutes
    yield "evictions", ", ".join(f"{count:,} {why}" for why, count in side["evictions"].items()) or "none"
    yield "jobs past their deadline", f"{side['deadlines']['missed']:,} of {side['deadlines']['due']:,}"
    yield "cost of the nodes", f"{side['cost']['total']:,.0f} {side['cost']['currency']}"
    yield "deployments: a working hour, bad, failed", _deployments(deployments)


def _deployments(deployments: dict[str, Any]) -> str:
    busy = [each for each in deployments["byHour"] if each]
    hourly = f"{sum(busy) / len(busy):.1f}" if busy else "0"
    return f"{hourly}, {deployments['bad']}, {deployments['failed']} of {deployments['count']}"


def spread(found: dict[str, Any]) -> str:
    """Show three percentiles."""
    return ", ".join("-" if found[each] is None else f"{found[each]:,.2f}" for each in ("p50", "p95", "p99"))


def _teams(sides: list[dict[str, Any]]) -> Table:
    """Show the teams whose pods wait longest on either side."""
    teams = list(zip(*(side["teams"] for side in sides), strict=True))
    waits = [(pair[0]["team"], [each["secondsToNode"]["p95"] for each in pair]) for pair in teams]
    ranked = sorted(waits, key=lambda each: (-max(wait or 0.0 for wait in each[1]), each[0]))[:SHOWN_TEAMS]
    shown = [(team, *("-" if each is None else f"{each:,.2f}" for each in found)) for team, found in ranked]
    head = (f"longest waits of {len(teams)} teams", *(f"{each}: p95 s to a node" for each in names(sides)))
    return Table(head, shown)


def _causes(sides: list[dict[str, Any]]) -> Table:
    """Show the mean time to restore of each cause."""
    head = ("mean time to restore, by cause", "times", *names(sides))
    return Table(head, list(causes(sides)), empty="nothing broke")


def causes(sides: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    """Yield each cause, how often it came, and how long it took either side's service away."""
    others = {each["cause"]: each for each in sides[1]["recovery"]["causes"]}
    for mine in sides[0]["recovery"]["causes"]:
        yield mine["title"], str(mine["count"]), _restored(mine), _restored(others[mine["cause"]])


def _restored(cause: dict[str, Any]) -> str:
    if not cause["serviceGone"]:
        return "never gone"
    if cause["restoredAlone"]:
        return f"{cause['meanSecondsAlone']:,.0f} s"
    return f"{cause['meanSecondsWithPerson'] / 60:,.0f} min with a person"


def _courses(name: str, sides: list[dict[str, Any]]) -> Iterator[str]:
    """Draw what was used over the day as bars, to one scale."""
    most = max(max(side["series"][f"{name} provisioned"], default=0.0) for side in sides)
    if not most:
        return
    allocated = "given" if name == "gpu" else "requested"
    yield ""
    yield f"{name} over the day; full height is what all nodes have"
    for side in sides:
        for kind in ("used", allocated, "provisioned"):
            drawn = bars(narrowed(side["series"][f"{name} {kind}"], COLUMNS), most)
            yield f"{side['configuration']['name'][:16]:16} {kind:11} {drawn}"
