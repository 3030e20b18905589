"""One walk over an object beside its shapes: empty values out, defaults in, quantities canonical.

Defaults come from three places, all by definition and so the same wherever a definition is used: the release's
OpenAPI, the constants of `constants.py`, and the few that depend on their neighbours in `computed.py`.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.api.quantity import canonical
from kubewright.twin.defaults.computed import COMPUTED
from kubewright.twin.defaults.constants import CONSTANTS
from kubewright.twin.presence import is_omitted
from kubewright.twin.shapes import Holds, Shape, shapes_of

_SCALARS = {Holds.STRING, Holds.BOOLEAN, Holds.INTEGER, Holds.NUMBER, Holds.BYTES}
_WALKED = {Holds.OBJECT, Holds.LIST, Holds.MAP, Holds.QUANTITY}


def canonicalize(obj: Manifest, definition: str, settled: Collection[str] = ()) -> None:
    """Bring an object of a built-in definition into the server's form, in place; what is `settled` is in it already."""
    plan = _plan(definition)
    for name in [name for name, value in obj.items() if not value and (value is None or name in plan.dropped)]:
        del obj[name]
    for name, value in plan.constants:
        if name not in obj:
            obj[name] = _copied(value)
    if plan.computed is not None:
        plan.computed(obj)
    walks = plan.walks
    for name, value in obj.items():
        walk = walks.get(name)
        if walk is not None and name not in settled:
            obj[name] = walk(value)
    for name, default, walk in plan.defaults:
        if name not in obj:
            obj[name] = default if walk is None else walk(_copied(default))


_Walk = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done to objects of one definition."""

    dropped: frozenset[str]
    """Properties that are left out when they are empty."""
    constants: tuple[tuple[str, Any], ...]
    computed: Callable[[Manifest], Any] | None
    walks: Mapping[str, _Walk]
    """What brings the value of a property into form, for those whose values have something in them to walk."""
    defaults: tuple[tuple[str, Any, _Walk | None], ...]


@functools.cache
def _plan(definition: str) -> _Plan:
    shapes = shapes_of(definition)
    walks = {name: _walk(shape) for name, shape in shapes.items() if shape.holds in _WALKED and _has_depth(shape)}
    return _Plan(
        frozenset(name for name, shape in shapes.items() if _is_dropped(definition, name, shape)),
        tuple(CONSTANTS.get(definition, {}).items()),
        COMPUTED.get(definition),
        walks,
        tuple(
            (name, shape.default, walks.get(name))
            for name, shape in shapes.items()
            if shape.default is not None and shape.holds in _DEFAULTED
        ),
    )


_DEFAULTED = _SCALARS | {Holds.OBJECT}


def _has_depth(shape: Shape) -> bool:
    """Tell whether a walk could change anything in such a value."""
    if shape.holds in {Holds.LIST, Holds.MAP}:
        return shape.items is not None and shape.items.holds in _WALKED | {Holds.STRING}
    return True


def _walk(shape: Shape) -> _Walk:
    """Build what brings such a value into form: itself, changed in place, unless it is a quantity."""
    if shape.holds is Holds.OBJECT:
        return functools.partial(_walk_object, shape.definition)
    if shape.items is not None and shape.items.holds is Holds.STRING:
        return _walk_texts
    if shape.holds is Holds.LIST and shape.items is not None:
        return functools.partial(_walk_items, _walk(shape.items))
    if shape.holds is Holds.MAP and shape.items is not None:
        return functools.partial(_walk_values, _walk(shape.items))
    return _walk_quantity


def _walk_object(definition: str, value: Any) -> Any:
    if isinstance(value, dict):
        canonicalize(cast("Manifest", value), definition)
    return value  # pyright: ignore[reportUnknownVariableType]  JSON


def _walk_items(walk: _Walk, value: Any) -> Any:
    if isinstance(value, list):
        value[:] = map(walk, cast("list[Any]", value))
    return value  # pyright: ignore[reportUnknownVariableType]  JSON


def _walk_values(walk: _Walk, value: Any) -> Any:
    if isinstance(value, dict):
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
    return copy.deepcopy(cast("Any", value)) if isinstance(value, dict | list) else value
