"""How the items of an associative list are told apart: by their keys, or by their value.

The name of an item is its path element in FieldsV1, `k:{"name":"web"}` or `v:"x"`, so that it serves as a dict key and
as a part of a field set at once.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from kubewright.api.schema import Schema

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""What Go's JSON encoder escapes; the names must equal the ones that a real API server wrote."""

_encode = msgspec.json.Encoder().encode


class ElementError(ValueError):
    """An item that cannot be told apart: it has none of the keys, or is not a value of the list's kind."""


def element_name(schema: Schema, item: Any) -> str:
    """Name one item of a list whose schema is associative; raises ElementError."""
    if schema.associative == "set":
        if isinstance(item, dict | list) or item is None:
            raise ElementError(_bad_set_item(item))
        return "v:" + _text(item)
    if not isinstance(item, dict):
        what = "a null element" if item is None else "non-map elements"
        raise ElementError(f"associative list with keys may not have {what}")
    fields = cast("dict[str, Any]", item)
    keys = schema.item_keys
    if len(keys) == 1:
        only = fields.get(keys[0])
        if isinstance(only, str) and only.isalnum():
            # Nothing to escape: the common case, and half of the time of an apply.
            return f'k:{{"{keys[0]}":"{only}"}}'
    found = {key: fields[key] if key in fields else schema.key_defaults.get(key) for key in keys}
    if len(keys) > len(fields) or None in found.values():
        found = {key: value for key, value in found.items() if value is not None or key in fields}
    if not found:
        names = " ".join(f'"{key}"' for key in keys)
        raise ElementError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return "k:" + _text(found)


def element_names(schema: Schema, items: list[Any]) -> list[str]:
    """Name all items in order; names may repeat."""
    return [element_name(schema, item) for item in items]


def _text(value: Any) -> str:
    text = _encode(value).decode()
    return text.translate(_HTML) if "<" in text or ">" in text or "&" in text else text


def _bad_set_item(item: Any) -> str:
    if item is None:
        return "associative list without keys has an element that's an explicit null"
    if isinstance(item, dict):
        return "associative list without keys has an element that's a map type"
    return "not supported: associative list with lists as elements"
