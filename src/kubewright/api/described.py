"""What a field of a typed object says beyond its type: its description and the rules that its values must keep.

A typed class states both next to the field, and everything else follows: the CRD's schema (`crds/schema.py`), which
the API server enforces, and `crds/violations.py`, for objects that came through somebody's laxer CRD. Decoding
enforces none of it: an object that breaks a rule must still be read, to be told what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from kubewright.api.meta import EMPTY, Manifest


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold between the fields of a Struct, which lists its rules as `RULES`; checked by the API server.

    `cel` is an expression over `self`; `message` tells the user what to do; `path` is the field at fault (`.nodePort`),
    by default the Struct itself; `reason` is one of the API server's, by default that the value is invalid.
    """

    cel: str
    message: str
    path: str = ""
    reason: str = ""

    def manifest(self) -> Manifest:
        """Return the rule as a schema writes it."""
        rule: Manifest = {"rule": self.cel, "message": self.message}
        optional = {"fieldPath": self.path, "reason": self.reason}
        return rule | {name: text for name, text in optional.items() if text}


def said(value: Any) -> Any:
    """Write a Struct as its user would: without the fields that are as they are by default."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        found = ((each.encode_name, getattr(value, each.name), each.default) for each in fields)
        return {name: said(part) for name, part, default in found if part != default}
    if isinstance(value, tuple):
        return [said(each) for each in cast("tuple[Any, ...]", value)]
    return value


def described(
    description: str,
    rules: Mapping[str, Any] = EMPTY,
    *,
    required: bool = False,
    publish_default: bool = False,
    list_map_keys: tuple[str, ...] = (),
    atomic: bool = False,
) -> msgspec.Meta:
    """Make a field's annotation, the second argument of `Annotated`.

    `rules` is OpenAPI by its own names: minimum, maxLength, pattern, format, enum ... `required` asks for the field
    although the class has a default; `publish_default` lets the API server fill in the class's default;
    `list_map_keys` (JSON names) make a list a map, so that appliers own single entries; an `atomic` list is one value.
    """
    extra = {"required": required, "publish_default": publish_default}
    schema = dict(rules)
    if list_map_keys:
        schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(list_map_keys)}
    if atomic:
        schema |= {"x-kubernetes-list-type": "atomic"}
    return msgspec.Meta(description=description, extra_json_schema=schema, extra=extra)
