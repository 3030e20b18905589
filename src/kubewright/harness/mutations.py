"""Every property of a kind's spec, and the values to try for it: set, changed, unset, and at and beyond its bounds.

What is tried follows from the schema alone. A value that the server refuses is a good answer of the definition's; one
that it takes is the operator's to deal with.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import msgspec

from kubewright.api.meta import Manifest
from kubewright.api.schema import MISSING, Schema, parse_schema

Path: TypeAlias = tuple[str | int, ...]


class _Unset(enum.Enum):
    """One of its kind in every process."""

    UNSET = "unset"


UNSET: Final = _Unset.UNSET
_DEPTH = 8
_LONG = 300
_READABLE = 40
_WORDS = (
    *("changed", "http", "a1", "100m", "64Mi", "50%", "5m", "/changed", "a.example.com", "10.0.0.9"),
    *("0 3 * * *", "2030-01-01T00:00:00Z", "A_B", "kubernetes.io/h2c", "1", "true"),
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A property given another value."""

    path: Path
    value: Any
    why: str
    below: Path = ()
    """Where in the value the property is, when what holds it was absent and is given with it."""

    @property
    def property(self) -> str:
        """Return the property's name, the same for every item of a list: `spec.ports[].port`."""
        parts = (*self.path, *self.below)
        return "".join("[]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")

    def __str__(self) -> str:
        value = "unset" if self.value is UNSET else msgspec.json.encode(self.value).decode()
        at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        return f"{at}={value if len(value) <= _READABLE else f'{value[: _READABLE - 3]}... ({_digest(value)})'}"

    def applied(self, document: Manifest) -> Manifest:
        """Return a copy of an object with the property changed."""
        return _with(document, self.path, self.value)

    def patch(self, document: Manifest) -> list[Manifest]:
        """Return the JSON patch that brings an object there; empty when it is there already."""
        whole = self.path[0]
        old, new = document.get(str(whole)), self.applied(document).get(str(whole))
        return [] if old == new else [{"op": "replace", "path": f"/{whole}", "value": new}]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def spec_schema(definition: Manifest, version: str) -> Schema | None:
    """Return the schema of a definition's `spec`, None when it has none."""
    for each in definition["spec"]["versions"]:
        if each["name"] == version:
            document = each["schema"]["openAPIV3Schema"].get("properties", {}).get("spec")
            return None if document is None else parse_schema(document)
    return None


def mutations(schema: Schema, sample: Manifest) -> list[Mutation]:
    """Return what to try on a sample, property by property."""
    tried = list(_of(schema, ("spec",), sample.get("spec"), required=True, depth=0))
    return list({str(each): each for each in tried}.values())


def _of(schema: Schema, path: Path, value: Any, *, required: bool, depth: int) -> Iterator[Mutation]:
    if depth > _DEPTH:
        return
    if value is not None and not required:
        yield Mutation(path, UNSET, "unset")
    if schema.properties:
        yield from _of_object(schema, path, value, depth)
    elif schema.type == "array" and schema.items is not None:
        yield from _of_list(schema, schema.items, path, value, depth)
    elif schema.type == "object":
        yield from _of_map(schema, path, value)
    else:
        yield from (Mutation(path, each, why) for each, why in _scalars(schema, value) if each != value)


def _of_object(schema: Schema, path: Path, value: Any, depth: int) -> Iterator[Mutation]:
    if value is None and depth:
        least = example(schema)
        yield Mutation(path, least, "set")
        yield Mutation(path, example(schema, full=True), "set whole")
        yield from _within(path, least, _of_object(schema, path, least, depth))
        return
    present = cast("Mapping[str, Any]", value or {})
    for name, part in schema.properties.items():
        yield from _of(part, (*path, name), present.get(name), required=name in schema.required, depth=depth + 1)


def _within(path: Path, least: Any, mutations_below: Iterator[Mutation]) -> Iterator[Mutation]:
    """Turn changes within something that is not there into values of the whole of it: the least, and that change."""
    for each in mutations_below:
        below = each.path[len(path) :]
        yield Mutation(path, _with(least, below, each.value), each.why, (*below, *each.below))


def _of_list(schema: Schema, items: Schema, path: Path, value: Any, depth: int) -> Iterator[Mutation]:
    present = list(cast("list[Any]", value or []))
    if present:
        yield Mutation(path, [], "empty")
        if len(present) > 1:
            yield Mutation(path, present[:-1], "one less")
            yield Mutation(path, [*present[1:], present[0]], "another order")
        yield from _of(items, (*path, 0), present[0], required=True, depth=depth + 1)
    else:
        yield Mutation(path, [example(items, full=True)], "set")
        least = [example(items)]
        yield from _within(path, least, _of(items, (*path, 0), least[0], required=True, depth=depth + 1))
    another = example(items, full=True, taken=len(present) + 1)
    yield Mutation(path, [*present, another], "one more")
    if schema.max_items is not None and schema.max_items <= _LONG:
        yield Mutation(path, [another] * (schema.max_items + 1), "too many")


def _of_map(schema: Schema, path: Path, value: Any) -> Iterator[Mutation]:
    entry = example(schema.additional) if isinstance(schema.additional, Schema) else "changed"
    present = cast("Mapping[str, Any]", value or {})
    yield Mutation(path, {**present, "changed": entry}, "one more" if present else "set")
    if present:
        yield Mutation(path, {}, "empty")


def _scalars(schema: Schema, value: Any) -> Iterator[tuple[Any, str]]:
    """Yield values and what each is: what is allowed, the bounds, and one beyond each."""
    if schema.enum:
        yield from ((each, "changed") for each in schema.enum)
        yield "Nonsense", "not allowed"
    elif schema.int_or_string:
        yield from ((each, "changed") for each in (1, "50%", "100m") if _fits(schema, each))
    elif schema.type == "boolean":
        yield (not value), "changed"
    elif schema.type in {"integer", "number"}:
        yield from _numbers(schema, value)
    elif schema.type == "string":
        yield from _strings(schema, value)
    else:
        yield {"changed": True}, "changed"


def _numbers(schema: Schema, value: Any) -> Iterator[tuple[Any, str]]:
    whole = int if schema.type == "integer" else float
    low, high = schema.minimum, schema.maximum
    yield whole((value or 0) + 1), "changed"
    if low is not None:
        yield whole(low), "lowest"
        yield whole(low - 1), "too low"
    if high is not None:
        yield whole(high), "highest"
        yield whole(high + 1), "too high"


def _strings(schema: Schema, value: Any) -> Iterator[tuple[Any, str]]:
    changed = next((each for each in (f"{value or ''}x", *_WORDS) if each != value and _fits(schema, each)), None)
    if changed is not None:
        yield changed, "changed"
    if schema.min_length:
        yield "", "too short"
    if schema.max_length is not None and schema.max_length <= _LONG:
        longest = (changed or "x")[:1] * schema.max_length
        if _fits(schema, longest):
            yield longest, "longest"
        yield f"{longest}x", "too long"
    if schema.pattern and not re.search(schema.pattern, "!"):
        yield "!", "not of the form"


def example(schema: Schema, *, full: bool = False, taken: int = 0) -> Any:
    """Return a value that the schema allows: the least, or with every property; `taken` makes it another one."""
    if schema.default is not MISSING and not taken:
        return schema.default
    if schema.enum:
        return schema.enum[0]
    if schema.properties:
        names = schema.properties if full else schema.required
        return {
            name: example(schema.properties[name], full=False, taken=taken)
            for name in names
            if name in schema.properties
        }
    return _example_of_type(schema, taken)


def _example_of_type(schema: Schema, taken: int) -> Any:
    match schema.type:
        case "array":
            return [example(schema.items)] if schema.items is not None and schema.min_items else []
        case "object":
            return {}
        case "boolean":
            return True
        case "integer" | "number":
            number = int(schema.minimum or 1) + taken
            return number if schema.maximum is None else min(number, int(schema.maximum))
        case _:
            words = [f"{word}{taken}" if taken else word for word in ("a", *_WORDS)]
            return next((word for word in (*words, *_WORDS) if _fits(schema, word)), "a")


def _fits(schema: Schema, value: Any) -> bool:
    if not isinstance(value, str):
        return True
    short = schema.min_length is not None and len(value) < schema.min_length
    long = schema.max_length is not None and len(value) > schema.max_length
    return not short and not long and (not schema.pattern or re.search(schema.pattern, value, re.ASCII) is not None)


def _with(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        items = list(cast("list[Any]", value))
        items[head : head + 1] = [] if new is UNSET and not rest else [_with(items[head], rest, new)]
        return items
    fields = dict(cast("Mapping[str, Any]", value or {}))
    if new is UNSET and not rest:
        fields.pop(head, None)
    else:
        fields[head] = _with(fields.get(head), rest, new)
    return fields
