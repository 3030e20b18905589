"""Bodies in and answers out: which form a request's body has, and which form its answer shall have.

Bodies are read as JSON, YAML and protobuf; answers are written as JSON: whole objects, Tables for people, or metadata
only; `yamlform.py` makes YAML of it. Clients that would rather have protobuf accept JSON too.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from kubewright.api.meta import Manifest
from kubewright.twin.jsonerrors import json_error
from kubewright.twin.kinds import KindTable
from kubewright.twin.protobuf import decode_protobuf
from kubewright.twin.status import StatusError, bad_request, not_acceptable, unsupported_media_type
from kubewright.twin.tables.render import IncludeObject

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


def negotiate(headers: Mapping[str, str], query: Mapping[str, str]) -> View:
    """Choose the first form in the Accept header that the twin writes; raises 406."""
    accept = headers.get("accept", "")
    if not accept or accept in {JSON, "*/*"}:
        return PLAIN
    for clause in accept.split(","):
        view = _view(clause.strip(), query)
        if view is not None:
            return view
    raise not_acceptable(READABLE)


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
    """Read a request's body as a manifest of the kind `expected`; raises 415 or 400."""
    media = content_type.partition(";")[0].strip() or JSON
    if media == PROTOBUF:
        try:
            return decode_protobuf(body, kinds)
        except ValueError as error:
            raise bad_request(str(error)) from error
    if media not in {JSON, YAML}:
        raise unsupported_media_type(READABLE)
    document = parse_json(body, expected) if media == JSON else parse_yaml(body)
    if not isinstance(document, dict):
        problem = "json: cannot unmarshal array into Go value" if isinstance(document, list) else "not a JSON object"
        raise _unrecognized(body, expected, problem)
    return document  # pyright: ignore[reportUnknownVariableType]  JSON


def _unrecognized(body: bytes, expected: str, problem: str) -> StatusError:
    """Refuse a body that is no object at all, showing how it begins."""
    shown = body[:_SHOWN_BYTES]
    begins = shown.decode(errors="replace") if body.startswith(b"{") else shown.hex()
    more = " ..." if len(body) > _SHOWN_BYTES else ""
    text = f"couldn't get version/kind; json parse error: {problem} ({begins or '<empty>'}{more})"
    return bad_request(f"the object provided is unrecognized (must be of type {expected}): {text}")


def parse_json(body: bytes, expected: str) -> Any:
    """Read JSON that should be an object of the kind `expected`; raises 400."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unrecognized(body, expected, json_error(body) or str(error)) from error


class _Loader(yaml.SafeLoader):
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
        except msgspec.DecodeError:
            pass  # a flow mapping that is YAML, not JSON
    try:
        return yaml.load(body, Loader=_Loader)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"error encoding patch: yaml: {error}") from error


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def private_copy(document: Manifest) -> Manifest:
    """Return a copy that shares nothing, so that it may be changed in place."""
    return _decode(_encode(document))


def encode(document: Any) -> bytes:
    """Write an answer."""
    return _encode(document)
