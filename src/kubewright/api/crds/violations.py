"""Which rules of its class an object breaks.

The API server enforces the generated schema. But an object may have come through a CRD that somebody applied before
ours, with laxer rules or none; the controller asks here before it makes anything of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast

import msgspec
import msgspec.inspect as mi

from kubewright.api.crds.schema import field_rules

_CHECKS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (lambda value, limit: value >= limit, "should be greater than or equal to {}"),
    "maximum": (lambda value, limit: value <= limit, "should be less than or equal to {}"),
    "minLength": (lambda value, limit: len(value) >= limit, "should be at least {} chars long"),
    "maxLength": (lambda value, limit: len(value) <= limit, "should be at most {} chars long"),
    "pattern": (lambda value, pattern: re.search(pattern, value, re.ASCII) is not None, "should match '{}'"),
    "maxItems": (lambda value, limit: len(value) <= limit, "should have at most {} items"),
}

_OF_TEXT = frozenset({"minLength", "maxLength", "pattern"})


def violations(obj: msgspec.Struct, path: str) -> tuple[str, ...]:
    """Name each broken rule of the Struct at `path`, in the API server's form: `spec.image: Required value`.

    A field that is absent, and so has its class's default, breaks a rule only if it is required.
    """
    return tuple(_struct_violations(obj, path))


@cache
def _fields(type_: type[msgspec.Struct]) -> tuple[mi.Field, ...]:
    return cast("mi.StructType", mi.type_info(type_)).fields


def _struct_violations(obj: msgspec.Struct, path: str) -> Iterator[str]:
    for field in _fields(type(obj)):
        bare, rules, extra = field_rules(field)
        value = getattr(obj, field.name)
        at = f"{path}.{field.encode_name}"
        if extra.get("required") and value == field.default:
            yield f"{at}: Required value"
        elif value != field.default:
            if isinstance(bare, mi.LiteralType):
                rules = {**rules, "enum": list(bare.values)}
            yield from _broken(value, rules, at)
            yield from _inside(value, rules, at)


def _broken(value: Any, rules: Mapping[str, Any], at: str) -> Iterator[str]:
    allowed: list[str] = rules.get("enum", [value])
    if value not in allowed:
        yield f"{at}: Unsupported value: {_json(value)}: supported values: {', '.join(map(_json, allowed))}"
    for name, (holds, text) in _CHECKS.items():
        # A quantity may be written as a number, of which the rules for text say nothing.
        speaks = name in rules and value is not None and (name not in _OF_TEXT or isinstance(value, str))
        if speaks and not holds(value, rules[name]):
            yield f"{at}: Invalid value: {_json(value)}: {at} in body {text.format(rules[name])}"


def _inside(value: Any, rules: Mapping[str, Any], at: str) -> Iterator[str]:
    if isinstance(value, msgspec.Struct):
        yield from _struct_violations(value, at)
    elif isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        for index, item in enumerate(items):
            yield from _inside(item, {}, f"{at}[{index}]")
        yield from _duplicates(items, rules.get("x-kubernetes-list-map-keys", ()), at)


def _duplicates(items: Sequence[Any], keys: Sequence[str], at: str) -> Iterator[str]:
    seen: set[tuple[Any, ...]] = set()
    for index, item in enumerate(items if keys else ()):
        names = {field.encode_name: field.name for field in _fields(cast("type[msgspec.Struct]", type(item)))}
        identity = tuple(getattr(item, names[key]) for key in keys)
        if identity in seen:
            yield f"{at}[{index}]: Duplicate value: {_json(dict(zip(keys, identity, strict=True)))}"
        seen.add(identity)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
