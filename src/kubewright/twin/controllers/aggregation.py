"""ClusterRoles that take their rules from others: `admin` holds what each role with the right label holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import ObjectKey
from kubewright.api.rbac import CLUSTER_ROLES, ClusterRole
from kubewright.runtime.controller import Done, watch_mapped
from kubewright.runtime.informer import Informer
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Patch, Write, Writer

NAME = "clusterrole-aggregation-controller"


def decide(role: ClusterRole, others: Iterable[ClusterRole]) -> list[Write]:
    """Return how a role comes to hold the rules of those it names, by selector and name, each rule once."""
    if role.aggregation_rule is None:
        return []
    named = sorted(others, key=lambda each: each.metadata.name)
    rules: list[dict[str, Any]] = []
    for selector in role.aggregation_rule.cluster_role_selectors:
        for other in named:
            if other.metadata.name != role.metadata.name and selector.matches(other.metadata.labels):
                rules += [rule for rule in other.rules or () if rule not in rules]
    if rules == list(role.rules or ()):
        return []
    return [Patch(CLUSTER_ROLES, role.key, role.metadata.uid, {"rules": rules})]


@dataclass(frozen=True, slots=True)
class AggregationReconciler:
    """One role's turn."""

    roles: Informer[ClusterRole]
    writer: Writer

    async def reconcile(self, key: ObjectKey) -> Done:
        """Give the role what it is to hold."""
        role = self.roles.index.get(key)
        if role is not None:
            await self.writer.do(decide(role, self.roles.index.values()))
        return Done()


def add_to(context: Context) -> None:
    """Wire the controller: whichever role changes, each that aggregates is looked at."""
    roles = context.caches.of(CLUSTER_ROLES)
    queue = context.queue(NAME, ObjectKey)

    def aggregating(_: ClusterRole) -> tuple[ObjectKey, ...]:
        return tuple(each.key for each in roles.index.values() if each.aggregation_rule is not None)

    watch_mapped(roles, queue, aggregating)
    context.controller(NAME, AggregationReconciler(roles, context.writer(NAME)), queue, (roles,))
