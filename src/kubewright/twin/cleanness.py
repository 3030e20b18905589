"""Whether an object decodes without a complaint: the quick yes that almost every body gets.

`validation.decoding` asks here first and walks slowly, with paths and words, only over what is not clean. A no may be
wrong (the slow walk then finds nothing to say); a yes never is. Each definition becomes a msgspec type once, so that
the check itself is done by compiled code.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Annotated, Any, Optional

import msgspec

from kubewright.api.meta import Manifest
from kubewright.twin.shapes import Holds, Shape, shapes_of

_QUANTITY = r"^[+-]?(\d+\.?\d*|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$"
_DAY = r"((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
_TIME = rf"^(?!0000)[0-9]{{4}}-{_DAY}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{{1,6}})?Z$"
_INT32 = 2**31


def is_clean(obj: Manifest, definition: str) -> bool:
    """Tell whether all fields are known and of the right type; an unknown definition is not walked."""
    try:
        msgspec.convert(obj, _type(definition))
    except msgspec.ValidationError:
        return False
    return True


_building: set[str] = set()


@functools.cache
def _type(definition: str) -> Any:
    """Return what a definition's objects convert to if and only if they are clean; within itself, nothing is."""
    if definition in _building:
        return None
    shapes = shapes_of(definition)
    if not shapes:
        return dict[str, Any]
    _building.add(definition)
    # JSON names such as `$ref` and `continue` are no names of fields in Python.
    names = {f"field_{number}": name for number, name in enumerate(shapes)}
    fields = [(field, Optional[_value(shapes[name])], None) for field, name in names.items()]  # noqa: UP045  `None | None` is an error
    _building.remove(definition)
    return msgspec.defstruct("Clean", fields, rename=names, forbid_unknown_fields=True, gc=False)


def _value(shape: Shape) -> Any:
    """Return the type of a value that is not null; None when no other value is ever clean."""
    match shape.holds:
        case Holds.OBJECT:
            return _type(shape.definition)
        case Holds.LIST if shape.items is not None:
            return list[_value(shape.items)]
        case Holds.MAP if shape.items is not None:
            return dict[str, _value(shape.items)]
        case holds:
            return _SCALARS.get(holds)


_SCALARS: Mapping[Holds, Any] = {
    Holds.STRING: str,
    Holds.BOOLEAN: bool,
    Holds.INTEGER: Annotated[int, msgspec.Meta(ge=-_INT32, lt=_INT32)],
    Holds.INT_OR_STRING: str | Annotated[int, msgspec.Meta(ge=-_INT32, lt=_INT32)],
    Holds.OPAQUE: Any,
    Holds.QUANTITY: Annotated[str, msgspec.Meta(pattern=_QUANTITY)] | int | float,
    Holds.TIME: Annotated[str, msgspec.Meta(pattern=_TIME)],
    Holds.MICRO_TIME: Annotated[str, msgspec.Meta(pattern=_TIME)],
}


def is_quantity(value: Any) -> bool:
    """Tell whether a value is a quantity: a number, or a text of one with a suffix or an exponent."""
    if type(value) is str:
        return _is_quantity_text(value.strip())
    return type(value) in {int, float}


@functools.lru_cache(maxsize=4096)
def _is_quantity_text(value: str) -> bool:
    return re.match(_QUANTITY, value) is not None
