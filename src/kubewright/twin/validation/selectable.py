"""The fields of a custom kind by which its objects can be selected (`selectableFields`)."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, dig, text
from kubewright.twin.validation.fields import FieldError, duplicate, invalid, required, too_many
from kubewright.twin.validation.schema_paths import PathError, follow

_MOST = 8
_TYPES = ("string", "boolean", "integer")
_WRONG_TYPE = (
    "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
)


def selectable_errors(versions: list[Manifest]) -> list[FieldError]:
    """Check each version's fields; what all versions agree on is reported once, as the server keeps it."""
    values = [version.get("selectableFields") for version in versions]
    if not any(values):
        return []
    schemas = [as_dict(dig(version, "schema", "openAPIV3Schema")) for version in versions]
    if all(value == values[0] for value in values):
        return _fields(values[0], schemas[0], "spec.selectableFields")
    return [
        error
        for index, (value, schema) in enumerate(zip(values, schemas, strict=True))
        for error in _fields(value, schema, f"spec.versions[{index}].selectableFields")
    ]


def _fields(value: Any, schema: Manifest, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    known: set[str] = set()
    for index, each in enumerate(as_list(value)):
        here, where = f"{path}[{index}].jsonPath", text(each, "jsonPath")
        if not where:
            errors.append(required(here))
            continue
        try:
            found = follow(where, schema, brackets=False)
        except PathError as error:
            errors.append(invalid(here, where, f"is an invalid path: {error}"))
            continue
        if found.text.partition(".")[0] == "metadata":
            errors.append(invalid(here, where, "must not point to fields in metadata"))
        if text(found.schema, "type") not in _TYPES:
            errors.append(invalid(here, where, _WRONG_TYPE))
        if found.text in known:
            errors.append(duplicate(here, where))
        known.add(found.text)
    if len(known) > _MOST:
        errors.append(too_many(path, len(known), _MOST))
    return errors
