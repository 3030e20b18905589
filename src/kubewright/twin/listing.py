"""Lists: selectors, versions and pages. Each page of one list is of the same moment.

A page token names the revision and the last key; when that revision is forgotten, 410 carries a token that goes on
with the present state instead.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import msgspec

from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.store.patch.errors import json_kind
from kubewright.store.versioned import Record
from kubewright.twin import status
from kubewright.twin.answers import Page
from kubewright.twin.jsonerrors import json_error
from kubewright.twin.options import ListOptions, version_number
from kubewright.twin.registry import Registry, Target
from kubewright.twin.selection import Selection

_LATEST = -1
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9_-]")
_TOO_OLD_TO_CONTINUE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class _Token(msgspec.Struct):
    v: str = ""
    rv: int = 0
    start: str = ""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a list begins: after this key, at this revision (None is the present)."""

    after: ObjectKey | None
    revision: int | None


def page(registry: Registry, target: Target, options: ListOptions, selection: Selection) -> Page:
    """Return the objects, or the page of them, that a list asks for."""
    cursor = _cursor(registry, target, options)
    try:
        records, revision = registry.store.list(target.bucket, target.namespace, revision=cursor.revision)
    except OpError as error:
        raise _expired(error, target, options, cursor) from error
    if cursor.after is not None:
        records = [record for record in records if record.key > cursor.after]
    if not selection.everything:
        records = [record for record in records if selection.matches(record.obj)]
    if options.limit <= 0 or len(records) <= options.limit:
        return Page(records, revision)
    shown = records[: options.limit]
    remaining = len(records) - len(shown) if selection.everything else None
    return Page(shown, revision, _token(target, shown[-1], revision), remaining)


def _cursor(registry: Registry, target: Target, options: ListOptions) -> _Cursor:
    if options.continue_token:
        if options.resource_version not in {"", "0"}:
            raise status.bad_request("specifying resource version is not allowed when using continue")
        return _read_token(target, options.continue_token)
    asked = version_number(options.resource_version)
    present = registry.store.revision
    if asked > present:
        raise status.too_large_version(asked, present)
    exact = options.match == "Exact" or (not options.match and options.limit and asked)
    return _Cursor(None, asked if exact else None)


def _token(target: Target, last: Record, revision: int) -> str:
    start = f"{last.key}\0" if target.kind.namespaced and not target.namespace else f"{last.key.name}\0"
    encoded = msgspec.json.encode(_Token("meta.k8s.io/v1", revision, start))
    return base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()


def _read_token(target: Target, text: str) -> _Cursor:
    raw = _unpacked(text)
    try:
        token = msgspec.json.decode(raw, type=_Token)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _invalid_token(json_error(raw) or _type_problem(raw, error)) from error
    if token.v != "meta.k8s.io/v1":
        problem = f"server does not recognize this encoded version {token.v}"
        raise status.bad_request(f"invalid continue token: continue key is not valid: {problem}")
    if token.rv == 0 or not token.start:
        part = "incorrect encoded start resourceVersion" if token.rv == 0 else "encoded start key empty"
        problem = f"continue key is not valid: {part} (version meta.k8s.io/v1)"
        raise status.bad_request(f"invalid continue token: {problem}")
    start = token.start.removesuffix("\0").removeprefix("/")
    namespace, slash, name = start.partition("/")
    after = ObjectKey(namespace, name) if slash else ObjectKey(target.namespace, start)
    return _Cursor(after, token.rv if token.rv > 0 else None)


def _unpacked(text: str) -> bytes:
    """Decode base64 as Go's RawURLEncoding does, and complain as it does."""
    strange = _NOT_BASE64.search(text)
    if strange is not None or len(text) % 4 == 1:
        position = len(text) // 4 * 4 if strange is None else strange.start()
        raise _invalid_token(f"illegal base64 data at input byte {position}")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _type_problem(raw: bytes, error: Exception) -> str:
    document = msgspec.json.decode(raw)
    if isinstance(document, dict):
        return str(error)
    return f"json: cannot unmarshal {json_kind(document)} into Go value of type storage.continueToken"


def _invalid_token(problem: str) -> status.StatusError:
    return status.bad_request(f"invalid continue token: continue key is not valid: {problem}")


def _expired(error: OpError, target: Target, options: ListOptions, cursor: _Cursor) -> status.StatusError:
    if error.kind is not ErrorKind.EXPIRED:
        return status.internal(str(error))
    if not options.continue_token or cursor.after is None:
        return status.expired(error.detail)
    record = Record(cursor.after, {}, 0)
    return status.expired(_TOO_OLD_TO_CONTINUE, continue_token=_token(target, record, _LATEST))
