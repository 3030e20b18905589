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
_Whom: TypeAlias = tuple[str, str, Resource] | Resource | None
"""Those on one node, those who pay for a resource, or everybody."""


def shared_idle(lines: Sequence[Line], rule: IdleRule) -> dict[int, Money]:
    """Return how much idle cost each line takes on besides its own, by its place.

    An idle line that is shared out takes on what it costs, with a minus. Where nobody is on a node, everybody pays who
    pays for the resource, or else for anything; an empty cluster pays for itself.
    """
    if rule == "show":
        return {}
    payers: dict[_Whom, list[int]] = {}
    for at, line in enumerate(lines):
        if line.kind is Kind.WORKLOAD and line.cost > 0:
            for whom in (line.origin, line.resource, None):
                payers.setdefault(whom, []).append(at)
    if not payers:
        return {}
    taken: dict[int, Money] = {}
    pots: dict[_Whom, Money] = {}
    for at, line in enumerate(lines):
        if line.kind is Kind.IDLE:
            near = (line.origin,) if rule == "share" else ()
            whom = next(each for each in (*near, line.resource, None) if each in payers)
            taken[at] = -line.cost
            pots[whom] = pots.get(whom, 0) + line.cost
    for whom, pot in pots.items():
        parts = split(pot, [lines[each].cost for each in payers[whom]])
        for payer, part in zip(payers[whom], parts, strict=True):
            taken[payer] = taken.get(payer, 0) + part
    return taken
