"""The order of a list after a strategic merge: the patch's items in its order, the server's own in theirs.

Where the two meet, the live list decides; an item that it does not know goes before the server's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast


def interleave(merged: list[Any], order: list[Any], live: list[Any], merge_key: str) -> list[Any]:
    """Return the items of `merged` with those named in `order` in that order, and the others as in `live`."""
    wanted = [_name(item, merge_key) for item in order]
    known = [_name(item, merge_key) for item in live]
    mine = sorted((item for item in merged if _name(item, merge_key) in wanted), key=_place(wanted, merge_key))
    others = sorted((item for item in merged if _name(item, merge_key) not in wanted), key=_place(known, merge_key))
    result: list[Any] = []
    left = right = 0
    while left < len(others) and right < len(mine):
        one, other = _name(others[left], merge_key), _name(mine[right], merge_key)
        if one in known and other in known and known.index(one) < known.index(other):
            result.append(others[left])
            left += 1
        else:
            result.append(mine[right])
            right += 1
    return [*result, *others[left:], *mine[right:]]


def _place(names: list[Any], merge_key: str) -> Callable[[Any], int]:
    """Make a sort key: where an item stands in a list of names; those that it lacks keep their order at the end."""

    def place(item: Any) -> int:
        name = _name(item, merge_key)
        return names.index(name) if name in names else len(names)

    return place


def _name(item: Any, merge_key: str) -> Any:
    return cast("dict[str, Any]", item).get(merge_key) if merge_key and isinstance(item, dict) else item
