"""How many nodes of a pool may be emptied at once, at this hour. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.crds.nodepool import DisruptionBudget
from kubewright.api.windows import is_open
from kubewright.disruption.counting import amount

_DEFAULT = (DisruptionBudget("10%"),)


def nodes_at_once(budgets: Sequence[DisruptionBudget], n_nodes: int, now: float) -> int:
    """Return the least of what the budgets allow that hold now; a share of a pool is rounded up."""
    return min((amount(each.nodes, n_nodes) for each in budgets or _DEFAULT if _holds(each, now)), default=n_nodes)


def _holds(budget: DisruptionBudget, now: float) -> bool:
    """Tell whether the last time that it began is not over yet."""
    return not budget.schedule or is_open(budget.schedule, budget.duration_minutes, budget.time_zone, now)
