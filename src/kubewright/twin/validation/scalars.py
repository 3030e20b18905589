"""Strings and numbers of custom resources against their schema."""

from __future__ import annotations

import functools
import re
from typing import Any

from kubewright.api.schema import Schema
from kubewright.twin.validation.fields import FieldError, invalid, too_long, type_invalid
from kubewright.twin.validation.formats import has_format


def json_type(value: Any) -> str:  # noqa: PLR0911  one case a type
    """Name a JSON value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def type_names(schema: Schema) -> str:
    """Name what a schema accepts."""
    return "integer,string" if schema.int_or_string else schema.type


def not_whole(schema: Schema, value: Any, path: str) -> list[FieldError]:
    """Say a second time, as the server does, that a fraction is not an integer."""
    if schema.type != "integer" or not isinstance(value, float):
        return []
    form = f"with format {schema.format}" if schema.format else "(default format)"
    return [invalid("<nil>", "", f"Checked value must be of type integer {form} in {path}")]


def scalar_errors(schema: Schema, value: Any, path: str) -> list[FieldError]:
    """Check a value that is neither an object nor a list, and whose type is right."""
    match value:
        case str():
            return _string(schema, value, path)
        case int() | float() if not isinstance(value, bool):
            return _number(schema, value, path)
        case _:
            return []


def _string(schema: Schema, value: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if schema.max_length is not None and len(value) > schema.max_length:
        errors.append(too_long(path, schema.max_length))
    if schema.min_length is not None and len(value) < schema.min_length:
        errors.append(invalid(path, value, f"{path} in body should be at least {schema.min_length} chars long"))
    if schema.pattern and not _pattern(schema.pattern).search(value):
        errors.append(invalid(path, value, f"{path} in body should match '{schema.pattern}'"))
    if schema.format and not schema.int_or_string and not has_format(value, schema.format):
        errors.append(type_invalid(path, value, f'{path} in body must be of type {schema.format}: "{value}"'))
    return errors


@functools.lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_BITS = {"int32": 31, "int64": 63}


def _number(schema: Schema, value: float, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    low, high = schema.minimum, schema.maximum
    if low is not None and (value <= low if schema.exclusive_minimum else value < low):
        bound = "greater than" if schema.exclusive_minimum else "greater than or equal to"
        errors.append(invalid(path, value, f"{path} in body should be {bound} {low:g}"))
    if high is not None and (value >= high if schema.exclusive_maximum else value > high):
        bound = "less than" if schema.exclusive_maximum else "less than or equal to"
        errors.append(invalid(path, value, f"{path} in body should be {bound} {high:g}"))
    if schema.multiple_of is not None and value % schema.multiple_of:
        errors.append(invalid(path, value, f"{path} in body should be a multiple of {schema.multiple_of:g}"))
    bits = _BITS.get(schema.format)
    if bits is not None and not -(1 << bits) <= value < 1 << bits:
        detail = f"Checked value must be of type {schema.type} with format {schema.format} in {path}"
        errors.append(invalid("<nil>", "", detail))
    return errors
