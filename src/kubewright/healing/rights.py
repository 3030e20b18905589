"""What healing takes. A verb that it comes to use is added here; a test runs it as this account.

It reads much, and writes Incidents; what it does to others is what its remedies do: pods go, workloads and Services are
put back to what they were, nodes are cordoned, tainted and left by what was theirs.
"""

from __future__ import annotations

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.coordination import LEASES
from kubewright.api.core import EVENTS, NAMESPACES, NODES, PODS, SERVICES
from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD
from kubewright.api.crds.disruptionledger import DISRUPTION_LEDGER_CRD
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMIT_CRD
from kubewright.api.crds.healingpolicy import HEALING_POLICIES, HEALING_POLICY_CRD
from kubewright.api.crds.incident import INCIDENT_CRD, INCIDENTS
from kubewright.api.crds.notificationchannel import NOTIFICATION_CHANNEL_CRD
from kubewright.api.meta import Manifest
from kubewright.api.networking import NETWORK_POLICIES
from kubewright.api.rights import WATCH, definition_rules, rule
from kubewright.api.volumes import CLAIMS
from kubewright.audit.rights import writing_rules
from kubewright.disruption.rights import permit_rules
from kubewright.healing.finding import HEALER
from kubewright.healing.metal3 import BARE_METAL_HOSTS
from kubewright.healing.seen import FOLLOWED
from kubewright.notify.rights import telling_rules
from kubewright.scheduler.state import FOLLOWED as PLACED
from kubewright.signals.looking import CERTIFICATES, LEFTOVERS, TRUSTING

ACCOUNT = HEALER
_WATCHED = frozenset(each.plural for each in (*FOLLOWED, *PLACED))
_DEFINITIONS = [
    INCIDENT_CRD,
    HEALING_POLICY_CRD,
    AUDIT_RECORD_CRD,
    DISRUPTION_LIMIT_CRD,
    DISRUPTION_LEDGER_CRD,
    NOTIFICATION_CHANNEL_CRD,
]


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definitions."""
    return [
        *(rule(kind, WATCH) for kind in dict.fromkeys((*FOLLOWED, *PLACED, LEASES, NETWORK_POLICIES))),
        *(rule(kind, ("list",)) for kind in (*LEFTOVERS, *TRUSTING, CERTIFICATES) if kind.plural not in _WATCHED),
        rule(INCIDENTS, (*WATCH, "create", "patch", "delete")),
        rule(INCIDENTS, ("patch",), subresource="status"),
        rule(HEALING_POLICIES, WATCH),
        rule(HEALING_POLICIES, ("patch",), subresource="status"),
        rule(NAMESPACES, ("create", "patch")),
        rule(NODES, ("patch",)),
        rule(PODS, ("patch", "delete")),
        rule(PODS, ("create",), subresource="eviction"),
        rule(PODS, ("patch",), subresource="resize"),
        rule(DEPLOYMENTS, ("patch",)),
        rule(SERVICES, ("create", "patch")),
        rule(NETWORK_POLICIES, ("patch", "delete")),
        rule(CLAIMS, ("patch",)),
        rule(BARE_METAL_HOSTS, ("get", "patch")),
        rule(LEASES, ("create", "patch")),
        rule(EVENTS, ("create", "patch", *WATCH)),
        *permit_rules(NODES, PODS),
        *writing_rules(),
        *telling_rules(),
        *definition_rules(_DEFINITIONS),
    ]
