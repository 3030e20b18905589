"""One walk over an object beside its shapes: empty values out, defaults in, quantities canonical.

Defaults come from three places, all by definition and so the same wherever a definition is used: the release's
OpenAPI, the constants of `constants.py`, and the few that depend on their neighbours in `computed.py`.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Collection
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
    shapes = shapes_of(definition)
    _drop_empty(obj, definition, shapes)
    for name, value in _constants(definition):
        if name not in obj:
            obj[name] = _copied(value)
    computed = COMPUTED.get(definition)
    if computed is not None:
        computed(obj)
    walked, defaulted = _steps(definition)
    for name, shape in walked:
        if name in obj and name not in settled:
            obj[name] = _walk(obj[name], shape)
    for name, shape in defaulted:
        if name not in obj:
            obj[name] = _walk(_copied(shape.default), shape)


_DEFAULTED = _SCALARS | {Holds.OBJECT}
_Named = tuple[tuple[str, Shape], ...]


@functools.cache
def _steps(definition: str) -> tuple[_Named, _Named]:
    """Return the properties of a definition that have something in them to walk, and those that have a default."""
    shapes = shapes_of(definition)
    walked = tuple((name, shape) for name, shape in shapes.items() if shape.holds in _WALKED and _has_depth(shape))
    defaulted = tuple(
        (name, shape) for name, shape in shapes.items() if shape.default is not None and shape.holds in _DEFAULTED
    )
    return walked, defaulted


def _has_depth(shape: Shape) -> bool:
    """Tell whether `_walk` could change anything in such a value."""
    if shape.holds in {Holds.LIST, Holds.MAP}:
        return shape.items is not None and shape.items.holds in _WALKED | {Holds.STRING}
    return True


def _walk(value: Any, shape: Shape) -> Any:
    kept: Any = value
    match shape.holds, value:
        case Holds.OBJECT, dict():
            canonicalize(cast("Manifest", value), shape.definition)
        case (Holds.LIST, list()) if shape.items is not None and shape.items.holds in _WALKED:
            items = cast("list[Any]", value)
            items[:] = [_walk(item, shape.items) for item in items]
        case (Holds.MAP, dict()) if shape.items is not None and shape.items.holds in _WALKED:
            entries = cast("Manifest", value)
            for key, item in entries.items():
                entries[key] = _walk(item, shape.items)
        case (Holds.MAP, dict()) if shape.items is not None and shape.items.holds is Holds.STRING:
            texts = cast("Manifest", value)
            if None in texts.values():  # Go has no null among texts
                texts.update({key: "" for key, item in texts.items() if item is None})
        case (Holds.LIST, list()) if shape.items is not None and shape.items.holds is Holds.STRING and None in value:
            kept = ["" if item is None else item for item in cast("list[Any]", value)]
        case Holds.QUANTITY, str() | int() | float():
            return _canonical(value)
        case _:
            pass
    return kept


@functools.lru_cache(maxsize=4096)
def _canonical(value: str | float) -> Any:
    try:
        return canonical(value)
    except ValueError:
        return value


def _drop_empty(obj: Manifest, definition: str, shapes: dict[str, Shape]) -> None:
    for name in [name for name, value in obj.items() if not value and _is_dropped(definition, name, value, shapes)]:
        del obj[name]


def _is_dropped(definition: str, name: str, value: Any, shapes: dict[str, Shape]) -> bool:
    if value is None:
        return True
    shape = shapes.get(name)
    if shape is None:
        return False
    if shape.holds in {Holds.LIST, Holds.MAP, Holds.BYTES}:
        return f"{definition.rpartition('.')[2]}.{name}" not in _EMPTY_LISTS_KEPT
    return shape.default is None and shape.holds in _SCALARS and is_omitted(definition, name, value)


_EMPTY_LISTS_KEPT = {
    "LimitRangeSpec.limits",
    "PolicyRule.verbs",
    "CustomResourceDefinitionSpec.versions",
    "PodSpec.containers",
    "EndpointSlice.endpoints",
    "EndpointSlice.ports",
    "Endpoint.addresses",
}
"""Lists that Go writes even when they are empty: they are not marked `omitempty`."""


@functools.cache
def _constants(definition: str) -> tuple[tuple[str, Any], ...]:
    return tuple(CONSTANTS.get(definition, {}).items())


def _copied(value: Any) -> Any:
    return copy.deepcopy(cast("Any", value)) if isinstance(value, dict | list) else value
