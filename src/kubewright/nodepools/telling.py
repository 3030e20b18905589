"""What pools say of themselves: status and conditions. Pure."""

from __future__ import annotations

from kubewright.api.conditions import READY, STALLED, Condition, remove_condition, set_condition, written
from kubewright.api.crds.nodepool import NODE_POOLS, NodePool
from kubewright.api.meta import Manifest
from kubewright.api.plan import Apply
from kubewright.nodepools.figures import PoolFigures


def status_of(
    pool: NodePool,
    figures: PoolFigures,
    now: float,
    *,
    wrong: tuple[str, ...] = (),
    advice: str = "",
    trouble: str = "",
) -> Apply | None:
    """Return the status if it says anything new."""
    generation = pool.metadata.generation
    conditions = pool.status.conditions
    if wrong:
        ready = Condition(READY, "False", "InvalidSpec", "; ".join(wrong), observed_generation=generation)
        conditions = set_condition(conditions, Condition(STALLED, "True", "InvalidSpec", "; ".join(wrong)), now)
    else:
        conditions = remove_condition(conditions, STALLED)
        if trouble:
            ready = Condition(READY, "False", "ProviderFailed", trouble, observed_generation=generation)
        else:
            ready = Condition(READY, "True", *_doing(figures, advice), observed_generation=generation)
    conditions = set_condition(conditions, ready, now)
    cost = f"{figures.hourly_cost:.4g}"
    counts = (figures.nodes, figures.coming, figures.emptying, cost, generation)
    told = pool.status
    before = (told.nodes, told.coming, told.emptying, told.hourly_cost, told.observed_generation)
    if conditions == told.conditions and counts == before:
        return None
    status: Manifest = {
        "nodes": figures.nodes,
        "coming": figures.coming,
        "emptying": figures.emptying,
        "hourlyCost": cost,
        "observedGeneration": generation,
        "conditions": written(conditions),
    }
    return Apply.status(NODE_POOLS, pool.key, status)


def _doing(figures: PoolFigures, advice: str) -> tuple[str, str]:
    if figures.coming:
        return "ScalingUp", f"{figures.coming} nodes are on their way"
    if figures.emptying:
        return "Consolidating", f"{figures.emptying} nodes are being emptied"
    if advice:
        return "Recommending", advice
    return "Steady", f"{figures.nodes} nodes at {figures.hourly_cost:.4g} an hour"
