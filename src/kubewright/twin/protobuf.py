"""Kubernetes' protobuf request bodies, read into manifests.

kubectl sends its typed commands this way and does not try again in JSON. The verbs call `decode_protobuf` when the
Content-Type is `application/vnd.kubernetes.protobuf`; answers are always JSON, which the same clients accept. Whatever
is wrong with a body is a ValueError that says so.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.meta import Manifest, rfc3339, rfc3339_micro
from kubewright.twin.kinds import KindTable, WireField
from kubewright.twin.presence import is_omitted

MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 100
_MAX_VARINT_BITS = 64
_RESOURCE = "io.k8s.apimachinery.pkg.api.resource."
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_RUNTIME = "io.k8s.apimachinery.pkg.runtime."
_INTSTR = "io.k8s.apimachinery.pkg.util.intstr."
_APIEXT_JSON = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"


def decode_protobuf(body: bytes, table: KindTable) -> Manifest:
    """Read the prefix and the envelope after it as a manifest with apiVersion and kind; raises ValueError."""
    if not body.startswith(MAGIC):
        raise ValueError("the body does not start with the Kubernetes protobuf prefix")
    envelope = {number: value for number, _, value in _fields(memoryview(body)[len(MAGIC) :])}
    type_meta = {number: _text(value) for number, _, value in _fields(_chunk(envelope.get(1, b"")))}
    api_version, kind = type_meta.get(1, ""), type_meta.get(2, "")
    if envelope.get(3):
        raise ValueError(f"content encoding {_text(envelope[3])!r} is not supported")
    raw = _chunk(envelope.get(2, b""))
    if _text(envelope.get(4, b"")) == "application/json":
        document = _json(raw)
    else:
        definition = table.definition(api_version, kind)
        if not definition or not table.message(definition):
            raise ValueError(f'no kind "{kind}" is registered for version "{api_version}"')
        document = _Decoder(table.message).message(raw, definition, 0)
    if not isinstance(document, dict):
        raise ValueError("the body's object is not a JSON object")  # noqa: TRY004  one error for bad input
    return {"apiVersion": api_version, "kind": kind, **document}


def _json(raw: memoryview) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body's JSON does not decode: {error}") from error


def _fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Split a message into (number, wire type, value); groups, which Kubernetes never sends, are refused."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("protobuf field number 0")
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, position = _varint(data, position)
        elif wire in {_FIXED64, _FIXED32}:
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"protobuf wire type {wire} in field {number}")
        if position + size > len(data):
            raise ValueError(f"protobuf field {number} is longer than its message")
        yield number, wire, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < _MAX_VARINT_BITS:
        if position >= len(data):
            raise ValueError("a protobuf number is cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004  the continuation bit
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
    raise ValueError("a protobuf number is longer than 64 bits")


def _text(value: int | bytes | memoryview) -> str:
    try:
        return bytes(_chunk(value)).decode()
    except UnicodeDecodeError as error:
        raise ValueError("a protobuf string is not UTF-8") from error


def _chunk(value: int | bytes | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a protobuf number stands where bytes are expected")  # noqa: TRY004  one error for bad input
    return memoryview(value)


def _number(value: int | memoryview) -> int:
    if isinstance(value, int):
        return value
    if len(value) in {4, 8}:
        return int.from_bytes(value, "little")
    raise ValueError("protobuf bytes stand where a number is expected")


def _signed(value: int | memoryview) -> int:
    number = _number(value)
    return number - (1 << 64) if number >= 1 << 63 else number


def _int32(value: int | memoryview) -> int:
    number = _number(value) & 0xFFFFFFFF
    return number - (1 << 32) if number >= 1 << 31 else number


def _double(value: int | memoryview) -> float:
    return struct.unpack("<d", _chunk(value))[0] if not isinstance(value, int) and len(value) == 8 else _bad_double()  # noqa: PLR2004


def _bad_double() -> float:
    raise ValueError("a protobuf double is not 8 bytes long")


_SCALARS: dict[str, Callable[[int | memoryview], Any]] = {
    "string": _text,
    "bytes": lambda value: base64.b64encode(_chunk(value)).decode(),
    "bool": lambda value: bool(_number(value)),
    "int32": _int32,
    "int64": _signed,
    "uint32": lambda value: _number(value) & 0xFFFFFFFF,
    "uint64": _number,
    "double": _double,
}


@dataclass(frozen=True, slots=True)
class _Decoder:
    fields_of: Callable[[str], Mapping[int, WireField]]

    def message(self, data: memoryview, definition: str, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError(f"protobuf messages are nested deeper than {_MAX_DEPTH}")
        special = _SPECIAL.get(definition)
        if special is not None:
            return special(data)
        known = self.fields_of(definition)
        document: Manifest = {}
        for number, wire, value in _fields(data):
            field = known.get(number)
            if field is not None:
                self._set(document, field, wire, value, definition, depth)
        return _either(document) if ".JSONSchemaPropsOr" in definition else document

    def _set(  # noqa: PLR0917  the decoder's inner loop
        self, document: Manifest, field: WireField, wire: int, value: int | memoryview, definition: str, depth: int
    ) -> None:
        if field.map_value is not None:
            key, entry = self._entry(_chunk(value), field, depth)
            document.setdefault(field.name, {})[key] = entry
        elif field.repeated:
            document.setdefault(field.name, []).extend(self._items(field.type, wire, value, depth))
        else:
            decoded = self._value(field.type, value, depth)
            if not field.name:
                # A struct that Go inlines is a message of its own on the wire.
                document.update(decoded)
                return
            # Go's encoder writes every field that is not a pointer, set or not.
            if decoded is not None and not is_omitted(definition, field.name, decoded):
                document[field.name] = decoded

    def _value(self, kind: str, value: int | memoryview, depth: int) -> Any:
        scalar = _SCALARS.get(kind)
        return scalar(value) if scalar is not None else self.message(_chunk(value), kind, depth + 1)

    def _items(self, kind: str, wire: int, value: int | memoryview, depth: int) -> Iterator[Any]:
        if wire == _BYTES and kind in {"int32", "int64", "uint32", "uint64", "bool"}:
            data, position = _chunk(value), 0
            while position < len(data):
                number, position = _varint(data, position)
                yield _SCALARS[kind](number)
            return
        yield self._value(kind, value, depth)

    def _entry(self, data: memoryview, field: WireField, depth: int) -> tuple[str, Any]:
        key, found = "", None
        for number, _, value in _fields(data):
            if number == 1:
                key = str(value) if isinstance(value, int) else _text(value)
            elif number == 2:  # noqa: PLR2004  a map entry is key = 1, value = 2
                found = self._value(str(field.map_value), value, depth)
        if found is None:
            found = (
                ""
                if field.map_value in {"string", "bytes"}
                else self._value(str(field.map_value), memoryview(b""), depth)
            )
        return key, found


def _either(document: Manifest) -> Any:
    """Read one of the unions in a CRD's schema as what it holds: a schema, a list, or whether anything is allowed."""
    lists = (value for name, value in document.items() if name not in {"schema", "allows"})
    return document.get("schema") or next(lists, document.get("allows", False))


def _quantity(data: memoryview) -> str:
    return next((_text(value) for number, _, value in _fields(data) if number == 1), "0")


def _seconds(data: memoryview) -> tuple[int, int] | None:
    parts = {number: _signed(value) for number, _, value in _fields(data)}
    if not parts:
        return None
    return parts.get(1, 0), parts.get(2, 0)


def _time(data: memoryview) -> str | None:
    at = _seconds(data)
    return None if at is None else _stamp(at[0], 0, rfc3339)


def _micro_time(data: memoryview) -> str | None:
    at = _seconds(data)
    return None if at is None else _stamp(at[0], at[1], rfc3339_micro)


def _stamp(seconds: int, nanos: int, write: Callable[[float], str]) -> str:
    try:
        return write(seconds + nanos / 1e9)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError("a protobuf timestamp lies outside the calendar") from error


def _int_or_string(data: memoryview) -> int | str:
    parts = {number: value for number, _, value in _fields(data)}
    return _text(parts.get(3, b"")) if _number(parts.get(1, 0)) else _int32(parts.get(2, 0))


def _raw_json(data: memoryview) -> Any:
    raw = next((_chunk(value) for number, _, value in _fields(data) if number == 1), memoryview(b""))
    return _json(raw) if raw else None


def _duration(data: memoryview) -> str:
    nanos = next((_signed(value) for number, _, value in _fields(data) if number == 1), 0)
    return f"{nanos / 1e9:g}s"


_SPECIAL: dict[str, Callable[[memoryview], Any]] = {
    f"{_RESOURCE}Quantity": _quantity,
    f"{_META}Time": _time,
    f"{_META}MicroTime": _micro_time,
    f"{_META}FieldsV1": _raw_json,
    f"{_META}Duration": _duration,
    f"{_RUNTIME}RawExtension": _raw_json,
    f"{_INTSTR}IntOrString": _int_or_string,
    _APIEXT_JSON: _raw_json,
}
