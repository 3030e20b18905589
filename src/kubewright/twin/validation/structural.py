"""Custom resources against their CRD's schema: validation, unknown fields and pruning.

The messages are those of the API server's OpenAPI validation. CEL rules (`x-kubernetes-validations`) are not evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.api.schema import MISSING, Schema
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.shapes import OBJECT_META, shapes_of
from kubewright.twin.validation.composed import composed_errors
from kubewright.twin.validation.fields import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_many,
    type_invalid,
)
from kubewright.twin.validation.scalars import json_type, not_whole, scalar_errors, type_names
from kubewright.twin.validation.structural_defaults import defaulted

_ROOT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def validate_custom(kind: KindInfo, obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a custom resource; on an update, what was already wrong and did not change is let be."""
    errors = _root_errors(kind.schema, obj)
    if old is None or not errors:
        return errors
    known = _root_errors(kind.schema, old)
    return [error for error in errors if error not in known or _at(obj, error.field) != _at(old, error.field)]


def _root_errors(schema: Schema, obj: Manifest) -> list[FieldError]:
    return [
        error
        for error in validate_schema(schema, obj, "")
        if error.field != "metadata" and not error.field.startswith("metadata.")
    ]


def _at(obj: Any, path: str) -> Any:
    """Read the value at an error's path; None where there is none."""
    for name in path.replace("[", ".[").split("."):
        if name.startswith("["):
            items, index = as_list(obj), name[1:-1]
            obj = items[int(index)] if index.isdigit() and int(index) < len(items) else None
        else:
            obj = as_dict(obj).get(name)
    return obj


def default_errors(schema: Schema, path: str) -> list[FieldError]:
    """Check the defaults of a CRD's schema, at `path`, against the schemas that they are defaults of."""
    errors: list[FieldError] = []
    if schema.default is not MISSING and schema.default is not None:
        errors += [
            _of_default(error, f"{path}.default")
            for error in validate_schema(schema, defaulted(schema, schema.default), "")
        ]
    for name, child in schema.properties.items():
        errors += default_errors(child, f"{path}.properties[{name}]")
    if schema.items is not None:
        errors += default_errors(schema.items, f"{path}.items")
    if isinstance(schema.additional, Schema):
        errors += default_errors(schema.additional, f"{path}.additionalProperties")
    return errors


def _of_default(error: FieldError, path: str) -> FieldError:
    """Put an error at its default; the server writes the default's empty name before `in body`."""
    if error.field in {"", "<nil>"}:
        return replace(error, field=path, message=error.message.replace(": in body", ":  in body", 1))
    return replace(error, field=f"{path}.{error.field}")


def validate_schema(schema: Schema, value: Any, path: str) -> list[FieldError]:
    """Check any value against a schema."""
    if value is None and schema.nullable:
        return []
    if not _has_type(schema, value):
        found, wanted = json_type(value), type_names(schema)
        error = type_invalid(path or "<nil>", found, f'{_in_body(path)} must be of type {wanted}: "{found}"')
        return [error, *not_whole(schema, value, path)]
    errors = composed_errors(schema, value, path, validate_schema)
    match value:
        case dict():
            errors += _object(schema, cast("Manifest", value), path)
        case list():
            errors += _list(schema, cast("list[Any]", value), path)
        case _:
            errors += scalar_errors(schema, value, path)
    if schema.enum and value not in schema.enum:
        errors.append(
            not_supported(path, value, [item if isinstance(item, str) else str(item) for item in schema.enum])
        )
    return errors


def _in_body(path: str) -> str:
    return f"{path} in body" if path else "in body"


def _has_type(schema: Schema, value: Any) -> bool:
    if schema.int_or_string:
        return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    match schema.type:
        case "":
            return True
        case "integer":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return whole and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case wanted:
            return json_type(value) == wanted


def _object(schema: Schema, value: Manifest, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if schema.max_properties is not None and len(value) > schema.max_properties:
        errors.append(too_many(path, len(value), schema.max_properties))
    if schema.min_properties is not None and len(value) < schema.min_properties:
        detail = f"{_in_body(path)} should have at least {schema.min_properties} properties"
        errors.append(invalid(path, value, detail))
    errors += [required(_join(path, name)) for name in schema.required if name not in value]
    if schema.embedded_resource:
        errors += [required(_join(path, name)) for name in ("apiVersion", "kind") if not value.get(name)]
    for name, item in value.items():
        child = schema.child(name)
        if child is not None:
            errors += validate_schema(child, item, _join(path, name))
    return errors


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _list(schema: Schema, value: list[Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if schema.max_items is not None and len(value) > schema.max_items:
        errors.append(too_many(path, len(value), schema.max_items))
    if schema.min_items is not None and len(value) < schema.min_items:
        errors.append(invalid(path, len(value), f"{_in_body(path)} should have at least {schema.min_items} items"))
    if schema.items is not None:
        for index, item in enumerate(value):
            errors += validate_schema(schema.items, item, f"{path}[{index}]")
    return errors + list(_duplicates(schema, value, path))


def _duplicates(schema: Schema, value: list[Any], path: str) -> Iterator[FieldError]:
    if schema.list_type not in {"set", "map"}:
        return
    seen: list[Any] = []
    reported: list[Any] = []
    for index, item in enumerate(value):
        key = {name: as_dict(item)[name] for name in schema.map_keys if name in as_dict(item)}
        identity = key if schema.list_type == "map" else item
        if identity in seen and identity not in reported:
            reported.append(identity)
            yield duplicate(f"{path}[{index}]", identity)
        seen.append(identity)


def unknown_custom_fields(kind: KindInfo, obj: Manifest) -> list[str]:
    """Return `unknown field "spec.foo"` for each field that would be pruned, sorted as the server does."""
    paths = [path for path, _, _ in _unknown(kind.schema, obj, "", root=True)]
    # Metadata is decoded on its own, before the rest is pruned.
    return [
        f'unknown field "{path}"' for path in sorted(paths, key=lambda path: (not path.startswith("metadata."), path))
    ]


def prune(schema: Schema, obj: Manifest) -> None:
    """Drop, in place, the fields that a custom resource's schema does not have."""
    for _, parent, name in list(_unknown(schema, obj, "", root=True)):
        parent.pop(name, None)


def _unknown(schema: Schema, value: Any, path: str, *, root: bool = False) -> Iterator[tuple[str, Manifest, str]]:
    match value:
        case dict():
            yield from _unknown_in_object(schema, cast("Manifest", value), path, root=root)
        case list() if schema.items is not None:
            for index, item in enumerate(cast("list[Any]", value)):
                yield from _unknown(schema.items, item, f"{path}[{index}]")
        case _:
            return


def _unknown_in_object(
    schema: Schema, value: Manifest, path: str, *, root: bool
) -> Iterator[tuple[str, Manifest, str]]:
    resource = root or schema.embedded_resource
    for name, item in value.items():
        here = _join(path, name)
        child = schema.child(name)
        if resource and name == "metadata":
            yield from _unknown_metadata(item, here)
        elif child is not None:
            yield from _unknown(child, item, here)
        elif schema.preserve_unknown or schema.additional is True or (resource and name in _ROOT_FIELDS):
            continue
        else:
            yield here, value, name


def _unknown_metadata(value: Any, path: str) -> Iterator[tuple[str, Manifest, str]]:
    known = shapes_of(OBJECT_META)
    metadata = as_dict(value)
    yield from ((_join(path, name), metadata, name) for name in metadata if name not in known)
