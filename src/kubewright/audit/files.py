"""Records from a cluster and in files, and keys. A file has one record a line, as canonical JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from kubewright.api.crds.audithead import AUDIT_HEADS, HEAD, AuditHead
from kubewright.api.crds.auditrecord import AUDIT_RECORDS
from kubewright.api.live import live_resource
from kubewright.audit.chain import Named
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.files import adding, replacing
from kubewright.runtime.children import get_or_none, list_if_served

_LONGEST_LINE = 16 * 1024 * 1024
"""No API server stores an object that is longer."""


async def read_cluster(client: Client) -> list[Named]:
    """Return all records of a cluster, by their names; none where the kind is not installed."""
    found = await list_if_served(client, live_resource(AUDIT_RECORDS))
    return sorted((Named(each.metadata.name, each.spec) for each in found), key=lambda each: each.name)


async def read_noted(client: Client) -> tuple[AuditHead | None, list[Named]]:
    """Return how far a cluster's log was when it was last looked at, None where nobody looks, and all its records.

    The note is read first: what is written meanwhile is newer than it.
    """
    head = await get_or_none(client, AUDIT_HEADS, HEAD)
    return head, await read_cluster(client)


def read_records(file: Path) -> list[Named]:
    """Return the records of a file, in its order."""
    records: list[Named] = []
    try:
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            spec: Any = msgspec.json.decode(line)
            if not isinstance(spec, dict):
                raise OpError("audit.read", ErrorKind.INVALID, str(file), f"line {number} is no record")
            records.append(Named("", spec))  # pyright: ignore[reportUnknownArgumentType]  JSON
    except OSError as error:
        raise OpError("audit.read", ErrorKind.NOT_FOUND, str(file), error.strerror or str(error)) from error
    except msgspec.DecodeError as error:
        raise OpError("audit.read", ErrorKind.INVALID, str(file), f"line {len(records) + 1}: {error}") from error
    return records


def write_records(file: Path, records: Sequence[Named]) -> None:
    """Write a file anew: whole, or not at all."""
    try:
        with replacing(file) as unfinished:
            unfinished.write(_lines(records))
    except OSError as error:
        raise OpError("audit.write", ErrorKind.INVALID, str(file), error.strerror or str(error)) from error


def add_records(file: Path, records: Sequence[Named]) -> None:
    """Add records to the end of a file, which is made if there is none: all of them, on the disk, or none."""
    try:
        adding(file, _lines(records))
    except OSError as error:
        raise OpError("audit.write", ErrorKind.INVALID, str(file), error.strerror or str(error)) from error


def _lines(records: Iterable[Named]) -> bytes:
    return b"".join(msgspec.json.encode(each.spec, order="deterministic") + b"\n" for each in records)


def last_record(file: Path) -> Named | None:
    """Return the last record of a file, reading no more than its end; None where nothing is written yet."""
    try:
        with file.open("rb") as open_file:
            open_file.seek(max(0, file.stat().st_size - _LONGEST_LINE))
            lines = open_file.read().splitlines()
        spec: Any = msgspec.json.decode(lines[-1]) if lines else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OpError("audit.read", ErrorKind.INVALID, str(file), error.strerror or str(error)) from error
    except msgspec.DecodeError as error:
        raise OpError("audit.read", ErrorKind.INVALID, str(file), f"its last line is no record: {error}") from error
    return Named("", spec) if isinstance(spec, dict) else None  # pyright: ignore[reportUnknownArgumentType]  JSON


def private_key(file: Path) -> Ed25519PrivateKey:
    """Read the key that records are signed with: Ed25519, PEM, without a password."""
    key = _loaded(file, partial(load_pem_private_key, password=None))
    if not isinstance(key, Ed25519PrivateKey):
        raise OpError("audit.key", ErrorKind.INVALID, str(file), "it is no Ed25519 private key")
    return key


def public_key(file: Path) -> Ed25519PublicKey:
    """Read the key that signatures are verified with: Ed25519, PEM."""
    key = _loaded(file, load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise OpError("audit.key", ErrorKind.INVALID, str(file), "it is no Ed25519 public key")
    return key


def _loaded(file: Path, load: Callable[[bytes], object]) -> object:
    try:
        return load(file.read_bytes())
    except OSError as error:
        raise OpError("audit.key", ErrorKind.NOT_FOUND, str(file), error.strerror or str(error)) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise OpError("audit.key", ErrorKind.INVALID, str(file), "it is no key without a password in PEM") from error
