"""Rows of custom resources: what their CRD's additionalPrinterColumns say, or name and age.

The paths are the simple kind that CRDs allow: names, indices, quoted names and filters `[?(@.type=="Ready")]`.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import Column
from kubewright.twin.reading import text
from kubewright.twin.tables.duration import since


class _Filter(NamedTuple):
    """`[?(@.key=="value")]`: the items whose property equals a value."""

    path: tuple[str, ...]
    value: Any


_STEP = re.compile(
    r"""\.?(?:
        \[\?\(@\.(?P<key>[\w.\-/\\]+)\s*==\s*(?P<value>"[^"]*"|'[^']*'|[\w.\-]+)\)\]
      | \[(?P<index>-?\d+)\]
      | \[(?P<star>\*)\]
      | \[['"](?P<quoted>[^'"]+)['"]\]
      | (?P<name>(?:\\.|[^.\[\]\\])+)
    )""",
    re.VERBOSE,
)


def custom_row(obj: Manifest, columns: Sequence[Column], now: float) -> list[Any]:
    """Return a cell for each column; what is absent or of another type is null."""
    cells: list[Any] = [text(obj, "metadata", "name")]
    cells.extend(_cell(column.type, find(obj, column.json_path), now) for column in columns[1:])
    return cells


def find(obj: Any, path: str) -> list[Any]:
    """Return what a simple JSONPath leads to, in document order."""
    found = [obj]
    for step in _steps(path):
        found = [deeper for item in found for deeper in _follow(item, step)]
    return found


@functools.lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[str | int | _Filter, ...]:
    steps: list[str | int | _Filter] = []
    for match in _STEP.finditer(path.strip().removeprefix("{").removesuffix("}").removeprefix("$")):
        if match["key"]:
            steps.append(_Filter(tuple(_names(match["key"])), _literal(match["value"])))
        elif match["index"]:
            steps.append(int(match["index"]))
        else:
            steps.append(match["star"] or match["quoted"] or match["name"].replace("\\", ""))
    return tuple(steps)


def _names(path: str) -> list[str]:
    return [part.replace("\\", "") for part in re.split(r"(?<!\\)\.", path)]


def _literal(written: str) -> Any:
    if written[0] in "\"'":
        return written[1:-1]
    try:
        return json.loads(written)
    except ValueError:
        return written


def _follow(item: Any, step: str | int | _Filter) -> list[Any]:
    match item, step:
        case dict(), "*":
            return list(cast("Manifest", item).values())
        case list(), "*":
            return cast("list[Any]", item)
        case dict(), str() if step in item:
            return [cast("Manifest", item)[step]]
        case list(), int() if -len(cast("list[Any]", item)) <= step < len(cast("list[Any]", item)):
            return [item[step]]
        case list(), _Filter():
            return [each for each in cast("list[Any]", item) if _value(each, step.path) == step.value]
        case _:
            return []


def _value(item: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        item = cast("Manifest", item).get(name) if isinstance(item, dict) else None
    return item


def _cell(kind: str, found: list[Any], now: float) -> Any:  # noqa: PLR0911  one case a column type
    if not found:
        return None
    value = found[0]
    match kind, value:
        case "date", str():
            return since(value, now)
        case "string", _:
            return _printed(value)
        case "boolean", bool():
            return value
        case (("integer" | "number" | "boolean"), bool()):
            return None
        case "integer", int() | float():
            return int(value)
        case "number", int() | float():
            return float(value)
        case _:
            return None


def _printed(value: Any) -> str:
    """Write any value as kubectl's JSONPath printer does: strings bare, the rest as JSON."""
    match value:
        case str():
            return value
        case None:
            return "<nil>"
        case float():
            return f"{value:g}"
        case _:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
