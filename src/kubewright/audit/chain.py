"""Links of the chain: how one is made, and what is wrong with a chain. Pure.

A record's hash is SHA-256 over the canonical JSON (sorted names, no spaces, UTF-8) of its spec but for `hash`, `key`
and `signature`; it covers the hash of the record before. So whoever changes, removes, inserts or moves a record would
have to write all after it anew, and where records are signed has not the key to.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from kubewright.api.crds.audithead import AuditHeadSpec
from kubewright.api.crds.auditrecord import INTENDED, Checkpoint, Entry, record_key
from kubewright.api.meta import Manifest

_NOT_HASHED = frozenset({"hash", "key", "signature"})


def link(
    sequence: int,
    previous: str,
    writer: str,
    at: str,
    entries: Sequence[Entry] = (),
    *,
    checkpoint: Checkpoint | None = None,
    key: Ed25519PrivateKey | None = None,
) -> Manifest:
    """Return the spec of a record, hashed, and signed if there is a key."""
    spec: Manifest = {"sequence": sequence, "writer": writer, "at": at, "entries": _plain(entries)}
    if previous:
        spec["previous"] = previous
    if checkpoint is not None:
        spec["checkpoint"] = {"through": checkpoint.through, "hash": checkpoint.hash}
    spec["hash"] = hash_of(spec)
    if key is not None:
        spec["key"] = fingerprint(key.public_key())
        spec["signature"] = base64.b64encode(key.sign(spec["hash"].encode())).decode()
    return spec


def _plain(entries: Sequence[Entry]) -> list[Manifest]:
    """Write entries without what they do not say."""
    found: list[Manifest] = msgspec.to_builtins(list(entries))
    return [{name: value for name, value in each.items() if value} for each in found]


def hash_of(spec: Mapping[str, Any]) -> str:
    """Return the hash that a record's spec should have."""
    content = {name: value for name, value in spec.items() if name not in _NOT_HASHED}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return what a key is known by."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, at which record."""

    sequence: int
    what: str

    def __str__(self) -> str:
        return f"record {self.sequence}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a chain came to."""

    records: int
    entries: int
    first: int
    last: int
    head: str
    findings: tuple[Finding, ...]
    open: tuple[str, ...]
    """Intentions without an outcome: under way, or cut short."""


@dataclass(frozen=True, slots=True)
class Named:
    """A record as it was found: its object's name, if it was an object, and its spec, undecoded."""

    name: str
    spec: Mapping[str, Any]

    @property
    def sequence(self) -> int:
        """Return its place, or 0 if it says none."""
        found = self.spec.get("sequence")
        return found if isinstance(found, int) else 0

    @property
    def hash(self) -> str:
        """Return its hash, or nothing if it says none."""
        return _text(self.spec, "hash")

    @property
    def entries(self) -> list[Mapping[str, Any]]:
        """Return its entries, as far as they are any: somebody may have written anything in their place."""
        found = self.spec.get("entries")
        if not isinstance(found, list):
            return []
        return [each for each in found if isinstance(each, dict)]  # pyright: ignore[reportUnknownVariableType]  JSON


def noted(last: Named, at: str, key: Ed25519PrivateKey | None = None) -> AuditHeadSpec:
    """Note how far the log goes, signed if there is a key: what is cut off at its end leaves no other trace."""
    head = AuditHeadSpec(last.sequence, last.hash, at)
    if key is None:
        return head
    return replace(head, signature=base64.b64encode(key.sign(_said(head))).decode())


def _said(head: AuditHeadSpec) -> bytes:
    return f"{head.sequence} {head.hash} {head.at}".encode()


def verify(
    found: Sequence[Named],
    *,
    key: Ed25519PublicKey | None = None,
    head: str = "",
    note: AuditHeadSpec | None = None,
) -> Verdict:
    """Verify records in the order in which they were found; objects come in the order of their names.

    `key` has every record be signed by it; `head` is a hash that somebody noted, which has to be there, and `note` what
    was noted in the cluster, since what was cut off at the end leaves no other trace.
    """
    findings = [*_each(found, key), *_between(found)]
    if note is not None:
        findings += _as_noted(found, note, key)
    hashes = {each.hash for each in found}
    last = found[-1] if found else None
    if head and head not in hashes:
        at = last.sequence if last is not None else 0
        findings.append(Finding(at, f"the hash {head[:12]}..., which was noted, is missing: the end was cut off"))
    sequences = [each.sequence for each in found]
    return Verdict(
        len(found),
        sum(len(each.entries) for each in found),
        min(sequences, default=0),
        max(sequences, default=0),
        last.hash if last is not None else "",
        tuple(sorted(findings, key=lambda each: each.sequence)),
        _open(found),
    )


def _as_noted(found: Sequence[Named], note: AuditHeadSpec, key: Ed25519PublicKey | None) -> Iterable[Finding]:
    """Compare a chain with how far it once went; what was pruned since says so by a checkpoint, like all else."""
    if key is not None and not _is_signed_by(key, note.signature, _said(note)):
        yield Finding(note.sequence, "the note of how far the log went is not signed by the key")
    last = found[-1].sequence if found else 0
    if last < note.sequence:
        gone = str(note.sequence) if last + 1 == note.sequence else f"{last + 1} to {note.sequence}"
        yield Finding(last + 1, f"removed: {gone}: the end was cut off, the log went on until {note.at}")
    for each in found:
        if each.sequence == note.sequence and each.hash != note.hash:
            yield Finding(each.sequence, f"another one than was there at {note.at}: the end was written anew")


def _each(found: Iterable[Named], key: Ed25519PublicKey | None) -> Iterable[Finding]:
    for each in found:
        if each.name and each.name != record_key(each.sequence).name:
            yield Finding(each.sequence, f"the object is called {each.name}: moved or inserted")
        if each.hash != hash_of(each.spec):
            yield Finding(each.sequence, "changed: its content is not what its hash says")
        if key is not None and not _is_signed(each.spec, key):
            yield Finding(each.sequence, "not signed by the key")


def _is_signed(spec: Mapping[str, Any], key: Ed25519PublicKey) -> bool:
    return _is_signed_by(key, _text(spec, "signature"), _text(spec, "hash").encode())


def _is_signed_by(key: Ed25519PublicKey, signature: str, content: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _between(found: Sequence[Named]) -> Iterable[Finding]:
    if found and not _begins_well(found):
        first = found[0]
        yield Finding(
            first.sequence, f"removed: what was before it is gone, and no checkpoint says so ({_before(first)})"
        )
    for one, other in pairwise(found):
        if other.sequence == one.sequence:
            yield Finding(other.sequence, "inserted: there are two of this place")
        elif other.sequence < one.sequence:
            yield Finding(other.sequence, f"reordered: it comes after record {one.sequence}")
        elif other.sequence > one.sequence + 1:
            gap = (
                f"{one.sequence + 1} to {other.sequence - 1}"
                if other.sequence > one.sequence + 2
                else str(one.sequence + 1)
            )
            yield Finding(one.sequence + 1, f"removed: {gap}")
        elif _text(other.spec, "previous") != one.hash:
            yield Finding(
                other.sequence, f"does not continue record {one.sequence}: one of them was replaced or inserted"
            )


def _before(first: Named) -> str:
    return f"1 to {first.sequence - 1}" if first.sequence > 1 else "it says that there was something"


def _begins_well(found: Sequence[Named]) -> bool:
    """Tell whether the first record is the first, or a checkpoint says that those before it may be gone."""
    first = found[0]
    if first.sequence == 1:
        return not _text(first.spec, "previous")
    by_place = {each.sequence: each.hash for each in found}
    by_place.setdefault(first.sequence - 1, _text(first.spec, "previous"))
    for each in found:
        said = sealed(each.spec)
        if said is not None and said.through >= first.sequence - 1 and by_place.get(said.through) == said.hash:
            return True
    return False


def sealed(spec: Mapping[str, Any]) -> Checkpoint | None:
    """Return the checkpoint of a record, if it has one that can be read."""
    try:
        return msgspec.convert(spec.get("checkpoint"), Checkpoint | None)
    except msgspec.ValidationError:
        return None


def _open(found: Iterable[Named]) -> tuple[str, ...]:
    intended: dict[str, None] = {}
    for each in found:
        for entry in each.entries:
            if entry.get("kind") == INTENDED:
                intended[_text(entry, "id")] = None
            intended.pop(_text(entry, "of"), None)
    return tuple(intended)


def _text(spec: Mapping[str, Any], name: str) -> str:
    found = spec.get(name, "")
    return found if isinstance(found, str) else ""
