"""What the audit log takes: services read and create records; who keeps it deletes the oldest, and notes the last."""

from __future__ import annotations

from kubewright.api.core import EVENTS
from kubewright.api.crds.audithead import AUDIT_HEAD_CRD, AUDIT_HEADS
from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD, AUDIT_RECORDS
from kubewright.api.meta import Manifest
from kubewright.api.rights import definition_rules, rule

ACCOUNT = "kubewright-audit"


def writing_rules() -> list[Manifest]:
    """Return the rights of a service that writes."""
    return [rule(AUDIT_RECORDS, ("get", "list", "create"))]


def cluster_rules() -> list[Manifest]:
    """Return the rights of who keeps the log."""
    return [
        *writing_rules(),
        rule(AUDIT_RECORDS, ("delete",)),
        rule(AUDIT_HEADS, ("get", "create", "patch")),
        rule(AUDIT_HEADS, ("patch",), subresource="status"),
        rule(EVENTS, ("create", "patch")),
        *definition_rules([AUDIT_RECORD_CRD, AUDIT_HEAD_CRD]),
    ]
