"""How many nodes of a pool may be emptied at once, at this hour. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kubewright.api.crds.nodepool import DisruptionBudget
from kubewright.api.windows import is_open

_DEFAULT = (DisruptionBudget("10%"),)


def nodes_at_once(budgets: Sequence[DisruptionBudget], n_nodes: int, now: float) -> int:
    """Return the least of what the budgets allow that hold now; a share of a pool is rounded up."""
    return min((_allowed(each.nodes, n_nodes) for each in budgets or _DEFAULT if _holds(each, now)), default=n_nodes)


def _allowed(text: str, n_nodes: int) -> int:
    if text.endswith("%"):
        return math.ceil(int(text[:-1]) * n_nodes / 100)
    return int(text)


def _holds(budget: DisruptionBudget, now: float) -> bool:
    """Tell whether the last time that it began is not over yet."""
    return not budget.schedule or is_open(budget.schedule, budget.duration_minutes, budget.time_zone, now)
