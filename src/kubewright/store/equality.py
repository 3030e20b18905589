"""Whether two JSON values are the same value; asked before every write, for one that changes nothing is no write."""

from __future__ import annotations

from typing import Any, cast


def same_json(one: Any, other: Any) -> bool:
    """Compare as JSON does: 1 equals 1.0, but `true` does not equal 1 (in Python it does)."""
    if one is other:
        return True
    # The built-in comparison is ten times faster and nearly always finds the difference, if there is one.
    return one == other and _same_booleans(one, other)


def _same_booleans(one: Any, other: Any) -> bool:
    """Check that two values that Python calls equal have their booleans in the same places."""
    if one is other:
        return True
    if isinstance(one, dict):
        right = cast("dict[str, Any]", other)
        return all(_same_booleans(value, right[key]) for key, value in cast("dict[str, Any]", one).items())
    if isinstance(one, list):
        return all(map(_same_booleans, cast("list[Any]", one), cast("list[Any]", other)))
    return isinstance(one, bool) == isinstance(other, bool)
