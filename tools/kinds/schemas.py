"""Brings the server's OpenAPI v3 definitions into the twin's form. Pure; called by `__main__`."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

Schema = dict[str, Any]
REFERENCE_PREFIX = "#/components/schemas/"
KIND_EXTENSION = "x-kubernetes-group-version-kind"
_SCHEMA_MAPS = frozenset({"properties", "patternProperties"})
_SCHEMAS = frozenset({"items", "additionalProperties", "not"})
_SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf"})


def stripped(schema: Mapping[str, Any]) -> Schema:
    """Drop prose, and write `allOf: [{$ref}]` as the reference itself, beside what applies to this place only.

    Values that only look like schemas (a default, an enum, a property called `description`) stay as they are.
    """
    kept: Schema = {}
    for key, value in schema.items():
        if key == "description":
            continue
        if key == "$ref":
            kept[key] = value.removeprefix(REFERENCE_PREFIX)
        elif key in _SCHEMA_MAPS:
            kept[key] = {name: stripped(inner) for name, inner in value.items()}
        elif key in _SCHEMAS and isinstance(value, dict):  # additionalProperties may be a boolean
            kept[key] = stripped(cast("Schema", value))
        elif key in _SCHEMA_LISTS:
            kept |= _combined(key, [stripped(inner) for inner in value])
        else:
            kept[key] = value
    return kept


def _combined(key: str, inner: list[Schema]) -> Schema:
    if key == "allOf" and len(inner) == 1 and inner[0].keys() == {"$ref"}:
        return inner[0]
    return {key: inner}


def merged(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Schema]:
    """Merge the definitions of every group version's document; one name must mean one schema.

    Only the list of kinds may differ (DeleteOptions is a kind of every group), and is joined.
    """
    found: dict[str, Schema] = {}
    for source, document in documents.items():
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            new = stripped(schema)
            old = found.get(name, new)
            if _without_kinds(old) != _without_kinds(new):
                raise ValueError(f"{source} says something else of {name} than another document")
            found[name] = old | _joined_kinds(old, new)
    return found


def _without_kinds(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != KIND_EXTENSION}


def _joined_kinds(old: Schema, new: Schema) -> Schema:
    kinds = [*old.get(KIND_EXTENSION, ())]
    kinds += [kind for kind in new.get(KIND_EXTENSION, ()) if kind not in kinds]
    return {KIND_EXTENSION: kinds} if kinds else {}


def by_kind(schemas: Mapping[str, Schema]) -> dict[tuple[str, str, str], str]:
    """Give the definition's name by (group, version, kind)."""
    return {
        (kind["group"], kind["version"], kind["kind"]): name
        for name, schema in schemas.items()
        for kind in schema.get(KIND_EXTENSION, ())
    }


def dangling(schemas: Mapping[str, Schema]) -> set[str]:
    """Give every name that a definition refers to and that is none; a whole document has none of these."""
    return {name for schema in schemas.values() for name in _references(schema)} - schemas.keys()


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        node = cast("Schema", value)
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _references(inner)
