"""What a manifest of a built-in kind says that Kubernetes' JSON decoder does not accept.

The verbs call `decode_error` on every body (the answer is 400 Bad Request) and `unknown_fields` as the request's
fieldValidation asks; `prune_unknown` then drops what was only warned of.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import Manifest, parse_time
from kubewright.twin.cleanness import is_clean, is_quantity
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict
from kubewright.twin.shapes import OBJECT_META, Holds, Shape, shapes_of

_QUANTITY_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_GO_TIME = "2006-01-02T15:04:05Z07:00"
_GO_MICRO_TIME = "2006-01-02T15:04:05.000000Z07:00"
_BITS = {"int32": 31, "int64": 63}


def decodes(kind: KindInfo, obj: Manifest) -> bool:
    """Tell whether there is nothing to say of an object of a built-in kind: a yes is sure, a no asks the others."""
    return not kind.custom and is_clean(obj, kind.definition)


def decode_error(kind: KindInfo, obj: Manifest) -> str:
    """Return the decoder's complaint about types, or "" when all decodes; of a custom kind that is metadata alone."""
    part, definition = (as_dict(obj.get("metadata")), OBJECT_META) if kind.custom else (obj, kind.definition)
    return type_error(part, definition)


def type_error(part: Manifest, definition: str) -> str:
    """Return the decoder's complaint about the types of a definition's properties, or ""."""
    if is_clean(part, definition):
        return ""
    problems = _Walk().object(part, definition, "")
    return next((problem.text for problem in problems if problem.text), "")


def refused_as(kind: KindInfo, detail: str) -> str:
    """Word a body that does not decode as the 400 answer does."""
    return f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {detail}'


def strict_error(problems: list[str]) -> str:
    """Join strict decoding problems into the one text of an answer."""
    return f"strict decoding error: {', '.join(problems)}"


def unknown_fields(kind: KindInfo, obj: Manifest) -> list[str]:
    """Return `unknown field "spec.foo"` for each field that a built-in kind does not have, in document order."""
    if kind.custom or is_clean(obj, kind.definition):
        return []
    problems = _Walk().object(obj, kind.definition, "")
    return [f'unknown field "{problem.unknown}"' for problem in problems if problem.unknown]


def prune_unknown(kind: KindInfo, obj: Manifest) -> None:
    """Drop, in place, the fields that a built-in kind does not have."""
    if not kind.custom:
        for problem in list(_Walk().object(obj, kind.definition, "")):
            if problem.unknown and problem.parent is not None:
                problem.parent.pop(problem.name, None)


@dataclass(frozen=True, slots=True)
class _Problem:
    text: str = ""
    unknown: str = ""
    parent: Manifest | None = None
    name: str = ""


_INLINE = {
    "Probe": ("ProbeHandler", {"exec", "httpGet", "tcpSocket", "grpc"}),
    "ConfigMapVolumeSource": ("LocalObjectReference", {"name"}),
    "ConfigMapKeySelector": ("LocalObjectReference", {"name"}),
    "SecretKeySelector": ("LocalObjectReference", {"name"}),
    "ConfigMapEnvSource": ("LocalObjectReference", {"name"}),
    "SecretEnvSource": ("LocalObjectReference", {"name"}),
    "ConfigMapProjection": ("LocalObjectReference", {"name"}),
    "SecretProjection": ("LocalObjectReference", {"name"}),
}


def _inlined(struct: str, name: str) -> str:
    """Name the Go struct that a field is inlined from, which is part of the path in Go's messages."""
    if struct == "Volume" and name != "name":
        return "VolumeSource."
    inline, fields = _INLINE.get(struct, ("", set[str]()))
    return f"{inline}." if name in fields else ""


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through a document beside its shapes; `go_path` leaves out indices and map keys, as Go's errors do."""

    def object(self, obj: Manifest, definition: str, path: str, go_path: str = "") -> Iterator[_Problem]:
        shapes = shapes_of(definition)
        if not shapes:
            return
        struct = definition.rpartition(".")[2]
        for name, value in obj.items():
            here = f"{path}.{name}" if path else name
            inline = _inlined(struct, name)
            go_here = f"{go_path}.{inline}{name}" if go_path else f"{inline}{name}"
            shape = shapes.get(name)
            if shape is None:
                yield _Problem(unknown=here, parent=obj, name=name)
            elif value is not None:
                yield from self.value(value, shape, here, go_here, struct)

    def value(self, value: Any, shape: Shape, path: str, go_path: str, struct: str) -> Iterator[_Problem]:
        match shape.holds, value:
            case Holds.OBJECT, dict():
                yield from self.object(value, shape.definition, path, go_path)  # pyright: ignore[reportUnknownArgumentType]  JSON
            case (Holds.LIST, list()) if shape.items is not None:
                for index, item in enumerate(value):  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  JSON
                    if item is not None:
                        yield from self.value(item, shape.items, f"{path}[{index}]", go_path, struct)
            case (Holds.MAP, dict()) if shape.items is not None:
                for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]  JSON
                    if item is not None:
                        yield from self.value(item, shape.items, f"{path}.{key}", go_path, struct)
            case Holds.OPAQUE, _:
                return
            case _:
                text = _scalar_error(value, shape, go_path, struct)
                if text:
                    yield _Problem(text=text)


def _scalar_error(value: Any, shape: Shape, go_path: str, struct: str) -> str:  # noqa: C901, PLR0911  one case a type
    match shape.holds, value:
        case (Holds.BOOLEAN, bool()) | (Holds.STRING, str()):
            return ""
        case Holds.INTEGER, bool():
            pass
        case Holds.INTEGER, int():
            bits = _BITS.get(shape.go_type, 63)
            if -(1 << bits) <= value < 1 << bits:
                return ""
            return _mismatch(f"number {value}", shape, go_path, struct)
        case Holds.INTEGER, float():
            return _mismatch(f"number {value:g}", shape, go_path, struct)
        case Holds.NUMBER, int() | float() if not isinstance(value, bool):
            return ""
        case Holds.QUANTITY, _:
            return "" if is_quantity(value) else _QUANTITY_ERROR
        case Holds.INT_OR_STRING, _:
            return _int_or_string_error(value, go_path, struct)
        case Holds.BYTES, str():
            return _base64_error(value)
        case ((Holds.TIME | Holds.MICRO_TIME), str()):
            return _time_error(value, shape.holds)
        case _:
            pass
    return _mismatch(_json_kind(value), shape, go_path, struct)


def _mismatch(found: str, shape: Shape, go_path: str, struct: str) -> str:
    return f"json: cannot unmarshal {found} into Go struct field {struct}.{go_path} of type {shape.go_type}"


def _json_kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _int_or_string_error(value: Any, go_path: str, struct: str) -> str:
    if isinstance(value, str) or (
        isinstance(value, int) and not isinstance(value, bool) and -(1 << 31) <= value < 1 << 31
    ):
        return ""
    found = f"number {value}" if isinstance(value, int | float) and not isinstance(value, bool) else _json_kind(value)
    return f"json: cannot unmarshal {found} into Go struct field {struct}.{go_path} of type int32"


def _base64_error(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        bad = re.search(r"[^A-Za-z0-9+/]", value.rstrip("="))
        return f"illegal base64 data at input byte {bad.start() if bad else len(value) // 4 * 4}"
    return ""


def _time_error(value: str, holds: Holds) -> str:
    try:
        parse_time(value)
    except ValueError:
        layout = _GO_TIME if holds is Holds.TIME else _GO_MICRO_TIME
        return f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"'
    return ""
