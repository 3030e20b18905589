"""What asking for permits takes besides watching nodes, pods, namespaces and PodDisruptionBudgets."""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.disruptionledger import DISRUPTION_LEDGER_CRD, DISRUPTION_LEDGERS
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMIT_CRD, DISRUPTION_LIMITS
from kubewright.api.meta import Manifest, Resource
from kubewright.api.rights import WATCH, rule

DEFINITIONS: tuple[Manifest, ...] = (DISRUPTION_LIMIT_CRD, DISRUPTION_LEDGER_CRD)
"""The definitions that a service comes to install with it."""


def permit_rules(*about: Resource[Any]) -> list[Manifest]:
    """Return the rights to read limits, to write the ledger, and to look again at what seems to be out of service.

    That is of the kinds that permits are asked `about`: nodes, pods, or both.
    """
    return [
        rule(DISRUPTION_LIMITS, WATCH),
        rule(DISRUPTION_LIMITS, ("patch",), subresource="status"),
        *(rule(kind, ("get",)) for kind in about),
        rule(DISRUPTION_LEDGERS, ("get", "create")),
        rule(DISRUPTION_LEDGERS, ("patch",), subresource="status"),
    ]
