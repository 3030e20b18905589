"""Many expressions in one question: what a store answers to all of them is told apart by a label. Pure.

The parts of a question belong to different people. So each must be whole in itself: what closes a parenthesis that it
did not open, or opens one that it does not close, is never put beside others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from kubewright.series.promql import INERT, as_vector, enclosed
from kubewright.series.protocol import Missing, Vector, Why

LABEL = "kubewright_query"
MOST_QUERIES, MOST_CHARACTERS = 50, 16_000
_PAIRS = {")": "(", "]": "[", "}": "{"}
_QUOTES = "\"'`"


@lru_cache(maxsize=8192)
def is_whole(query: str) -> bool:
    """Tell whether every parenthesis, bracket, brace and string of an expression ends in it."""
    opened: list[str] = []
    for character in INERT.sub("", query):
        if character in _PAIRS.values():
            opened.append(character)
        elif character in _QUOTES or (character in _PAIRS and (not opened or opened.pop() != _PAIRS[character])):
            return False
    return not opened


def together(queries: Sequence[str]) -> str:
    """Return one expression that answers all of them."""
    return " or ".join(
        f'label_replace({enclosed(as_vector(query))}, "{LABEL}", "{index}", "", "")'
        for index, query in enumerate(queries)
    )


def apart(queries: Sequence[str], answer: Vector) -> dict[str, Vector | Missing]:
    """Return what was answered to each of them."""
    found: dict[str, list[int]] = {}
    for place, sample in enumerate(answer.samples):
        found.setdefault(sample.labels.get(LABEL, ""), []).append(place)
    return {
        query: Vector(tuple(answer.samples[place] for place in found[str(index)]), answer.warnings)
        if str(index) in found
        else Missing(Why.NO_DATA, "no series, or none that is a finite number")
        for index, query in enumerate(queries)
    }


def batches(queries: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Return groups that are asked together; what is not whole stands alone."""
    batch: list[str] = []
    characters = 0
    for query in queries:
        if not is_whole(query):
            yield (query,)
            continue
        if batch and (len(batch) == MOST_QUERIES or characters + len(query) > MOST_CHARACTERS):
            yield tuple(batch)
            batch, characters = [], 0
        batch.append(query)
        characters += len(query)
    if batch:
        yield tuple(batch)
