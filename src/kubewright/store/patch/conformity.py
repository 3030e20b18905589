"""Whether a configuration that is to be applied is of its schema, said in the API server's words.

Stricter than what an update may store: server-side apply refuses fields that the schema does not declare, values of
another type, and items that cannot be told apart.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from kubewright.api.schema import Schema
from kubewright.store.patch.elements import ElementError, element_name
from kubewright.store.patch.fields import shown_element


def problems_in(schema: Schema | None, value: Any, path: str = "") -> list[str]:
    """Return what is wrong, each with its path (`.spec.replicas: expected numeric (int or float), got string`)."""
    found: list[str] = []
    _check(schema, value, path, found)
    return found


def _check(schema: Schema | None, value: Any, path: str, found: list[str]) -> None:
    if schema is None or value is None:
        return
    if value.__class__ is dict and schema.holds_map:
        _check_map(schema, value, path, found)
    elif value.__class__ is list and schema.holds_list:
        _check_list(schema, value, path, found)
    else:
        problem = _scalar_problem(schema, value)
        if problem:
            found.append(f"{path}: {problem}")


def _check_map(schema: Schema, value: dict[str, Any], path: str, found: list[str]) -> None:
    properties = schema.properties
    for name, part in value.items():
        declared = properties.get(name)
        if declared is not None:
            # Most fields are texts: asked here, they cost no call and no path.
            if part.__class__ is not str or declared.type != "string":
                _check(declared, part, f"{path}.{name}", found)
        elif schema.open:
            _check(schema.child(name), part, f"{path}.{name}", found)
        else:
            found.append(f"{path}.{name}: field not declared in schema")


def _check_list(schema: Schema, value: list[Any], path: str, found: list[str]) -> None:
    if not schema.associative:
        for position, item in enumerate(value):
            _check(schema.items, item, f"{path}[{position}]", found)
        return
    seen: set[str] = set()
    for position, item in enumerate(value):
        try:
            name = element_name(schema, item)
        except ElementError as error:
            found.append(f"{path}: element {position}: {error}")
            continue
        if name in seen:
            found.append(f"{path}: duplicate entries for key {shown_element(name)}")
        seen.add(name)
        if item.__class__ is not str:
            _check(schema.items, item, path + shown_element(name), found)


def _scalar_problem(schema: Schema, value: Any) -> str:
    """Say what a value should have been; Go's ways of printing differ from type to type."""
    kind = value.__class__
    wanted = schema.type
    if wanted == "string":
        if schema.int_or_string or schema.format not in {"", "byte"}:
            wanted = ""
        elif kind is not str:
            return f"expected string, got {_go_source(value)}"
    if wanted in {"integer", "number"} and kind is not int and kind is not float:
        return f"expected numeric (int or float), got {_GO_TYPES[kind]}"
    structured = kind is dict or kind is list
    if (structured and wanted in {"", "object", "array"}) or _NATIVE.get(wanted, kind) is not kind:
        return f"expected {_EXPECTED[wanted]}, got &{{{_go_print(value)}}}"
    return ""


_NATIVE: Final[dict[str, type]] = {"boolean": bool, "object": dict, "array": list}
_EXPECTED: Final = {"boolean": "boolean", "object": "map", "array": "list", "": "any scalar"}
_GO_TYPES: Final[dict[type, str]] = {
    bool: "bool",
    str: "string",
    dict: "map[string]interface {}",
    list: "[]interface {}",
}


def _go_print(value: Any) -> str:
    """Print a value as Go's `%v` does."""
    if isinstance(value, dict):
        entries = sorted(cast("dict[str, Any]", value).items())
        return "map[" + " ".join(f"{name}:{_go_print(part)}" for name, part in entries) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go_print(part) for part in cast("list[Any]", value)) + "]"
    if value is None:
        return "<nil>"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _go_source(value: Any) -> str:
    """Print a value as Go's `%#v` does, inside of the type that structured-merge-diff wraps it in."""
    return f"&value.valueUnstructured{{Value:{_go_literal(value)}}}"


def _go_literal(value: Any) -> str:
    if isinstance(value, dict):
        entries = sorted(cast("dict[str, Any]", value).items())
        inner = ", ".join(f"{_go_literal(name)}:{_go_literal(part)}" for name, part in entries)
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(_go_literal(part) for part in cast("list[Any]", value)) + "}"
    if value is None:
        return "interface {}(nil)"
    return msgspec.json.encode(value).decode()
