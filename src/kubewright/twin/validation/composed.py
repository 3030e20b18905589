"""allOf, anyOf, oneOf and not: the server names the value in the message and leaves the field out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubewright.api.schema import Schema
from kubewright.twin.validation.fields import FieldError, invalid

Validator = Callable[[Schema, Any, str], list[FieldError]]


def composed_errors(schema: Schema, value: Any, path: str, check: Validator) -> list[FieldError]:
    """Check what a schema composes, with `check` for each part."""
    errors: list[FieldError] = []
    if schema.any_of:
        errors += _any_of(schema, value, path, check)
    if schema.one_of:
        errors += _one_of(schema, value, path, check)
    failed = [error for part in schema.all_of for error in check(part, value, path)]
    if failed:
        errors += [*failed, _composed(path, "must validate all the schemas (allOf)")]
    if schema.not_ is not None and not check(schema.not_, value, path):
        errors.append(_composed(path, "must not validate the schema (not)"))
    return errors


def _composed(path: str, detail: str) -> FieldError:
    return invalid("<nil>", "", f'"{path}" {detail}')


def _any_of(schema: Schema, value: Any, path: str, check: Validator) -> list[FieldError]:
    results = [check(part, value, path) for part in schema.any_of]
    if not all(results):
        return []
    return [_composed(path, "must validate at least one schema (anyOf)"), *min(results, key=len)]


def _one_of(schema: Schema, value: Any, path: str, check: Validator) -> list[FieldError]:
    results = [check(part, value, path) for part in schema.one_of]
    valid = sum(not result for result in results)
    if valid == 1:
        return []
    found = f"Found {valid} valid alternatives" if valid else "Found none valid"
    message = _composed(path, f"must validate one and only one schema (oneOf). {found}")
    return [message] if valid else [message, *min(results, key=len)]
