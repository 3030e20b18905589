"""One walk over an object beside its shapes: empty values out, defaults in, quantities canonical.

Defaults come from three places, all by definition and so the same wherever a definition is used: the release's
OpenAPI, the constants of `constants.py`, and the few that depend on their neighbours in `computed.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.api.quantity import canonical
from kubewright.twin.defaults.computed import COMPUTED
from kubewright.twin.defaults.constants import CONSTANTS
from kubewright.twin.presence import is_omitted
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.shapes import Holds, Shape, shapes_of

_SCALARS = {Holds.STRING, Holds.BOOLEAN, Holds.INTEGER, Holds.NUMBER, Holds.BYTES}
_WALKED = {Holds.LIST, Holds.MAP, Holds.QUANTITY}


def canonicalize(obj: Manifest, definition: str, settled: Collection[str] = ()) -> None:  # noqa: C901  one walk
    """Bring an object of a built-in definition into the server's form, in place; what is `settled` is in it already."""
    plan = _plan(definition)
    for name in [name for name, value in obj.items() if not value and (value is None or name in plan.dropped)]:
        del obj[name]
    for name, value, is_nested in plan.constants:
        if name not in obj:
            obj[name] = _copied(value) if is_nested else value
    if plan.computed is not None:
        plan.computed(obj)
    objects, walks = plan.objects, plan.walks
    for name, value in obj.items():
        if value.__class__ is dict and name in objects:
            if name not in settled:
                canonicalize(value, objects[name])
        elif name in walks and name not in settled:
            obj[name] = walks[name](value)
    for name, default in plan.defaults:
        if name not in obj:
            obj[name] = default
    for name, default, below in plan.default_objects:
        if name not in obj:
            obj[name] = made = _copied(default)
            canonicalize(made, below)


_Walk = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done to objects of one definition."""

    dropped: frozenset[str]
    """Properties that are left out when they are empty."""
    constants: tuple[tuple[str, Any, bool], ...]
    """Names, values, and whether there is something in a value to copy."""
    computed: Callable[[Manifest], Any] | None
    objects: Mapping[str, str]
    """The definitions of the properties that are objects."""
    walks: Mapping[str, _Walk]
    """What brings the value of another property into form, for those whose values have something in them to walk."""
    defaults: tuple[tuple[str, Any], ...]
    default_objects: tuple[tuple[str, Any, str], ...]


@functools.cache
def _plan(definition: str) -> _Plan:
    shapes = shapes_of(definition)
    defaulted = {name: shape for name, shape in shapes.items() if shape.default is not None}
    return _Plan(
        frozenset(name for name, shape in shapes.items() if _is_dropped(definition, name, shape)),
        tuple((name, value, isinstance(value, dict | list)) for name, value in CONSTANTS.get(definition, {}).items()),
        COMPUTED.get(definition),
        {name: shape.definition for name, shape in shapes.items() if shape.holds is Holds.OBJECT},
        {name: _walk(shape) for name, shape in shapes.items() if shape.holds in _WALKED and _has_depth(shape)},
        tuple((name, shape.default) for name, shape in defaulted.items() if shape.holds in _SCALARS),
        tuple(
            (name, shape.default, shape.definition) for name, shape in defaulted.items() if shape.holds is Holds.OBJECT
        ),
    )


def _has_depth(shape: Shape) -> bool:
    """Tell whether a walk could change anything in such a value."""
    if shape.holds in {Holds.LIST, Holds.MAP}:
        return shape.items is not None and shape.items.holds in _WALKED | {Holds.OBJECT, Holds.STRING}
    return True


def _walk(shape: Shape) -> _Walk:
    """Build what brings such a value into form: itself, changed in place, unless it is a quantity."""
    items = shape.items
    if items is None:
        return _walk_quantity
    if items.holds is Holds.STRING:
        return _walk_texts
    if items.holds is Holds.OBJECT:
        return functools.partial(_walk_objects, items.definition)
    return functools.partial(_walk_items, _walk(items))


def _walk_objects(definition: str, value: Any) -> Any:
    objects = as_dict(value).values() if isinstance(value, dict) else as_list(value)
    for item in objects:
        if item.__class__ is dict:
            canonicalize(item, definition)
    return value  # pyright: ignore[reportUnknownVariableType]  JSON


def _walk_items(walk: _Walk, value: Any) -> Any:
    if isinstance(value, list):
        value[:] = map(walk, cast("list[Any]", value))
    elif isinstance(value, dict):
        entries = cast("Manifest", value)
        for key, item in entries.items():
            entries[key] = walk(item)
    return value  # pyright: ignore[reportUnknownVariableType]  JSON


def _walk_texts(value: Any) -> Any:
    """Go has no null among texts."""
    if isinstance(value, dict):
        texts = cast("Manifest", value)
        if None in texts.values():
            texts.update({key: "" for key, item in texts.items() if item is None})
    elif isinstance(value, list) and None in value:
        value[:] = ["" if item is None else item for item in cast("list[Any]", value)]
    return value  # pyright: ignore[reportUnknownVariableType]  JSON


def _walk_quantity(value: Any) -> Any:
    return _canonical(value) if isinstance(value, str | int | float) else value


@functools.lru_cache(maxsize=4096)
def _canonical(value: str | float) -> Any:
    try:
        return canonical(value)
    except ValueError:
        return value


def _is_dropped(definition: str, name: str, shape: Shape) -> bool:
    if shape.holds in {Holds.LIST, Holds.MAP, Holds.BYTES}:
        return f"{definition.rpartition('.')[2]}.{name}" not in _EMPTY_LISTS_KEPT
    return shape.default is None and shape.holds in _SCALARS and is_omitted(definition, name, "")


_EMPTY_LISTS_KEPT = {
    "LimitRangeSpec.limits",
    "Role.rules",
    "ClusterRole.rules",
    "PolicyRule.verbs",
    "CustomResourceDefinitionSpec.versions",
    "PodSpec.containers",
    "EndpointSlice.endpoints",
    "EndpointSlice.ports",
    "Endpoint.addresses",
}
"""Lists that Go writes even when they are empty: they are not marked `omitempty`."""


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in as_dict(value).items()}
    return [_copied(part) for part in as_list(value)] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]  JSON
