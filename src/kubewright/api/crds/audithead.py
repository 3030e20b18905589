"""AuditHead: how far the audit log went when it was last looked at; so it shows if its end is cut off (`audit`)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later
from kubewright.api.described import Rule, described
from kubewright.api.meta import KubeObject, Leaf, Manifest, ObjectKey, Resource


class AuditHeadSpec(Leaf, frozen=True):
    """The last record that was there. It never goes back."""

    sequence: Annotated[int, described("Its place.", {"format": "int64", "minimum": 1}, required=True)] = 0
    hash: Annotated[str, described("Its hash.", {"maxLength": 64}, required=True)] = ""
    at: Annotated[str, described("When it was looked at.", {"maxLength": 40}, required=True)] = ""
    signature: Annotated[str, described("Ed25519 over the three, with spaces between, base64.", {"maxLength": 128})] = (
        ""
    )

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("self.sequence >= oldSelf.sequence", "what was written is not taken back: delete this to begin anew"),
    )


class AuditHeadStatus(Leaf, frozen=True):
    """What was found."""

    conditions: Annotated[tuple[Condition, ...], described("Ready: it is intact.", list_map_keys=("type",))] = ()


class AuditHead(KubeObject, frozen=True, kw_only=True):
    """How far the audit log went."""

    spec: Annotated[AuditHeadSpec, described("The last record.", required=True)] = AuditHeadSpec()
    status: Annotated[AuditHeadStatus, described("What was found.")] = AuditHeadStatus()


AUDIT_HEADS: Resource[AuditHead] = Resource(
    "kubewright.dev", "v1alpha1", "auditheads", "AuditHead", AuditHead, namespaced=False
)
AUDIT_HEAD_CRD: Manifest
__getattr__ = generated_later(
    "AUDIT_HEAD_CRD",
    CrdSpec(
        AUDIT_HEADS,
        columns=(
            PrinterColumn("Records", "integer", ".spec.sequence", "How many records were ever written."),
            PrinterColumn("Seen", "string", ".spec.at", "When they were looked at."),
            PrinterColumn("Intact", "string", ".status.conditions[?(@.type=='Ready')].status", "Untouched or not."),
            AGE,
        ),
    ),
)
HEAD = ObjectKey("", "head")
"""There is one."""
