"""How many pods may be taken away at once by those who ask: drains, upgrades, consolidation."""

from __future__ import annotations

from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import Manifest
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.workloads.children.identity import child, selector


def disruption_budget(app: AppService) -> Manifest | None:
    """Return the budget of an application that says how available it is to be."""
    said = app.spec.availability
    if said is None or app.spec.runs_to_its_end:
        return None
    if said.min_available != "":
        bound = {"minAvailable": said.min_available}
    else:
        bound = {"maxUnavailable": said.max_unavailable if said.max_unavailable != "" else 1}
    # A pod that crashes is not available anyway: it must not keep a node from being drained.
    spec = {**bound, "selector": {"matchLabels": selector(app)}, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    return child(app, POD_DISRUPTION_BUDGETS, spec=spec)
