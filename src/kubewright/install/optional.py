"""What of the objects is there only by a choice: found by making them without it, and put between `if` and `end`. Pure.

The chart is made of the very functions that make the objects, which know nothing of Helm: what a choice brings is what
is missing where it was not made. All of that are entries of lists, so a mark before and after them is an entry, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar, cast

T = TypeVar("T")
Condition = tuple[str, ...]
"""Values of the chart that must all be given."""
_IF, _END = "only-if", "end-of-only-if"
_MARKED = re.compile(rf"^ *- (?:{_IF}((?:\+[\w.]+)+)|{_END})$", re.MULTILINE)


def optional(whole: T, without: Mapping[Condition, T]) -> T:
    """Return the objects with marks around the entries that are not among those made `without` a choice.

    Raises ValueError where a choice changes something else than which entries a list has.
    """
    match whole:
        case dict():
            fields = cast("dict[str, Any]", whole)
            if any(fields.keys() != cast("dict[str, Any]", each).keys() for each in without.values()):
                raise ValueError(f"a choice brings or takes one of the fields {', '.join(fields)}")
            return cast("T", {name: optional(each, _at(without, name)) for name, each in fields.items()})
        case list():
            return cast("T", _entries(cast("list[Any]", whole), cast("Mapping[Condition, list[Any]]", without)))
        case _:
            if any(each != whole for each in without.values()):
                raise ValueError(f"a choice changes {whole!r}")
            return whole


def shown(text: str, expression: Callable[[Iterable[str]], str]) -> str:
    """Return the text with the marks replaced; `expression` is what begins a part that needs these values."""

    def line(found: re.Match[str]) -> str:
        names: str | None = found[1]
        return expression(names.split("+")[1:]) if names else "{{- end }}"

    return _MARKED.sub(line, text)


def _at(without: Mapping[Condition, Any], place: str | int) -> dict[Condition, Any]:
    return {condition: each[place] for condition, each in without.items()}


def _entries(whole: list[Any], without: Mapping[Condition, list[Any]]) -> list[Any]:
    if all(len(each) == len(whole) for each in without.values()):
        return [optional(each, _at(without, place)) for place, each in enumerate(whole)]
    needs = [_needed(each, without) for each in whole]
    for condition, left in without.items():
        if [each for each, needed in zip(whole, needs, strict=True) if condition not in needed] != left:
            raise ValueError(f"without {' and '.join(condition)} entries are not only fewer: {left}")
    return list(_marked(whole, needs))


def _needed(entry: Any, without: Mapping[Condition, list[Any]]) -> tuple[Condition, ...]:
    return tuple(condition for condition, left in without.items() if entry not in left)


def _marked(whole: Sequence[Any], needs: Sequence[tuple[Condition, ...]]) -> Iterator[Any]:
    for needed, group in groupby(zip(whole, needs, strict=True), key=lambda each: each[1]):
        names = dict.fromkeys(name for condition in needed for name in condition)
        if names:
            yield "+".join((_IF, *names))
        yield from (entry for entry, _ in group)
        if names:
            yield _END
