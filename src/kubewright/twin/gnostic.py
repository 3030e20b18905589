"""OpenAPI v2 in protobuf, the only form in which kubectl asks for it.

The messages' fields are those of gnostic's `openapi.v2`, as much of them as our document holds. What a message has no
field for (`x-kubernetes-...`) it carries as YAML; JSON is YAML, too.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from kubewright.api.meta import Manifest

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
ASKED_AS = (MEDIA_TYPE, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")

Write = Callable[[int, Any], bytes]
"""A field's number and its value -> what goes over the wire."""
Fields = Mapping[str, tuple[int, Write]]
_EXTENSION = "x-"
"""The name under which a message's table has the field of its extensions."""


def encode_openapi(document: Manifest) -> bytes:
    """Return a v2 document as an `openapi.v2.Document`."""
    return _message(_DOCUMENT, document)


def _message(fields: Fields, value: Manifest) -> bytes:
    written: list[bytes] = []
    for name, item in value.items():
        found = fields.get(name)
        if found is not None:
            number, write = found
            written.append(write(number, item))
        elif name.startswith(_EXTENSION) and _EXTENSION in fields:
            number, write = fields[_EXTENSION]
            written.append(write(number, (name, item)))
    return b"".join(written)


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    written = bytearray()
    while rest := number >> 7:
        written.append(number & 0x7F | 0x80)
        number = rest
    written.append(number)
    return bytes(written)


def _chunk(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _text(number: int, value: Any) -> bytes:
    return _chunk(number, str(value).encode())


def _integer(number: int, value: Any) -> bytes:
    return _varint(number << 3) + _varint(int(value))


def _double(number: int, value: Any) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _any(number: int, value: Any) -> bytes:
    return _chunk(number, _text(2, json.dumps(value)))


def _each(write: Write) -> Write:
    return lambda number, values: b"".join(write(number, each) for each in values)


def _record(fields: Fields) -> Write:
    return lambda number, value: _chunk(number, _message(fields, value))


def _within(inner: int, write: Write) -> Write:
    """A message of nothing but one field."""
    return lambda number, value: _chunk(number, write(inner, value))


def _map(inner: int, write: Write) -> Write:
    """A message of nothing but a list of names with their values."""
    return lambda number, value: _chunk(
        number, b"".join(_chunk(inner, _named(name, write(2, item))) for name, item in value.items())
    )


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + value


def _schema(number: int, value: Any) -> bytes:
    return _chunk(number, _message(_SCHEMA, value))


def _more_properties(number: int, value: Any) -> bytes:
    return _chunk(number, _integer(2, value) if isinstance(value, bool) else _schema(1, value))


def _types(number: int, value: Any) -> bytes:
    return _chunk(number, _each(_text)(1, [value] if isinstance(value, str) else value))


def _parameter(number: int, value: Manifest) -> bytes:
    match value["in"]:
        case "body":
            written = _record(_BODY)(1, value)
        case "query":
            written = _within(3, _record(_QUERY))(2, value)
        case _:
            written = _within(4, _record(_IN_PATH))(2, value)
    return _chunk(number, _chunk(1, written))


def _extension(number: int, value: Any) -> bytes:
    name, item = value
    return _chunk(number, _named(name, _any(2, item)))


_SCHEMA: Fields = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, _integer),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, _integer),
    "maxLength": (11, _integer),
    "minLength": (12, _integer),
    "pattern": (13, _text),
    "maxItems": (14, _integer),
    "minItems": (15, _integer),
    "uniqueItems": (16, _integer),
    "maxProperties": (17, _integer),
    "minProperties": (18, _integer),
    "required": (19, _each(_text)),
    "enum": (20, _each(_any)),
    "additionalProperties": (21, _more_properties),
    "type": (22, _types),
    "items": (23, _within(1, _schema)),
    "properties": (25, _map(1, _schema)),
    _EXTENSION: (31, _extension),
}
_BODY: Fields = {"name": (2, _text), "in": (3, _text), "required": (4, _integer), "schema": (5, _schema)}
_QUERY: Fields = {
    "required": (1, _integer),
    "in": (2, _text),
    "name": (4, _text),
    "type": (6, _text),
    "uniqueItems": (20, _integer),
}
_IN_PATH: Fields = {
    "required": (1, _integer),
    "in": (2, _text),
    "name": (4, _text),
    "type": (5, _text),
    "uniqueItems": (19, _integer),
}
_RESPONSE: Fields = {"description": (1, _text), "schema": (2, _within(1, _schema))}
_OPERATION: Fields = {
    "consumes": (7, _each(_text)),
    "parameters": (8, _each(_parameter)),
    "responses": (9, _map(1, _within(1, _record(_RESPONSE)))),
    _EXTENSION: (13, _extension),
}
_PATH: Fields = {
    "get": (2, _record(_OPERATION)),
    "put": (3, _record(_OPERATION)),
    "post": (4, _record(_OPERATION)),
    "delete": (5, _record(_OPERATION)),
    "patch": (8, _record(_OPERATION)),
    "parameters": (9, _each(_parameter)),
}
_DOCUMENT: Fields = {
    "swagger": (1, _text),
    "info": (2, _record({"title": (1, _text), "version": (2, _text)})),
    "paths": (8, _map(2, _record(_PATH))),
    "definitions": (9, _map(1, _schema)),
}
