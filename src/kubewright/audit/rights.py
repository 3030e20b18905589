"""What writing the audit log takes: to read and create records, and not to change or delete any."""

from __future__ import annotations

from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD, AUDIT_RECORDS
from kubewright.api.meta import Manifest
from kubewright.api.rights import rule

DEFINITION: Manifest = AUDIT_RECORD_CRD


def writing_rules() -> list[Manifest]:
    """Return the rights of a service that writes."""
    return [rule(AUDIT_RECORDS, ("get", "list", "create"))]
