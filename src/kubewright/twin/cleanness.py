"""Whether an object decodes without a complaint: the quick yes that almost every body gets.

`validation.decoding` asks here first and walks slowly, with paths and words, only over what is not clean. A no may be
wrong (the slow walk then finds nothing to say); a yes never is.
"""

from __future__ import annotations

import functools
import re
from typing import Any, cast

from kubewright.api.meta import Manifest, parse_time
from kubewright.twin.shapes import Holds, Shape, shapes_of

_PLAIN = {Holds.STRING: str, Holds.BOOLEAN: bool, Holds.INTEGER: int}
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
        plain, shape = check
        # A type compared with `is` keeps True and False from passing for integers.
        if value is None or (type(value) is plain and plain is not int):
            continue
        if not _fits(value, shape):
            return False
    return True


@functools.cache
def _checks(definition: str) -> dict[str, tuple[type[Any] | None, Shape]]:
    """Return a definition's properties with the type, if one is all that it takes, in which JSON holds them."""
    return {name: (_PLAIN.get(shape.holds), shape) for name, shape in shapes_of(definition).items()}


def _fits(value: Any, shape: Shape) -> bool:  # noqa: PLR0911  one case a kind of value, the commonest first
    holds = shape.holds
    plain = _PLAIN.get(holds)
    if plain is not None:
        return type(value) is plain and (plain is not int or -_INT32 <= cast("int", value) < _INT32)
    if holds is Holds.OBJECT:
        return type(value) is dict and is_clean(cast("Manifest", value), shape.definition)
    if holds is Holds.LIST:
        return type(value) is list and _all_fit(cast("list[Any]", value), shape.items)
    if holds is Holds.MAP:
        return type(value) is dict and _all_fit(list(cast("Manifest", value).values()), shape.items)
    if holds is Holds.INT_OR_STRING:
        return type(value) is str or (type(value) is int and -_INT32 <= value < _INT32)
    if holds in _TIMES:
        return _is_time(value)
    return holds is Holds.OPAQUE or (holds is Holds.QUANTITY and is_quantity(value))


def _all_fit(values: list[Any], shape: Shape | None) -> bool:
    if shape is None:
        return True
    if shape.holds is Holds.STRING:
        return all(type(value) is str for value in values)
    if shape.holds is Holds.QUANTITY:
        return all(is_quantity(value) for value in values)
    return all(value is not None and _fits(value, shape) for value in values)


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
