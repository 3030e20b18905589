"""Bodies in and answers out: which form a request's body has, and which form its answer shall have.

Bodies are read as JSON, YAML and protobuf; answers are written as JSON: whole objects, Tables for people, or metadata
only; `yamlform.py` makes YAML of it. Clients that would rather have protobuf accept JSON too.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec
import yaml

from kubewright.api.meta import Manifest
from kubewright.store.patch.errors import json_kind
from kubewright.twin.jsonerrors import json_error
from kubewright.twin.kinds import KindTable
from kubewright.twin.protobuf import decode_protobuf
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.status import (
    StatusError,
    bad_request,
    not_acceptable,
    not_acceptable_form,
    too_large,
    unsupported_media_type,
)
from kubewright.twin.tables.render import IncludeObject

if TYPE_CHECKING:
    from yaml import SafeLoader as _SafeLoader
else:
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
READABLE = (JSON, YAML, PROTOBUF)
_SHOWN_BYTES = 30


class Form(enum.Enum):
    """What of an object is answered."""

    OBJECT = "object"
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"


@dataclass(frozen=True, slots=True)
class View:
    """The answer's form; `include_object` says what each row of a Table carries."""

    form: Form = Form.OBJECT
    include_object: IncludeObject = "Metadata"
    meta_version: str = "v1"
    asked_as: str = ""
    """The kind that the client named: metadata of an object and metadata of a list are two kinds."""


PLAIN = View()
_META_VERSIONS = frozenset({"v1", "v1beta1"})
_FORMS = {"Table": Form.TABLE, "PartialObjectMetadata": Form.METADATA, "PartialObjectMetadataList": Form.METADATA}


def negotiate(headers: Mapping[str, str], query: Mapping[str, str], *, of_many: bool = False) -> View:
    """Choose the first form in the Accept header that the twin writes; raises 406. Many objects may be streamed."""
    accept = headers.get("accept", "")
    if not accept or accept in {JSON, "*/*"}:
        return PLAIN
    clauses = [clause.strip() for clause in accept.split(",")]
    for clause in clauses:
        view = _view(clause, query)
        if view is not None:
            return view
    if any(clause.partition(";")[0].strip() in READABLE for clause in clauses):
        raise not_acceptable_form(READABLE)
    raise not_acceptable((*READABLE, *(f"{media};stream=watch" for media in (JSON, PROTOBUF))) if of_many else READABLE)


def _view(clause: str, query: Mapping[str, str]) -> View | None:
    media, *rest = [part.strip() for part in clause.split(";")]
    parameters = dict(part.split("=", 1) for part in rest if "=" in part)
    # A client that names protobuf names JSON too; without `as` alone it is taken at its word and gets JSON.
    if media == PROTOBUF and "as" in parameters:
        return None
    if media not in {JSON, "application/*", "*/*", YAML, PROTOBUF}:
        return None
    wanted = parameters.get("as")
    if wanted is None:
        return PLAIN
    version = parameters.get("v", "v1")
    if wanted not in _FORMS or parameters.get("g") != "meta.k8s.io" or version not in _META_VERSIONS:
        return None
    return View(_FORMS[wanted], _include_object(query), version, wanted)


def _include_object(query: Mapping[str, str]) -> IncludeObject:
    match query.get("includeObject") or "Metadata":
        case "None":
            return "None"
        case "Metadata":
            return "Metadata"
        case "Object":
            return "Object"
        case other:
            raise bad_request(f'unrecognized includeObject value: "{other}"')


def read_body(body: bytes, content_type: str, kinds: KindTable, expected: str) -> Manifest:
    """Read a request's body as a manifest of the kind `expected` ("" is anything); raises 415 or 400."""
    media = content_type.partition(";")[0].strip() or JSON
    if media == PROTOBUF:
        try:
            return decode_protobuf(body, kinds)
        except ValueError as error:
            raise bad_request(str(error)) from error
    if media not in {JSON, YAML}:
        raise unsupported_media_type(READABLE)
    document: Any = parse_json(body, expected) if media == JSON else parse_yaml(body)
    if document is not None and not isinstance(document, dict):
        problem = f"json: cannot unmarshal {json_kind(document)} into Go value of type {_IDENTITY}"
        raise _unrecognized(body, expected, f"{_UNREADABLE}: {problem}")
    manifest = as_dict(document)
    for name in ("apiVersion", "kind"):
        value = manifest.get(name)
        if value is not None and not isinstance(value, str):
            problem = f"json: cannot unmarshal {json_kind(value)} into Go struct field .{name} of type string"
            raise _unrecognized(body, expected, f"{_UNREADABLE}: {problem}")
    if (manifest.get("apiVersion") or "").count("/") > 1:
        raise _unrecognized(body, expected, f"unexpected GroupVersion string: {manifest['apiVersion']}")
    return manifest


_UNREADABLE = "couldn't get version/kind; json parse error"
_IDENTITY = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
"""What the API server reads of a body first, as Go prints its type."""


def _unrecognized(body: bytes, expected: str, problem: str) -> StatusError:
    """Refuse a body that does not say what it is, showing how it begins; nothing is shown of what may be anything."""
    if not expected:
        return bad_request(problem)
    shown = body[:_SHOWN_BYTES]
    begins = shown.decode(errors="replace") if body.startswith(b"{") else shown.hex()
    more = " ..." if len(body) > _SHOWN_BYTES else ""
    return bad_request(
        f"the object provided is unrecognized (must be of type {expected}): {problem} ({begins or '<empty>'}{more})"
    )


def parse_json(body: bytes, expected: str) -> Any:
    """Read JSON that should be an object of the kind `expected`; raises 400."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unrecognized(body, expected, f"{_UNREADABLE}: {json_error(body) or error}") from error


class _Loader(_SafeLoader):
    """YAML as JSON: timestamps stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(body: bytes) -> Any:
    """Read YAML or JSON (YAML's subset, and much faster to read); raises 400."""
    if body.lstrip()[:1] == b"{":
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            pass  # a flow mapping that is YAML, not JSON
    if len(body) > MAX_YAML_BYTES:
        raise too_large(MAX_YAML_BYTES)
    if _flow_depth(body) > _MOST_LEVELS:
        raise bad_request("error encoding patch: yaml: exceeded max depth")
    try:
        document = yaml.load(body, Loader=_Loader)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise bad_request(f"error encoding patch: yaml: {error}") from error
    try:
        grown = b"*" in body and _values_in(document, {}) > _MOST_VALUES
    except RecursionError:
        grown = True
    if grown:
        raise bad_request("yaml: document contains excessive aliasing")
    return document


MAX_YAML_BYTES = 512 * 1024
"""The most of YAML that is read, which takes a hundred times as long as JSON: meanwhile nobody else is answered."""
_MOST_VALUES = 1_000_000
_MOST_LEVELS = 1_000


def _flow_depth(body: bytes) -> int:
    """Return how deep brackets are nested, without regard to quotes: parsing takes the square of that."""
    depth = deepest = 0
    for sign in body.translate(None, delete=_BUT_BRACKETS):
        depth += 1 if sign in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _values_in(document: Any, known: dict[int, float]) -> float:
    """Count the values of a document as if its aliases were written out; without end when one contains itself."""
    if isinstance(document, dict):
        parts = list(as_dict(document).values())
    elif isinstance(document, list):
        parts = as_list(document)
    else:
        return 1
    key = id(cast("Any", document))
    if key not in known:
        known[key] = math.inf  # what is met again before it is counted is within itself
        known[key] = 1 + sum(_values_in(part, known) for part in parts)
    return known[key]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def private_copy(document: Manifest) -> Manifest:
    """Return a copy that shares nothing, so that it may be changed in place."""
    return _decode(_encode(document))


def encode(document: Any) -> bytes:
    """Write an answer."""
    return _encode(document)
