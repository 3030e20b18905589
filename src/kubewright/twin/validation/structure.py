"""Whether a CRD's schema is structural: every value has one type, written outside of allOf, anyOf, oneOf and not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, text
from kubewright.twin.validation.fields import FieldError, forbidden, invalid, not_supported, required

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_LEVELS = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_LIST_TYPES = ("atomic", "map", "set")
_JUNCTORS = ("allOf", "anyOf", "oneOf")
# In a junctor only what restricts values may stand, not what gives them shape.
_SHAPING = (
    "description",
    "type",
    "title",
    "default",
    "nullable",
    "additionalProperties",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
)
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


def validate_structure(schema: Manifest, path: str) -> list[FieldError]:
    """Check a version's schema from its root, and order the errors as the server does: by their text."""
    return sorted(_level(schema, path, "root"), key=str)


def _level(schema: Manifest, path: str, level: str) -> Iterator[FieldError]:
    yield from _children(schema, path, level)
    yield from _type(schema, path, level)
    yield from _extensions(schema, path)
    yield from _values(schema, path)
    if level == "root" or schema.get("x-kubernetes-embedded-resource"):
        yield from _identity(schema, path)


def _children(schema: Manifest, path: str, level: str) -> Iterator[FieldError]:
    kind = text(schema, "type")
    items, additional = schema.get("items"), schema.get("additionalProperties")
    if kind == "array" and items is None:
        yield required(f"{path}.items", "must be specified")
    if isinstance(items, dict):
        yield from _level(as_dict(items), f"{path}.items", "item")
    for name, child in as_dict(schema.get("properties")).items():
        yield from _level(as_dict(child), f"{path}.properties[{name}]", "field")
    if additional is not None:
        if level == "root":
            yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if schema.get("properties"):
            yield forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
    if isinstance(additional, dict):
        yield from _level(as_dict(additional), f"{path}.additionalProperties", "field")


def _type(schema: Manifest, path: str, level: str) -> Iterator[FieldError]:
    kind = text(schema, "type")
    loose = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if kind and kind not in _TYPES:
        yield not_supported(f"{path}.type", kind, _TYPES)
    embedded = schema.get("x-kubernetes-embedded-resource")
    if embedded and kind != "object":
        detail = "must be object if x-kubernetes-embedded-resource is true"
        yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)
    elif not kind and not loose:
        yield required(f"{path}.type", _LEVELS[level])
    if level == "root" and kind and kind != "object":
        yield invalid(f"{path}.type", kind, "must be object at the root")
    if embedded and not schema.get("properties") and not schema.get("x-kubernetes-preserve-unknown-fields"):
        detail = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        yield required(f"{path}.properties", detail)


def _extensions(schema: Manifest, path: str) -> Iterator[FieldError]:
    if schema.get("x-kubernetes-int-or-string"):
        for other in ("preserve-unknown-fields", "embedded-resource"):
            if schema.get(f"x-kubernetes-{other}"):
                detail = "must be false if x-kubernetes-int-or-string is true"
                yield invalid(f"{path}.x-kubernetes-{other}", True, detail)
    kind, keys = text(schema, "x-kubernetes-list-type"), as_list(schema.get("x-kubernetes-list-map-keys"))
    if kind and kind not in _LIST_TYPES:
        yield not_supported(f"{path}.x-kubernetes-list-type", kind, _LIST_TYPES)
    if kind == "map":
        yield from _map_keys(schema, keys, path)


def _map_keys(schema: Manifest, keys: list[Any], path: str) -> Iterator[FieldError]:
    here = f"{path}.x-kubernetes-list-map-keys"
    if not keys:
        yield required(here, "must not be empty if x-kubernetes-list-type is map")
    item = as_dict(schema.get("items"))
    known = as_dict(item.get("properties"))
    for index, key in enumerate(keys):
        if key not in known:
            yield invalid(f"{here}[{index}]", key, "entries must all be names of item properties")
        elif key not in as_list(item.get("required")) and "default" not in as_dict(known[key]):
            where = f"{path}.items.properties[{key}].default"
            yield required(
                where,
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            )


def _values(schema: Manifest, path: str) -> Iterator[FieldError]:
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", detail)
    if "$ref" in schema:
        yield forbidden(f"{path}.$ref", "$ref is not supported")
    pattern = text(schema, "pattern")
    if pattern and not _compiles(pattern):
        yield invalid(f"{path}.pattern", pattern, "must be a valid regular expression, but isn't")
    for junctor in _JUNCTORS:
        for index, part in enumerate(as_list(schema.get(junctor))):
            if not (schema.get("x-kubernetes-int-or-string") and schema.get("anyOf") == _INT_OR_STRING):
                yield from _restriction(as_dict(part), f"{path}.{junctor}[{index}]")
    if isinstance(schema.get("not"), dict):
        yield from _restriction(as_dict(schema["not"]), f"{path}.not")


def _restriction(schema: Manifest, path: str) -> Iterator[FieldError]:
    for name in _SHAPING:
        if schema.get(name) not in (None, False, ""):
            yield forbidden(f"{path}.{name}", "must be empty to be structural")
    for name, child in as_dict(schema.get("properties")).items():
        yield from _restriction(as_dict(child), f"{path}.properties[{name}]")
    if isinstance(schema.get("items"), dict):
        yield from _restriction(as_dict(schema["items"]), f"{path}.items")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _identity(schema: Manifest, path: str) -> Iterator[FieldError]:
    properties = as_dict(schema.get("properties"))
    for name in ("kind", "apiVersion"):
        if name in properties and text(properties[name], "type") != "string":
            yield invalid(f"{path}.properties[{name}].type", text(properties[name], "type"), "must be string")
    metadata = properties.get("metadata")
    if metadata is not None and text(metadata, "type") != "object":
        yield invalid(f"{path}.properties[metadata].type", text(metadata, "type"), "must be object")
