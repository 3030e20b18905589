"""Which fields a document has, for the manager who applied it; and whether the schema knows them.

Called by apply with what a user sent. Fields are leaves, atomic values, list items and entries of maps; the structs
between them belong to nobody.
"""

from __future__ import annotations

from typing import Any, cast

from kubewright.api.schema import Schema
from kubewright.store.patch.elements import ElementError, element_name
from kubewright.store.patch.fields import LEAF, Fields, as_member, shown_element


def owned_fields(schema: Schema | None, value: Any, problems: list[str] | None = None, path: str = "") -> Fields | None:
    """Return the set of fields that applying `value` owns; what the schema does not allow is added to `problems`."""
    if value.__class__ is dict:
        return _map_fields(schema, value, problems, path)
    if value.__class__ is list:
        return _list_fields(schema, value, problems, path)
    if value is None:
        return None
    if problems is not None and schema is not None:
        _check_scalar(schema, value, problems, path)
    return LEAF


def _map_fields(schema: Schema | None, value: dict[str, Any], problems: list[str] | None, path: str) -> Fields | None:
    if schema is not None:
        if not schema.holds_map:
            _refuse(problems, path, f"expected {_expected(schema)}, got {_go_value(value)}")
            return LEAF
        if schema.atomic_map:
            return LEAF
    result: Fields = {}
    declared = () if schema is None else schema.properties
    for name, part in value.items():
        below = None if schema is None else schema.child(name)
        at = path if problems is None else f"{path}.{name}"
        fields = owned_fields(below, part, problems, at)
        if name not in declared:
            fields = as_member(fields)
            if problems is not None and schema is not None and not schema.open:
                problems.append(f"{at}: field not declared in schema")
        elif part is None or part == {}:
            fields = as_member(fields)
        if fields is not None:
            result["f:" + name] = fields
    return result or None


def _list_fields(schema: Schema | None, value: list[Any], problems: list[str] | None, path: str) -> Fields | None:
    if schema is None or not schema.associative:
        if schema is not None and not schema.holds_list:
            _refuse(problems, path, f"expected {_expected(schema)}, got {_go_value(value)}")
        return LEAF
    result: Fields = {}
    repeated: set[str] = set()
    for position, item in enumerate(value):
        try:
            name = element_name(schema, item)
        except ElementError as error:
            _refuse(problems, path, f"element {position}: {error}")
            continue
        if name in result:
            repeated.add(name)
            _refuse(problems, path, f"duplicate entries for key {shown_element(name)}")
            continue
        at = path if problems is None else path + shown_element(name)
        result[name] = as_member(owned_fields(schema.items, item, problems, at))
    for name in repeated:
        result[name] = LEAF
    return result or None


def _check_scalar(schema: Schema, value: Any, problems: list[str], path: str) -> None:
    """Say what a scalar should have been, in the words of structured-merge-diff."""
    if schema.int_or_string or not schema.type:
        return
    match schema.type:
        case "string":
            fine = value.__class__ is str or schema.format not in {"", "byte"}
        case "boolean":
            fine = value.__class__ is bool
        case "integer" | "number":
            fine = value.__class__ is int or value.__class__ is float
        case _:
            fine = False
    if not fine:
        problems.append(f"{path}: expected {_expected(schema)}, got {_go_value(value)}")


def _expected(schema: Schema) -> str:
    names = {"integer": "numeric (int or float)", "number": "numeric (int or float)", "object": "map", "array": "list"}
    return names.get(schema.type, schema.type or "scalar")


def _go_value(value: Any) -> str:
    """Print a value as the API server's messages do."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + "; ".join(f"{k}={_go_value(v)}" for k, v in cast("dict[str, Any]", value).items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_go_value(item) for item in cast("list[Any]", value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _refuse(problems: list[str] | None, path: str, message: str) -> None:
    if problems is not None:
        problems.append(f"{path}: {message}")
