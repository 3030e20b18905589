"""What drivers offer: slices gathered into pools, and what of them can be used from a node (`GatherPools`).

Of several generations of a pool the newest counts. One that lacks slices is being updated, and one that contradicts
itself is invalid: nothing of either is allocated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from kubewright.api.affinity import NodeSelector
from kubewright.api.core import Node
from kubewright.api.meta import ObjectKey
from kubewright.api.quantity import parse_quantity
from kubewright.api.resourceclaims import Device, DeviceSelector, ResourceSlice
from kubewright.devices.claims.selectors import SelectorError, compiled


class PoolId(NamedTuple):
    """A driver's pool."""

    driver: str
    pool: str

    def __str__(self) -> str:
        return f"{self.driver}/{self.pool}"


class DeviceId(NamedTuple):
    """A device of a pool."""

    driver: str
    pool: str
    device: str

    def __str__(self) -> str:
        return f"{self.driver}/{self.pool}/{self.device}"


CounterName = tuple[str, str]
"""A counter set of a pool, and a counter of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A device, and what it takes of its pool's counters."""

    id: DeviceId
    device: Device
    source: ResourceSlice
    consumes: Mapping[CounterName, Fraction]
    _matches: dict[tuple[DeviceSelector, ...], bool] = field(default_factory=dict[tuple[DeviceSelector, ...], bool])

    def matches(self, selectors: tuple[DeviceSelector, ...]) -> bool:
        """Tell whether it passes all of the selectors; remembered. Raises SelectorError."""
        if not selectors:
            return True
        found = self._matches.get(selectors)
        if found is None:
            found = self._matches[selectors] = self._passes(selectors)
        return found

    def _passes(self, selectors: tuple[DeviceSelector, ...]) -> bool:
        for number, each in enumerate(selectors):
            try:
                if not compiled(each.cel.expression if each.cel else "").matches(self.id.driver, self.device):
                    return False
            except SelectorError as error:
                raise SelectorError(f"selector #{number} on device {self.id}: {error}") from error
        return True

    def is_for(self, node: Node) -> bool:
        """Tell whether a node that its slice targets may use it."""
        device = self.device
        return not self.source.spec.per_device_node_selection or _targets(
            node, device.node_name, device.node_selector, all_nodes=device.all_nodes
        )

    def selection(self) -> tuple[str | None, NodeSelector | None]:
        """Return the node that it is on, or those from which it can be used; neither for all."""
        where = self.device if self.source.spec.per_device_node_selection else self.source.spec
        return where.node_name, where.node_selector


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """A pool as one node sees it."""

    id: PoolId
    offers: tuple[Offer, ...] = ()
    """In the order in which they are tried."""
    others: tuple[Offer, ...] = ()
    """Those of slices for other nodes; they may share counters with these."""
    counters: Mapping[CounterName, Fraction] = field(default_factory=dict[CounterName, Fraction])
    is_incomplete: bool = False
    is_invalid: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    """A slice, with what was worked out of it once."""

    source: ResourceSlice
    offers: tuple[Offer, ...]


class Inventory:
    """All pools; made anew from the slices when one changes, but for what is known of those that did not."""

    def __init__(self, slices: Iterable[ResourceSlice] = (), before: Inventory | None = None) -> None:
        self._slices: dict[ObjectKey, _Slice] = {}
        self._everywhere: list[PoolId] = []
        self._on_node: dict[str, list[PoolId]] = {}
        self._members: dict[PoolId, list[_Slice]] = {}
        self._seen: dict[str, tuple[Node, tuple[Pool, ...]]] = {}
        for source in sorted(slices, key=lambda each: each.metadata.name):
            known = before._slices.get(source.key) if before is not None else None  # noqa: SLF001  (its own class)
            self._slices[source.key] = known if known is not None and known.source is source else _read(source)
        for each in self._slices.values():
            self._add(each)
        for pool, members in sorted(self._members.items()):
            names = {each.source.spec.node_name for each in members}
            if None in names or "" in names:
                self._everywhere.append(pool)
            else:
                for name in names:
                    self._on_node.setdefault(str(name), []).append(pool)

    def _add(self, each: _Slice) -> None:
        spec = each.source.spec
        members = self._members.setdefault(PoolId(spec.driver, spec.pool.name), [])
        newest = members[0].source.spec.pool.generation if members else spec.pool.generation
        if spec.pool.generation > newest:
            members.clear()
        if spec.pool.generation >= newest:
            members.append(each)

    def pools_for(self, node: Node) -> tuple[Pool, ...]:
        """Return the pools of which a node can use something, as they are tried."""
        name = node.metadata.name
        seen = self._seen.get(name)
        if seen is not None and seen[0] is node:
            return seen[1]
        mine = sorted((*self._everywhere, *self._on_node.get(name, ())))
        found = [pool for each in mine if (pool := _pool(each, self._members[each], node)) is not None]
        pools = (*(each for each in found if not _waits(each)), *(each for each in found if _waits(each)))
        self._seen[name] = (node, pools)
        return pools

    def node_of(self, pool: PoolId) -> str | None:
        """Return the only node from which a pool can be used; None if there may be several."""
        names = {each.source.spec.node_name for each in self._members.get(pool, ())}
        return next(iter(names)) if len(names) == 1 else None


def _read(source: ResourceSlice) -> _Slice:
    spec = source.spec
    return _Slice(
        source,
        tuple(
            Offer(DeviceId(spec.driver, spec.pool.name, each.name), each, source, _consumed(each))
            for each in spec.devices
        ),
    )


def _consumed(device: Device) -> dict[CounterName, Fraction]:
    found: dict[CounterName, Fraction] = {}
    for each in device.consumes_counters:
        for name, counter in each.counters.items():
            key = (each.counter_set, name)
            found[key] = found.get(key, Fraction()) + parse_quantity(counter.value)
    return found


def _pool(pool: PoolId, members: list[_Slice], node: Node) -> Pool | None:
    """Return a pool as a node sees it; None when it sees nothing of it."""
    mine = [each for each in members if _is_relevant(each, node)]
    if not mine:
        return None
    if len(members) != members[0].source.spec.pool.resource_slice_count:
        return Pool(pool, is_incomplete=True)
    counters: dict[CounterName, Fraction] = {}
    sets: list[str] = []
    for each in members:
        for one in each.source.spec.shared_counters:
            sets.append(one.name)
            counters |= {(one.name, name): parse_quantity(value.value) for name, value in one.counters.items()}
    offers = tuple(offer for each in mine if not each.source.spec.shared_counters for offer in each.offers)
    others = tuple(offer for each in members if each not in mine for offer in each.offers)
    names = [each.id for each in offers]
    unknown = any(name not in counters for each in (*offers, *others) for name in each.consumes)
    if len(set(names)) < len(names) or len(set(sets)) < len(sets) or unknown:
        return Pool(pool, is_invalid=True)
    return Pool(pool, offers, others, counters)


def _is_relevant(each: _Slice, node: Node) -> bool:
    spec = each.source.spec
    if spec.per_device_node_selection:
        return any(offer.is_for(node) for offer in each.offers)
    return _targets(node, spec.node_name, spec.node_selector, all_nodes=spec.all_nodes)


def _targets(node: Node, name: str | None, selector: NodeSelector | None, *, all_nodes: bool) -> bool:
    if name:
        return node.metadata.name == name
    return all_nodes or (selector is not None and selector.matches(node.metadata.name, node.metadata.labels))


def _waits(pool: Pool) -> bool:
    """Tell whether a pool has devices for which binding has to wait: these are taken last."""
    return any(each.device.binding_conditions for each in pool.offers)
