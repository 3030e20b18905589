"""The world of disruption as a service's caches have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubewright.api.core import NAMESPACES, NODES, PODS
from kubewright.api.crds.appservice.kind import TEAM_LABEL
from kubewright.api.crds.disruptionledger import DISRUPTION_LEDGER_CRD
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMIT_CRD, DISRUPTION_LIMITS
from kubewright.api.meta import ObjectKey
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.disruption.permits import Permits
from kubewright.disruption.telling import tell
from kubewright.disruption.world import World
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator


def watched(operator: Operator) -> Callable[[], World]:
    """Have the operator keep what decisions go by; call it after the service has asked for its own caches.

    Before these are whole nobody is told anything: it raises OpError.
    """
    operator.define(DISRUPTION_LIMIT_CRD, DISRUPTION_LEDGER_CRD)
    nodes, pods = operator.informer(NODES), operator.informer(PODS)
    budgets, limits = operator.informer(POD_DISRUPTION_BUDGETS), operator.informer(DISRUPTION_LIMITS)
    namespaces = operator.informer(NAMESPACES)

    def team_of(namespace: str) -> str:
        found = namespaces.index.get(ObjectKey("", namespace))
        return found.metadata.labels.get(TEAM_LABEL, "") if found is not None else ""

    caches: tuple[Informer[Any], ...] = (nodes, pods, budgets, limits, namespaces)

    def world() -> World:
        blind = [each.resource.plural for each in caches if not each.synced]
        if blind:
            raise OpError("disruption.look", ErrorKind.UNAVAILABLE, ", ".join(blind), "not seen whole yet")
        return World(
            {node.metadata.name: node for node in nodes.index.values()},
            pods.index.get,
            pods.index.values,
            tuple(budgets.index.values()),
            tuple(limits.index.values()),
            team_of,
            operator.clock.now(),
        )

    return world


def permits(operator: Operator) -> Permits:
    """Return what an operator asks for permits by, under its own name; once for each operator."""
    world = watched(operator)
    tell(operator)
    return Permits(operator.client, operator.name, world)
