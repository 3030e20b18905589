"""Whether an object decodes without a complaint: the quick yes that almost every body gets.

`validation.decoding` asks here first and walks slowly, with paths and words, only over what is not clean. A no may be
wrong (the slow walk then finds nothing to say); a yes never is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from kubewright.api.meta import Manifest, parse_time
from kubewright.twin.shapes import Holds, Shape, shapes_of

_PLAIN: Mapping[Holds, type[Any]] = {Holds.STRING: str, Holds.BOOLEAN: bool}
_TIMES = frozenset({Holds.TIME, Holds.MICRO_TIME})
_INT32 = 2**31
_QUANTITY = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$")


def is_clean(obj: Manifest, definition: str) -> bool:
    """Tell whether all fields are known and of the right type; an unknown definition is not walked."""
    checks = _checks(definition)
    if not checks:
        return True
    for name, value in obj.items():
        check = checks.get(name)
        if check is None:
            return False
        plain, fits = check
        # A type compared with `is` keeps True and False from passing for integers.
        if value is not None and type(value) is not plain and not fits(value):
            return False
    return True


_Fits = Callable[[Any], bool]


@functools.cache
def _checks(definition: str) -> dict[str, tuple[type[Any] | None, _Fits]]:
    """Return a definition's properties: a type of which every value will do, and the check of any other value."""
    return {name: (_PLAIN.get(shape.holds), _check(shape)) for name, shape in shapes_of(definition).items()}


def _check(shape: Shape) -> _Fits:
    """Build the check of one kind of value, so that which it is need not be asked for every value."""
    holds, definition = shape.holds, shape.definition
    if holds is Holds.OBJECT:
        return lambda value: type(value) is dict and is_clean(cast("Manifest", value), definition)
    if holds is Holds.LIST:
        of_items = _check_all(shape.items)
        return lambda value: type(value) is list and of_items(cast("list[Any]", value))
    if holds is Holds.MAP:
        of_values = _check_all(shape.items)
        return lambda value: type(value) is dict and of_values(list(cast("Manifest", value).values()))
    if holds in _TIMES:
        return _is_time
    return _SCALARS.get(holds, lambda _: False)


def _check_all(shape: Shape | None) -> Callable[[list[Any]], bool]:
    """Build the check of a list's items, or a map's values."""
    if shape is None:
        return lambda _: True
    plain, fits = _PLAIN.get(shape.holds), _check(shape)
    if plain is not None:
        return lambda values: all(type(value) is plain for value in values)
    return lambda values: all(value is not None and fits(value) for value in values)


def _is_int32(value: Any) -> bool:
    return type(value) is int and -_INT32 <= value < _INT32


def is_quantity(value: Any) -> bool:
    """Tell whether a value is a quantity: a number, or a text of one with a suffix or an exponent."""
    if type(value) is str:
        return _is_quantity_text(value.strip())
    return type(value) in {int, float}


@functools.lru_cache(maxsize=4096)
def _is_quantity_text(value: str) -> bool:
    return _QUANTITY.match(value) is not None


def _is_time(value: Any) -> bool:
    try:
        parse_time(value)
    except (TypeError, ValueError):
        return False
    return True


_SCALARS: Mapping[Holds, _Fits] = {
    Holds.INTEGER: _is_int32,
    Holds.INT_OR_STRING: lambda value: type(value) is str or _is_int32(value),
    Holds.OPAQUE: lambda _: True,
    Holds.QUANTITY: is_quantity,
}
