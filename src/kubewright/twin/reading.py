"""Reading JSON documents whose shape nobody promised: what is missing or of another type reads as empty.

Called for nearly every field of every write, so the one case that is common costs one look.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# JSON values have no types of their own, and a `cast` is a call.

from __future__ import annotations

from typing import Any


def as_dict(value: Any) -> dict[str, Any]:
    """Read a part of a manifest as an object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Read a part of a manifest as a list; anything else is an empty one."""
    return value if isinstance(value, list) else []


def dig(obj: Any, *names: str) -> Any:
    """Go down by property names; None when one is missing."""
    for name in names:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(name)
    return obj


def text(obj: Any, *names: str) -> str:
    """Read a string, or ""."""
    for name in names:
        if not isinstance(obj, dict):
            return ""
        obj = obj.get(name)
    return obj if isinstance(obj, str) else ""


def count(obj: Any, *names: str) -> int:
    """Read an integer, or 0."""
    value = dig(obj, *names)
    return value if isinstance(value, int) else 0


def dicts(obj: Any, *names: str) -> list[dict[str, Any]]:
    """Read a list of objects; items of other types are skipped."""
    for name in names:
        if not isinstance(obj, dict):
            return []
        obj = obj.get(name)
    return [item for item in obj if isinstance(item, dict)] if obj and isinstance(obj, list) else []
