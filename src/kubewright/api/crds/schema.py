"""The structural OpenAPI schema of a typed class, for its CRD.

`definition.py` calls it once for each class. A type the table below does not know is a mistake in the class: it
raises TypeError when the module is imported, not when a cluster is installed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol, cast

import msgspec
import msgspec.inspect as mi

from kubewright.api.described import Rule
from kubewright.api.meta import KubeObject, Manifest

QUANTITY_PATTERN = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
_INHERITED = frozenset(field.name for field in msgspec.structs.fields(KubeObject))


class _Metadata(Protocol):
    """`mi.Metadata`, whose own annotations leave the dicts' types open."""

    type: mi.Type
    extra_json_schema: dict[str, Any] | None
    extra: dict[str, Any] | None


def object_schema(type_: type[KubeObject]) -> Manifest:
    """Return `openAPIV3Schema` of a kind: its own fields, and the three that every object has."""
    own = [field for field in _struct(type_).fields if field.name not in _INHERITED]
    schema = _fields_schema(own) | _rules_schema(type_)
    schema["description"] = _summary(type_)
    schema["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    return schema


def _struct(type_: type[msgspec.Struct]) -> mi.StructType:
    info = mi.type_info(type_)
    if not isinstance(info, mi.StructType):
        raise TypeError(f"{type_.__name__} is not a Struct")
    return info


def field_rules(field: mi.Field) -> tuple[mi.Type, dict[str, Any], dict[str, Any]]:
    """Split a field into its bare type, its OpenAPI rules and what else `described` says of it."""
    if isinstance(field.type, mi.Metadata):
        metadata = cast("_Metadata", field.type)
        return metadata.type, metadata.extra_json_schema or {}, metadata.extra or {}
    return field.type, {}, {}


def _fields_schema(fields: list[mi.Field]) -> Manifest:
    properties: Manifest = {}
    required: list[str] = []
    for field in fields:
        bare, rules, extra = field_rules(field)
        properties[field.encode_name] = _type_schema(bare) | rules
        if field.required or extra.get("required"):
            required.append(field.encode_name)
        if extra.get("publish_default"):
            properties[field.encode_name]["default"] = field.default
    schema: Manifest = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema


def _rules_schema(type_: type) -> Manifest:
    """Return the rules between the fields, which a Struct lists as `RULES`."""
    rules: tuple[Rule, ...] = getattr(type_, "RULES", ())
    return {"x-kubernetes-validations": [rule.manifest() for rule in rules]} if rules else {}


_SCALARS: Mapping[type[mi.Type], Manifest] = {
    mi.StrType: {"type": "string"},
    mi.BoolType: {"type": "boolean"},
    mi.IntType: {"type": "integer"},
    mi.FloatType: {"type": "number"},
    mi.AnyType: {"x-kubernetes-preserve-unknown-fields": True},
}


def _type_schema(info: mi.Type) -> Manifest:
    match info:
        case mi.LiteralType(values):
            return {"type": "string", "enum": list(values)}
        case mi.VarTupleType(item_type):
            return {"type": "array", "items": _type_schema(item_type)}
        case mi.DictType(_, value_type):
            return {"type": "object", "additionalProperties": _type_schema(value_type)}
        case mi.StructType(cls, fields=fields):
            return _fields_schema(list(fields)) | _rules_schema(cls) | {"description": _summary(cls)}
        case mi.UnionType(types):
            return _union_schema(types)
        case _ if type(info) in _SCALARS:
            return dict(_SCALARS[type(info)])
        case _:
            raise TypeError(f"a CRD's schema has no form for {info}")


def _union_schema(types: tuple[mi.Type, ...]) -> Manifest:
    """Return the schema of `X | None` (X: absent is how JSON says None), of `int | str`, and of a Quantity."""
    some = tuple(each for each in types if not isinstance(each, mi.NoneType))
    if len(some) == 1:
        return _type_schema(some[0])
    kinds = {type(each) for each in some}
    if kinds <= {mi.StrType, mi.IntType, mi.FloatType}:
        schema: Manifest = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
        return schema | ({"pattern": QUANTITY_PATTERN, "maxLength": 32} if mi.FloatType in kinds else {})
    raise TypeError(f"a CRD's schema has no form for the union of {some}")


def _summary(type_: type) -> str:
    """Return the docstring as one paragraph."""
    return " ".join(inspect.cleandoc(type_.__doc__ or "").split("\n\n")[0].split())
