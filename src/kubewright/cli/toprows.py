"""The tables of `kubewright top`: heads, and cells by key. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubewright.api.conditions import READY, find_condition
from kubewright.api.nodeagent import quarantined
from kubewright.cli.incidenttext import WIDE, lasted
from kubewright.cli.incidenttext import row as incident_row
from kubewright.cli.terminal import one_line
from kubewright.overview.decide import GPU_RESOURCES
from kubewright.overview.facts import Facts

CELL = 80
SHOWN = 1000
"""Rows of a table; more than that nobody reads."""
Cells = Mapping[str, tuple[str, ...]]


def nodes(facts: Facts, _: float) -> Cells:
    """Return a row for each node, those that are not ready first."""
    return {
        each.metadata.name: (
            each.metadata.name,
            ("ready" if each.is_ready else "NOT READY") + (", cordoned" if each.spec.unschedulable else ""),
            str(each.status.allocatable.get("cpu", "-")),
            str(each.status.allocatable.get("memory", "-")),
            ", ".join(str(each.status.allocatable[name]) for name in GPU_RESOURCES if name in each.status.allocatable),
            ", ".join(map(str, quarantined(each))),
        )
        for each in sorted(facts.nodes, key=lambda each: (each.is_ready, each.metadata.name))
    }


def applications(facts: Facts, _: float) -> Cells:
    """Return a row for each AppService, those that are not ready first."""
    found: dict[str, tuple[str, ...]] = {}
    for each in sorted(facts.apps, key=lambda each: (each.status.ready, each.key)):
        ready, rollout = find_condition(each.status.conditions, READY), each.status.rollout
        state = f"{each.status.ready_replicas} of {each.status.replicas}"
        phase = rollout.phase if rollout else "-"
        found[str(each.key)] = (str(each.key), state, phase, ready.message if ready and not ready.is_true else "")
    return found


def queue(facts: Facts, now: float) -> Cells:
    """Return a row for each pod that waits, the oldest first."""
    found: dict[str, tuple[str, ...]] = {}
    for each in sorted(facts.pending, key=lambda each: each.metadata.created_at):
        told = find_condition(each.status.conditions, "PodScheduled")
        since = lasted(now - each.metadata.created_at)
        found[str(each.key)] = (str(each.key), since, each.spec.scheduler_name, told.message if told else "")
    return found


def incidents(facts: Facts, now: float) -> Cells:
    """Return a row for each incident that goes on, the newest first."""
    going = [each for each in facts.incidents if not each.status.is_over]
    going.sort(key=lambda each: each.metadata.created_at, reverse=True)
    return {str(each.key): incident_row(each, now) for each in going}


TABLES: Mapping[str, tuple[tuple[str, ...], Callable[[Facts, float], Cells]]] = {
    "nodes": (("NODE", "STATE", "CPU", "MEMORY", "GPUS", "OUT OF USE"), nodes),
    "applications": (("APPLICATION", "READY", "ROLLOUT", "WHY NOT"), applications),
    "queue": (("POD", "WAITS", "SCHEDULER", "WHY"), queue),
    "incidents": (WIDE, incidents),
}


def shown(cells: Cells) -> dict[str, tuple[str, ...]]:
    """Return the first rows, harmless and of bounded width."""
    return {key: tuple(one_line(cell, CELL) for cell in cells[key]) for key in list(cells)[:SHOWN]}
