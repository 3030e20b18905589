"""Who pays for what nobody asked for. Pure: what is shared adds up to what there was to share, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from kubewright.costs.allocate import Kind
from kubewright.costs.facts import Resource
from kubewright.costs.ledger import Line
from kubewright.costs.money import Money, split

IdleRule: TypeAlias = Literal["show", "share", "share-cluster"]
"""Shown by itself; paid by those on the same node, or by everybody, by what they pay for the same resource."""


def shared_idle(lines: Sequence[Line], rule: IdleRule) -> dict[int, Money]:
    """Return how much idle cost each line takes on besides its own, by its place.

    An idle line that is shared out takes on what it costs, with a minus. Where nobody is on a node, everybody pays who
    pays for the resource, or else for anything; an empty cluster pays for itself.
    """
    if rule == "show":
        return {}
    by_node: dict[tuple[str, str, Resource], list[int]] = {}
    by_resource: dict[Resource, list[int]] = {}
    everybody: list[int] = []
    for at, line in enumerate(lines):
        if line.kind is Kind.WORKLOAD and line.cost > 0:
            by_node.setdefault(line.origin, []).append(at)
            by_resource.setdefault(line.resource, []).append(at)
            everybody.append(at)
    taken: dict[int, Money] = {}
    for at, line in enumerate(lines):
        if line.kind is not Kind.IDLE:
            continue
        near = by_node.get(line.origin, []) if rule == "share" else []
        payers = near or by_resource.get(line.resource, []) or everybody
        if payers:
            taken[at] = -line.cost
            for payer, part in zip(payers, split(line.cost, [lines[each].cost for each in payers]), strict=True):
                taken[payer] = taken.get(payer, 0) + part
    return taken
