"""One refused field, worded as Kubernetes' field errors are.

`reason` is the cause's reason in a Status (`FieldValueInvalid`), `message` its message without the path; the text
that users see is `path: message`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

_NO_VALUE = object()


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field, why it is refused as the API's machine-readable reason, and the message."""

    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class Internal:
    """A value that the server shows in a form of its own, already written."""

    text: str


def invalid(path: str, value: Any, detail: str) -> FieldError:
    """A value that is malformed or contradicts another."""
    return FieldError(path, "FieldValueInvalid", _worded("Invalid value", value, detail))


def required(path: str, detail: str = "") -> FieldError:
    """A value that is missing."""
    return FieldError(path, "FieldValueRequired", _worded("Required value", _NO_VALUE, detail))


def not_supported(path: str, value: Any, supported: Sequence[str]) -> FieldError:
    """A value outside a closed set."""
    listed = ", ".join(quoted(name) for name in supported)
    return FieldError(
        path, "FieldValueNotSupported", _worded("Unsupported value", value, f"supported values: {listed}")
    )


def duplicate(path: str, value: Any) -> FieldError:
    """A value that must be unique in its list."""
    return FieldError(path, "FieldValueDuplicate", _worded("Duplicate value", value, ""))


def not_found(path: str, value: Any) -> FieldError:
    """A name that nothing answers to."""
    return FieldError(path, "FieldValueNotFound", _worded("Not found", value, ""))


def forbidden(path: str, detail: str) -> FieldError:
    """A field that may not be set, or not now."""
    return FieldError(path, "FieldValueForbidden", _worded("Forbidden", _NO_VALUE, detail))


def too_long(path: str, limit: int) -> FieldError:
    """A text past its limit in bytes; the value itself is not repeated."""
    detail = f"may not be more than {limit} bytes"
    return FieldError(path, "FieldValueTooLong", _worded("Too long", _NO_VALUE, detail))


def too_many(path: str, actual: int, limit: int) -> FieldError:
    """A list past its limit."""
    detail = f"must have at most {limit} item{'' if limit == 1 else 's'}"
    return FieldError(path, "FieldValueTooMany", _worded("Too many", actual, detail))


def type_invalid(path: str, value: Any, detail: str) -> FieldError:
    """A value of the wrong JSON type, in a custom resource."""
    return FieldError(path, "FieldValueTypeInvalid", _worded("Invalid value", value, detail))


def _worded(what: str, value: Any, detail: str) -> str:
    if value is not _NO_VALUE:
        what = f"{what}: {shown(value)}"
    return f"{what}: {detail}" if detail else what


def shown(value: Any) -> str:  # noqa: PLR0911  one case a type
    """Write a value as field errors do: strings quoted, numbers bare, objects as compact JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Internal():
            return value.text
        case str():
            return quoted(value)
        case int():
            return str(value)
        case float():
            return f"{value:g}"
        case _:
            return _compact(value)


def _compact(value: Any) -> str:
    """Write JSON with keys sorted, structs with their first field first."""
    return as_json(_ordered(value))


def as_json(value: Any) -> str:
    """Write JSON as Go does, `<`, `>` and `&` escaped, in the order of the value's keys."""
    plain = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return plain.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _ordered(value: Any) -> Any:
    match value:
        case dict():
            known = cast("dict[str, Any]", value)
            return {key: _ordered(known[key]) for key in sorted(known, key=lambda key: (key != "matchLabels", key))}
        case list():
            return [_ordered(item) for item in cast("list[Any]", value)]
        case _:
            return value


def quoted(text: str) -> str:
    """Quote a string as Go's %q does for what users write."""
    return json.dumps(text, ensure_ascii=False)


def first_invalid(path: str, value: str, problems: Iterable[str]) -> list[FieldError]:
    """Turn a format's problems into one error each."""
    return [invalid(path, value, problem) for problem in problems]
