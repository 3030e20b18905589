"""OpenAPI schemas as Kubernetes writes them: what validation, defaulting, pruning, patches and apply all read.

A `Schema` reads its document when it is first asked for anything, and its children do the same, so that definitions may
refer to themselves and a process pays only for the kinds it touches. After that an attribute is a plain slot. Schemas
never change and compare by identity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from kubewright.api.meta import Manifest

Resolver: TypeAlias = Callable[[str], "Schema"]
"""Finds a definition by name; must return the same Schema each time."""


class _Missing:
    """The default of a property that has none; `null` is a default too."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()

# Slot name -> key in the document and what it is without one.
_PLAIN: dict[str, tuple[str, Any]] = {
    "type": ("type", ""),
    "format": ("format", ""),
    "default": ("default", MISSING),
    "list_type": ("x-kubernetes-list-type", ""),
    "map_type": ("x-kubernetes-map-type", ""),
    "merge_key": ("x-kubernetes-patch-merge-key", ""),
    "preserve_unknown": ("x-kubernetes-preserve-unknown-fields", False),
    "embedded_resource": ("x-kubernetes-embedded-resource", False),
    "nullable": ("nullable", False),
    "minimum": ("minimum", None),
    "maximum": ("maximum", None),
    "exclusive_minimum": ("exclusiveMinimum", False),
    "exclusive_maximum": ("exclusiveMaximum", False),
    "min_length": ("minLength", None),
    "max_length": ("maxLength", None),
    "min_items": ("minItems", None),
    "max_items": ("maxItems", None),
    "unique_items": ("uniqueItems", False),
    "min_properties": ("minProperties", None),
    "max_properties": ("maxProperties", None),
    "pattern": ("pattern", ""),
    "multiple_of": ("multipleOf", None),
    "description": ("description", ""),
}
_TUPLES: dict[str, str] = {
    "required": "required",
    "enum": "enum",
    "map_keys": "x-kubernetes-list-map-keys",
    "validations": "x-kubernetes-validations",
}
_COMPOSED: dict[str, str] = {"all_of": "allOf", "any_of": "anyOf", "one_of": "oneOf"}
_DERIVED = ("int_or_string", "patch_strategies", "associative", "item_keys", "atomic_map", "holds_map", "holds_list")
_STRUCTURE = ("properties", "items", "additional", "not_", "definition")
_LOADED = (*_PLAIN, *_TUPLES, *_COMPOSED, *_STRUCTURE, *_DERIVED)


class Schema:
    """One node of a schema. Attributes are OpenAPI's, in snake case; the last block says what they mean for apply."""

    __slots__ = (*_LOADED, "_document", "_resolve", "blank", "key_defaults")

    type: str
    format: str
    properties: Mapping[str, Schema]
    items: Schema | None
    additional: Schema | bool | None
    required: tuple[str, ...]
    default: Any
    enum: tuple[Any, ...]
    list_type: str
    map_keys: tuple[str, ...]
    map_type: str
    patch_strategies: tuple[str, ...]
    merge_key: str
    int_or_string: bool
    preserve_unknown: bool
    embedded_resource: bool
    nullable: bool
    minimum: float | None
    maximum: float | None
    exclusive_minimum: bool
    exclusive_maximum: bool
    min_length: int | None
    max_length: int | None
    min_items: int | None
    max_items: int | None
    unique_items: bool
    min_properties: int | None
    max_properties: int | None
    pattern: str
    multiple_of: float | None
    description: str
    all_of: tuple[Schema, ...]
    any_of: tuple[Schema, ...]
    one_of: tuple[Schema, ...]
    not_: Schema | None
    validations: tuple[Mapping[str, Any], ...]
    definition: str
    """The name it was referred to by, or empty for a schema written in place."""

    associative: Literal["", "set", "map"]
    """How a list's items are told apart; empty: the list is one value."""
    item_keys: tuple[str, ...]
    key_defaults: Mapping[str, Any]
    """What an item counts as having for a key that it leaves out (`protocol: TCP`)."""
    atomic_map: bool
    holds_map: bool
    holds_list: bool
    blank: Mapping[str, Any]
    """What the API server's typed form of an empty object contains: structs that are not pointers, required nulls."""

    def __init__(self, document: Manifest, resolve: Resolver | None) -> None:
        object.__setattr__(self, "_document", document)
        object.__setattr__(self, "_resolve", resolve)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Read the document: reached only while the slot is empty."""
            if name == "key_defaults":
                object.__setattr__(self, name, _key_defaults(self))
            elif name == "blank":
                object.__setattr__(self, name, _blank(self))
            elif name in _LOADED:
                _load(self, self._document, self._resolve)
            else:
                raise AttributeError(name)
            return object.__getattribute__(self, name)

        def __setattr__(self, name: str, value: Any) -> None:
            raise AttributeError(f"a Schema does not change: {name}")

    def child(self, name: str) -> Schema | None:
        """Return the schema of a field or map entry; None when nothing is declared for it."""
        found = self.properties.get(name)
        if found is not None:
            return found
        return self.additional if isinstance(self.additional, Schema) else None

    @property
    def open(self) -> bool:
        """Whether fields that are not declared are kept."""
        return bool(self.additional) or self.preserve_unknown or self.atomic_map or not self.properties

    def __repr__(self) -> str:
        return f"Schema({self.definition or self.type or 'any'})"


def parse_schema(document: Manifest, resolve: Resolver | None = None) -> Schema:
    """Make a Schema of an OpenAPI document; `resolve` finds what `$ref` names (with or without the path before it)."""
    return Schema(document, resolve)


def _reference(document: Manifest) -> str:
    """Return the definition that a document stands for: by `$ref`, or by `allOf` with nothing but one."""
    reference = document.get("$ref")
    if reference is None:
        parts = cast("list[Manifest]", document.get("allOf") or [])
        if len(parts) == 1 and not document.get("type"):
            reference = parts[0].get("$ref")
    return str(reference).rpartition("/")[2] if reference else ""


def _load(schema: Schema, document: Manifest, resolve: Resolver | None) -> None:
    reference = _reference(document)
    values = _referred(reference, document, resolve) if reference else _own(document, resolve)
    for name, value in (values | _derive(values, document)).items():
        object.__setattr__(schema, name, value)


def _referred(reference: str, document: Manifest, resolve: Resolver | None) -> dict[str, Any]:
    """Take the definition's attributes; what is written beside the reference (a default, a strategy) wins."""
    if resolve is None:
        raise KeyError(reference)
    target = resolve(reference)
    values = {name: getattr(target, name) for name in _LOADED}
    # A default belongs to the place that refers, never to the definition.
    values["default"] = MISSING
    values |= {name: document[key] for name, (key, _) in _PLAIN.items() if key in document}
    values["definition"] = reference
    return values


def _own(document: Manifest, resolve: Resolver | None) -> dict[str, Any]:
    values: dict[str, Any] = {name: document.get(key, default) for name, (key, default) in _PLAIN.items()}
    values |= {name: tuple(document.get(key) or ()) for name, key in _TUPLES.items()}
    for name, key in _COMPOSED.items():
        values[name] = tuple(Schema(part, resolve) for part in document.get(key) or ())
    declared = cast("dict[str, Manifest]", document.get("properties") or {})
    values["properties"] = {name: Schema(part, resolve) for name, part in declared.items()}
    values["items"] = _optional(document.get("items"), resolve)
    values["not_"] = _optional(document.get("not"), resolve)
    additional = document.get("additionalProperties")
    values["additional"] = additional if isinstance(additional, bool) else _optional(additional, resolve)
    values["definition"] = ""
    return values


def _optional(document: Manifest | None, resolve: Resolver | None) -> Schema | None:
    return None if document is None else Schema(document, resolve)


def _derive(values: Mapping[str, Any], document: Manifest) -> dict[str, Any]:
    strategy = cast("str", document.get("x-kubernetes-patch-strategy", ""))
    strategies = tuple(strategy.split(",")) if strategy else cast("tuple[str, ...]", values.get("patch_strategies", ()))
    associative, keys = _association(values, strategies)
    kind, definition = values["type"], values["definition"]
    int_or_string = (
        bool(document.get("x-kubernetes-int-or-string"))
        or values["format"] == "int-or-string"
        or bool(values.get("int_or_string"))
    )
    scalar = int_or_string or definition.endswith(".Quantity")
    return {
        "patch_strategies": strategies,
        "associative": associative,
        "item_keys": keys,
        "int_or_string": int_or_string,
        "atomic_map": values["map_type"] == "atomic" or definition.endswith(".RawExtension"),
        "holds_map": kind in {"object", ""} and not scalar,
        "holds_list": kind in {"array", ""} and not scalar,
    }


def _association(values: Mapping[str, Any], strategies: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Say how items are told apart: by the list type, or in its absence by the older patch strategy."""
    match values["list_type"]:
        case "set":
            return "set", ()
        case "map":
            return "map", tuple(sorted(values["map_keys"]))
        case "":
            if "merge" not in strategies:
                return "", ()
            key = values["merge_key"]
            return ("map", (key,)) if key else ("set", ())
        case _:
            return "", ()


def _key_defaults(schema: Schema) -> Mapping[str, Any]:
    if schema.items is None:
        return {}
    fields = schema.items.properties
    defaults = {key: fields[key].default for key in schema.item_keys if key in fields}
    return {key: default for key, default in defaults.items() if default is not MISSING and default is not None}


def _blank(schema: Schema) -> Mapping[str, Any]:
    """Build the typed empty object; only definitions have one, custom resources start from nothing."""
    found: dict[str, Any] = {}
    for name, part in schema.properties.items():
        if part.definition and part.default == {}:
            found[name] = dict(part.blank)
        elif name in schema.required:
            found[name] = None if part.default is MISSING else part.default
    return found
