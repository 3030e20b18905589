"""What asking for permits takes besides watching nodes, pods, namespaces and PodDisruptionBudgets."""

from __future__ import annotations

from kubewright.api.crds.disruptionledger import DISRUPTION_LEDGER_CRD, DISRUPTION_LEDGERS
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMIT_CRD, DISRUPTION_LIMITS
from kubewright.api.meta import Manifest
from kubewright.api.rights import WATCH, rule

DEFINITIONS: tuple[Manifest, ...] = (DISRUPTION_LIMIT_CRD, DISRUPTION_LEDGER_CRD)
"""The definitions that a service comes to install with it."""


def permit_rules() -> list[Manifest]:
    """Return the rights to read limits and to write the ledger."""
    return [
        rule(DISRUPTION_LIMITS, WATCH),
        rule(DISRUPTION_LIMITS, ("patch",), subresource="status"),
        rule(DISRUPTION_LEDGERS, ("get", "create")),
        rule(DISRUPTION_LEDGERS, ("patch",), subresource="status"),
    ]
