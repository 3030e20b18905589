"""A round for all policies: their metrics are worked out together, and who has nothing new to decide is passed over.

`again` is a policy's turn where that would say what the turn before said: everything that it goes by is the same, and
its metrics ask for as many pods as they did. Any other turn is for `decide`, whose `Seen` gets what was worked out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

import numpy as np

from kubewright.api.autoscaling import Scale
from kubewright.api.conditions import find_condition
from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.api.meta import ObjectKey
from kubewright.autoscaler.bounds import Range, behavior_of, range_at
from kubewright.autoscaler.decide import AWAY_SECONDS
from kubewright.autoscaler.metrics import names_of
from kubewright.autoscaler.readings import Readings, metrics_of
from kubewright.autoscaler.rows import Layout, Row
from kubewright.autoscaler.seen import Memory, Seen, Turn
from kubewright.autoscaler.status import NEWS, told_amounts
from kubewright.autoscaler.table import SILENT, Table, worked_out
from kubewright.scaling.limits import Bounds, limit
from kubewright.scaling.podset import PodSet
from kubewright.scaling.turn import ABLE, LIMITED

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Settled:
    """What a turn went by that changed nothing and said nothing."""

    policy: ScalePolicy
    pods: PodSet
    forecasting: str
    bounds: Range
    limits: Bounds
    said: tuple[object, ...]
    """Why the number is as it is."""
    asked: tuple[float, ...]
    """How many pods each metric asked for."""
    told: tuple[float, ...]
    """The amount of each metric in the status."""

    @classmethod
    def of(cls, seen: Seen, turn: Turn) -> _Settled | None:
        """Return a turn as a settled one; None if the next one may come to something else by itself."""
        decision, bounds = turn.decision, turn.bounds
        if not _is_plain(seen) or turn.problems or not bounds.least:
            return None
        limits = Bounds(decision.current, bounds.least, bounds.most, behavior_of(seen.policy.spec.behavior))
        able, limited = (find_condition(decision.conditions, each) for each in (ABLE, LIMITED))
        if able is None or limited is None:
            return None
        why = ((able.reason, able.message), (limited.reason, limited.message), limited.is_true)
        said = {each["name"]: each["replicas"] for each in decision.metrics or () if "amount" in each}
        amounts = dict(zip(said, told_amounts(seen.policy), strict=True))
        names = names_of(metrics_of(seen.policy.spec))
        asked, told = (tuple(of.get(each, other) for each in names) for of, other in ((said, SILENT), (amounts, 0.0)))
        return cls(seen.policy, seen.pods, seen.forecasting, bounds, limits, why, asked, told) if said else None

    def is_of(self, seen: Seen, now: float) -> bool:
        """Tell whether a turn goes by the same, but for its metrics and the time."""
        same = self.policy is seen.policy and self.pods is seen.pods and self.forecasting == seen.forecasting
        spec = seen.policy.spec
        return same and _is_plain(seen) and (not spec.schedules or range_at(spec, seen.pods, now) == self.bounds)


def _is_plain(seen: Seen) -> bool:
    """Tell whether nothing but its own metrics says what a policy does."""
    return not (seen.wrong or seen.older or seen.outlooks) and seen.rival is None


@dataclass(slots=True)
class Rounds:
    """What is known of policies from the last round."""

    _rows: dict[ObjectKey, Row] = field(default_factory=dict[ObjectKey, Row])
    _settled: dict[ObjectKey, _Settled] = field(default_factory=dict[ObjectKey, _Settled])
    _layout: Layout = field(default_factory=lambda: Layout(()))
    _readings: Readings | None = None
    _table: Table = field(default_factory=lambda: worked_out(Layout(()), Readings(), 0.0))
    _same: frozenset[ObjectKey] = frozenset()
    """Whose metrics ask for what they asked for when they settled."""

    def forget(self, key: ObjectKey) -> None:
        """Drop what is known of a policy that is gone."""
        self._rows.pop(key, None)
        self._settled.pop(key, None)

    def again(self, seen: Seen, before: Turn | None, now: float) -> Turn | None:
        """Return the policy's turn if it says what the one before said."""
        self._begin(seen.readings, now)
        key = seen.policy.key
        settled = self._settled.get(key) if key in self._same else None
        if before is None or settled is None or not 0 <= now - before.memory.at <= AWAY_SECONDS:
            return None
        if not settled.is_of(seen, now) or self._row(seen) is None:
            return None
        limited = limit(int(max(settled.asked)), settled.limits, before.memory.history, now)
        current, said = settled.limits.current, (limited.able, limited.limit, limited.limited)
        if limited.replicas != current or said != settled.said:
            return None  # what an earlier turn proposed has gone by
        memory = Memory(limited.history, None, current, now)
        return dataclasses.replace(before, memory=memory)

    def proposed(self, seen: Seen) -> Seen:
        """Return what a turn sees with what was worked out for it."""
        if self._row(seen) is None:
            return seen
        return dataclasses.replace(seen, proposals=self._table.proposals(seen.policy.key))

    def settle(self, seen: Seen, turn: Turn, *, quiet: bool) -> None:
        """Keep for the next round what a turn went by and, if it had nothing to do or say, what it came to."""
        key, scale = seen.policy.key, seen.scale
        row = self._rows.get(key)
        if not isinstance(scale, Scale):
            self.forget(key)
            return
        if row is None or not row.is_of(seen.policy, seen.pods, scale):
            row = Row.of(seen.policy, seen.pods, scale)
        settled = _Settled.of(seen, turn) if quiet and row is not None else None
        _keep(self._rows, key, row)
        _keep(self._settled, key, settled)

    def _begin(self, readings: Readings, now: float) -> None:
        """Work out all metrics, once for all turns that go by the same measurements."""
        if readings is self._readings:
            return
        rows = list(self._rows.values())
        if not self._layout.is_of(rows):
            self._layout = Layout(rows)
        self._readings, self._table = readings, worked_out(self._layout, readings, now)
        self._same = frozenset(self._unmoved())

    def _unmoved(self) -> Iterable[ObjectKey]:
        layout, table = self._layout, self._table
        if not layout.rows:
            return ()
        settled = [self._settled.get(each.policy.key) for each in layout.rows]
        unknown = [(math.nan,) * len(each.asks) for each in layout.rows]
        asked, told = (
            np.array(list(chain.from_iterable(columns)))
            for columns in (
                [other if each is None else each.asked for each, other in zip(settled, unknown, strict=True)],
                [other if each is None else each.told for each, other in zip(settled, unknown, strict=True)],
            )
        )
        amounts = np.where(np.isnan(table.share), table.average, table.share)
        moved = np.abs(amounts - told) > NEWS * np.maximum(np.abs(amounts), np.abs(told))
        same = np.logical_and.reduceat(table.good & (table.replicas == asked) & ~moved, layout.firsts)
        return (each.policy.key for each, good in zip(layout.rows, same.tolist(), strict=True) if good)

    def _row(self, seen: Seen) -> Row | None:
        """Return the policy's row of this round, if it is of what the turn sees."""
        row = self._table.row(seen.policy.key) if seen.readings is self._readings else None
        of_it = row is not None and isinstance(seen.scale, Scale) and row.is_of(seen.policy, seen.pods, seen.scale)
        return row if of_it else None


def _keep(known: dict[ObjectKey, T], key: ObjectKey, value: T | None) -> None:
    if value is None:
        known.pop(key, None)
    else:
        known[key] = value
