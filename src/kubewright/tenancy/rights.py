"""What keeping Teams takes. A verb that it comes to use is added here; a test runs it as this account.

It may give out the rights of the three shared roles, which it does not have itself, by their names alone: `escalate`
to write them, `bind` to bind them. Roles of one's own (`spec.clusterRoles`) need a `bind` of theirs.
"""

from __future__ import annotations

from kubewright.api.core import EVENTS, NAMESPACES
from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD
from kubewright.api.crds.queue import QUEUE_CRD, QUEUES
from kubewright.api.crds.team import TEAM_CRD, TEAMS
from kubewright.api.meta import Manifest
from kubewright.api.quotas import LIMIT_RANGES, RESOURCE_QUOTAS
from kubewright.api.rights import WATCH, definition_rules, rule
from kubewright.audit import rights as audit
from kubewright.guardrails.decide import BINDINGS, POLICIES
from kubewright.tenancy.inventory import LISTED
from kubewright.tenancy.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, NETWORK_POLICIES, ROLE_BINDINGS
from kubewright.tenancy.roles import ROLE_NAMES

ACCOUNT = "kubewright-tenancy"
_KEEP = (*WATCH, "create", "patch", "delete")


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definitions."""
    return [
        rule(TEAMS, (*WATCH, "patch")),
        # Members may read their own, and who gives out a right must have it.
        *(rule(each, ("get",)) for each in (TEAMS, NAMESPACES, QUEUES)),
        rule(TEAMS, ("patch",), subresource="status"),
        *(
            rule(each, _KEEP)
            for each in (
                NAMESPACES,
                QUEUES,
                RESOURCE_QUOTAS,
                LIMIT_RANGES,
                NETWORK_POLICIES,
                ROLE_BINDINGS,
                CLUSTER_ROLES,
                CLUSTER_ROLE_BINDINGS,
                POLICIES,
                BINDINGS,
            )
        ),
        rule(CLUSTER_ROLES, ("bind", "escalate"), names=ROLE_NAMES),
        *(rule(each, ("list",)) for each in LISTED),
        rule(EVENTS, ("create", "patch")),
        *audit.writing_rules(),
        *definition_rules([QUEUE_CRD, TEAM_CRD, AUDIT_RECORD_CRD]),
    ]
