"""Reading JSON documents whose shape nobody promised: what is missing or of another type reads as empty."""

from __future__ import annotations

from typing import Any, cast


def as_dict(value: Any) -> dict[str, Any]:
    """Read a part of a manifest as an object; anything else is an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Read a part of a manifest as a list; anything else is an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def dig(obj: Any, *names: str) -> Any:
    """Go down by property names; None when one is missing."""
    for name in names:
        if not isinstance(obj, dict):
            return None
        obj = cast("dict[str, Any]", obj).get(name)
    return obj


def text(obj: Any, *names: str) -> str:
    """Read a string, or ""."""
    value = obj
    for name in names:
        if not isinstance(value, dict):
            return ""
        value = cast("dict[str, Any]", value).get(name)
    return value if isinstance(value, str) else ""


def count(obj: Any, *names: str) -> int:
    """Read an integer, or 0."""
    value = dig(obj, *names)
    return value if isinstance(value, int) else 0


def dicts(obj: Any, *names: str) -> list[dict[str, Any]]:
    """Read a list of objects; items of other types are skipped."""
    value = obj
    for name in names:
        if not isinstance(value, dict):
            return []
        value = cast("dict[str, Any]", value).get(name)
    return [item for item in value if isinstance(item, dict)] if value and isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]  JSON
