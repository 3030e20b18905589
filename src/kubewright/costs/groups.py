"""A report's rows: what is charged, summed by team, application, namespace, node, label and so on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from kubewright.costs.allocate import Kind
from kubewright.costs.facts import Resource
from kubewright.costs.ledger import Line
from kubewright.costs.money import Money, split
from kubewright.costs.prices import PriceBook
from kubewright.costs.sharing import IdleRule, shared_idle
from kubewright.devices.requests import PRODUCT

IDLE, OVERHEAD, NONE = "__idle__", "__overhead__", "__none__"
"""Rows of nobody: what was idle, what the cluster itself costs, and whoever lacks what is summed by."""
LABEL = "label:"
_GRAIN = 10**6


@dataclass(slots=True)
class Row:
    """What one team, say, pays."""

    name: str
    by_resource: dict[Resource, Money] = field(default_factory=dict[Resource, Money])
    idle: Money = 0
    """Its part of what was idle."""
    shared: Money = 0
    """Its part of what everybody shares."""
    wasted: Money = 0
    gpu_wasted: Money = 0
    """Of what is wasted, for GPUs that were its own and did nothing."""
    unmeasured: Money = 0

    @property
    def total(self) -> Money:
        """Return all of it."""
        return sum(self.by_resource.values()) + self.idle + self.shared

    @property
    def is_somebody(self) -> bool:
        """Whether it can be asked to pay for others."""
        return self.name not in {IDLE, OVERHEAD, NONE}


def dimension(by: str) -> Callable[[Line], str]:
    """Return what a line is summed by; raises ValueError for what cannot be summed by."""
    if by.startswith(LABEL) and len(by) > len(LABEL):
        key = by.removeprefix(LABEL)
        return lambda line: dict(line.owner.labels).get(key, "") or NONE
    if by not in _DIMENSIONS:
        raise ValueError(f"{by!r} is none of {', '.join(_DIMENSIONS)} and {LABEL}KEY")
    return _DIMENSIONS[by]


def rows(lines: Sequence[Line], by: str, idle: IdleRule = "show", prices: PriceBook | None = None) -> list[Row]:
    """Return the rows, the dearest first, rows of nobody last; they add up to what the lines come to."""
    key, of_node = dimension(by), by == "node"
    book = prices or PriceBook()
    common = book.file.shared
    taken = shared_idle(lines, idle)
    found: dict[str, Row] = {}
    pot = 0
    for at, line in enumerate(lines):
        extra = taken.get(at, 0)
        if line.kind is Kind.WORKLOAD and line.owner.namespace in common.namespaces:
            pot += line.cost + extra
            continue
        if line.kind is Kind.OVERHEAD and common.overhead:
            pot += line.cost
            continue
        if line.kind is not Kind.WORKLOAD and line.cost + extra == 0:
            continue
        if line.kind is Kind.WORKLOAD or (of_node and line.kind is Kind.IDLE):
            name = key(line)
        else:
            name = IDLE if line.kind is Kind.IDLE else OVERHEAD
        _add(found.setdefault(name, Row(name)), line, extra)
    _share(found, pot, book)
    return sorted(found.values(), key=lambda row: (not row.is_somebody, -row.total, row.name))


def _add(row: Row, line: Line, extra: Money) -> None:
    if line.kind is Kind.IDLE:
        row.idle += line.cost + extra
        return
    row.by_resource[line.resource] = row.by_resource.get(line.resource, 0) + line.cost
    row.idle += extra
    row.wasted += line.wasted
    row.unmeasured += line.unmeasured
    if line.resource is Resource.GPU:
        row.gpu_wasted += line.wasted


def _share(found: dict[str, Row], pot: Money, book: PriceBook) -> None:
    """Have everybody pay a part of the pot; what nobody can be asked for stays with the overhead."""
    if not pot:
        return
    payers = [row for row in found.values() if row.is_somebody]
    weights = _weights(payers, book)
    if not any(weights):
        found.setdefault(OVERHEAD, Row(OVERHEAD)).shared += pot
        return
    for row, part in zip(payers, split(pot, weights), strict=True):
        row.shared += part


def _weights(payers: Sequence[Row], book: PriceBook) -> list[int]:
    match book.file.shared.split:
        case "even":
            return [1] * len(payers)
        case "weights":
            return [int(book.weights.get(row.name, Fraction(0)) * _GRAIN) for row in payers]
        case _:
            own = [row.total for row in payers]
            return own if any(own) else [1] * len(payers)


def _controller(line: Line) -> str:
    owner = line.owner
    kind = f"{owner.kind.lower()}/" if owner.kind else ""
    name = owner.controller or owner.pod
    return f"{owner.namespace}/{kind}{name}" if name else NONE


def _model(line: Line) -> str:
    return line.asset.labels.get(PRODUCT, "unknown model") if line.resource is Resource.GPU else NONE


_DIMENSIONS: dict[str, Callable[[Line], str]] = {
    "team": lambda line: line.owner.team or NONE,
    "app": lambda line: f"{line.owner.namespace}/{line.owner.app}" if line.owner.app else NONE,
    "namespace": lambda line: line.owner.namespace or NONE,
    "node": lambda line: line.asset.name if line.asset.kind == "Node" else NONE,
    "controller": _controller,
    "pod": lambda line: f"{line.owner.namespace}/{line.owner.pod or line.owner.controller}",
    "gpu": _model,
}
BY = tuple(_DIMENSIONS)
