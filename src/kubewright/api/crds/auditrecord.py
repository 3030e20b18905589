"""AuditRecord: what was decided and done, written once. Each holds the hash of the one before it (`audit`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, ObjectKey, Resource

DECIDED, INTENDED, DONE, FAILED = "Decided", "Intended", "Done", "Failed"
MOST_ENTRIES, MOST_ACTIONS, MOST_DETAILS = 100, 64, 16
TEXT, LONG_TEXT = 256, 1024
_TIME = {"maxLength": 40}
_HASH = {"maxLength": 64}


class Entry(Leaf, frozen=True):
    """One thing that was decided, is about to be done, or came out so."""

    id: Annotated[str, described("By which its outcome refers to it.", {"maxLength": TEXT}, required=True)] = ""
    at: Annotated[str, described("When.", _TIME, required=True)] = ""
    kind: Annotated[
        str,
        described(
            "Decided, with nothing to do; Intended, before it is done; Done or Failed, after.",
            {"enum": [DECIDED, INTENDED, DONE, FAILED]},
            required=True,
        ),
    ] = DECIDED
    who: Annotated[str, described("A service or a person.", {"maxLength": TEXT}, required=True)] = ""
    about: Annotated[str, described("The object: Kind/namespace/name.", {"maxLength": 512})] = ""
    why: Annotated[str, described("The reason.", {"maxLength": LONG_TEXT})] = ""
    actions: Annotated[
        tuple[str, ...],
        described(
            "What is done, in order.",
            {"maxItems": MOST_ACTIONS, "items": {"type": "string", "maxLength": LONG_TEXT}},
            atomic=True,
        ),
    ] = ()
    outcome: Annotated[str, described("How it came out.", {"maxLength": LONG_TEXT})] = ""
    of: Annotated[str, described("Of which intention it is the outcome.", {"maxLength": TEXT})] = ""
    details: Annotated[
        Mapping[str, str],
        described(
            "What else is to be remembered.",
            {"maxProperties": MOST_DETAILS, "additionalProperties": {"type": "string", "maxLength": LONG_TEXT}},
        ),
    ] = EMPTY


class Checkpoint(Leaf, frozen=True):
    """Records that were there and may be gone: with this the rest can still be verified."""

    through: Annotated[int, described("The last of them.", {"format": "int64", "minimum": 1}, required=True)] = 0
    hash: Annotated[str, described("Its hash.", _HASH, required=True)] = ""


class AuditRecordSpec(Leaf, frozen=True):
    """A link of the chain. Never changed."""

    sequence: Annotated[int, described("Its place.", {"format": "int64", "minimum": 1}, required=True)] = 0
    writer: Annotated[str, described("Who wrote it.", {"maxLength": TEXT}, required=True)] = ""
    at: Annotated[str, described("When.", _TIME, required=True)] = ""
    previous: Annotated[str, described("The hash of the record before; empty for the first.", _HASH)] = ""
    entries: Annotated[tuple[Entry, ...], described("What happened.", {"maxItems": MOST_ENTRIES}, atomic=True)] = ()
    checkpoint: Annotated[Checkpoint | None, described("Which older records may be gone.")] = None
    hash: Annotated[
        str, described("SHA-256 over all of the spec but this and the signature.", _HASH, required=True)
    ] = ""
    key: Annotated[str, described("Which key signed it.", {"maxLength": 64})] = ""
    signature: Annotated[str, described("Ed25519 over the hash, base64.", {"maxLength": 128})] = ""

    RULES: ClassVar[tuple[Rule, ...]] = (Rule("self == oldSelf", "what was written is never changed"),)


class AuditRecord(KubeObject, frozen=True, kw_only=True):
    """What was decided and done, written once."""

    spec: Annotated[AuditRecordSpec, described("The link.", required=True)] = AuditRecordSpec()


AUDIT_RECORDS: Resource[AuditRecord] = Resource(
    "kubewright.dev", "v1alpha1", "auditrecords", "AuditRecord", AuditRecord, namespaced=False
)
AUDIT_RECORD_CRD: Manifest
__getattr__ = generated_later(
    "AUDIT_RECORD_CRD",
    CrdSpec(
        AUDIT_RECORDS,
        columns=(
            PrinterColumn("Writer", "string", ".spec.writer", "Who wrote it."),
            PrinterColumn("First", "string", ".spec.entries[0].about", "What its first entry is about."),
            PrinterColumn("Hash", "string", ".spec.hash", "Its hash.", priority=1),
            AGE,
        ),
    ),
)


def record_key(sequence: int) -> ObjectKey:
    """Return the one name that a record of this place can have: whoever creates it first has the place."""
    return ObjectKey("", f"record-{sequence:012d}")
