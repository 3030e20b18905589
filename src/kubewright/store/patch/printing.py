"""How documents look in the API server's messages: as Go prints them."""

from __future__ import annotations

from typing import Any, cast


def go_text(value: Any) -> str:
    """Write a JSON value as Go's `%v` does: `map[a:1 b:[x y]]`, keys sorted."""
    match value:
        case dict():
            pairs = sorted(cast("dict[str, Any]", value).items())
            return "map[" + " ".join(f"{key}:{go_text(item)}" for key, item in pairs) + "]"
        case list():
            return "[" + " ".join(map(go_text, cast("list[Any]", value))) + "]"
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case _:
            return str(value)
