"""What is known of claims to devices: what is taken, what was decided, how nodes stand. A part of `DeviceClaims`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.resourceclaims import AllocatedDevice, ResourceClaim
from kubewright.devices.claims.pools import Inventory, PoolId
from kubewright.devices.claims.taken import Taken
from kubewright.placement.nodes import NodeMask, NodeScores, NodeTable

_KEPT = 256
_REMEMBERED_CHANGES = 4096


@dataclass(frozen=True, slots=True)
class Decision:
    """What a claim was given for a pod, until the cluster shows it."""

    claim: ResourceClaim
    pod: ObjectKey
    node: str
    allocation: Manifest
    results: tuple[AllocatedDevice, ...]
    is_written: bool = False


@dataclass(slots=True)
class Standing:
    """How the nodes stand with some claims, as of one moment of the log of changes."""

    mask: NodeMask
    scores: NodeScores
    errors: dict[int, str]
    """By column, why no answer was found there."""
    seen: int

    def copy(self) -> Standing:
        """Return an independent copy."""
        return Standing(self.mask.copy(), self.scores.copy(), self.errors.copy(), self.seen)


@dataclass(slots=True)
class Books:
    """What is taken, by whom; a fork has its own from its first booking on."""

    taken: Taken = field(default_factory=Taken)
    counted: dict[ObjectKey, tuple[AllocatedDevice, ...]] = field(
        default_factory=dict[ObjectKey, tuple[AllocatedDevice, ...]]
    )
    """By claim, the devices that are counted in `taken`."""
    decided: dict[ObjectKey, Decision] = field(default_factory=dict[ObjectKey, Decision])
    """By claim."""
    standings: dict[bytes, Standing] = field(default_factory=dict[bytes, Standing])
    table: NodeTable | None = None
    changes: list[str | None] = field(default_factory=list[str | None])
    """The nodes where devices were taken or given back, None for all."""
    first_change: int = 0
    inventory: Inventory = field(default_factory=Inventory)

    def copy(self) -> Books:
        """Return an independent copy."""
        standings = {key: each.copy() for key, each in self.standings.items()}
        return replace(
            self,
            taken=self.taken.copy(),
            counted=self.counted.copy(),
            decided=self.decided.copy(),
            standings=standings,
            changes=self.changes.copy(),
        )

    def count(self, key: ObjectKey, claim: ResourceClaim | None) -> None:
        """Bring what is taken up to date with what the cluster says of a claim, or what was decided."""
        now: tuple[AllocatedDevice, ...] = ()
        if claim is not None and claim.status.allocation is not None:
            now = claim.status.allocation.devices.results
        elif key in self.decided:
            now = self.decided[key].results
        before = self.counted.get(key, ())
        if now == before:
            return
        self.taken.remove(before)
        self.taken.add(now)
        if now:
            self.counted[key] = now
        else:
            self.counted.pop(key, None)
        for pool in {PoolId(each.driver, each.pool) for each in (*before, *now)}:
            self.log(self.inventory.node_of(pool))

    def log(self, node: str | None) -> None:
        """Note that a node, or with None any of them, may stand otherwise now."""
        self.changes.append(node)
        if len(self.changes) > _REMEMBERED_CHANGES:
            del self.changes[: _REMEMBERED_CHANGES // 2]
            self.first_change += _REMEMBERED_CHANGES // 2

    def changed_since(self, moment: int, table: NodeTable) -> Iterable[int]:
        """Return the columns that may stand otherwise than at a moment of the log."""
        if moment < self.first_change:
            return range(len(table))
        names = self.changes[moment - self.first_change :]
        if None in names:
            return range(len(table))
        return sorted({table.columns[name] for name in names if name is not None and name in table.columns})

    @property
    def now(self) -> int:
        """Return the present moment of the log."""
        return self.first_change + len(self.changes)

    def keep(self, key: bytes, standing: Standing) -> None:
        """Remember how the nodes stand with some claims; of too many the older half is forgotten."""
        if len(self.standings) >= _KEPT:
            for old in tuple(islice(self.standings, _KEPT // 2)):
                del self.standings[old]
        self.standings[key] = standing
