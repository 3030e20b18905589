"""Objects of custom kinds against the rules of their schema, in the API server's words.

Called for each write of a kind that has rules. A rule that failed before and whose value did not change only warns.
What is known to have broken no rule is not asked about again where it stays as it was: most writes are to a status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.expressions.program import EvaluationError
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.validation.fields import FieldError, invalid, shown
from kubewright.twin.validation.schema_rules import Level, Rule

_ABSENT = object()
_MAX_MESSAGE_BYTES = 5 * 1024
_MISFIT = "call arguments did not match a supported operator, function or macro signature for rule"


@dataclass(frozen=True, slots=True)
class _Values:
    """A value and what it replaces. `unchanged`: it, or what holds it, is as it was; such errors only warn."""

    new: Any
    old: Any
    unchanged: bool
    kept: bool
    """Whether the old object broke no rule, so that what has not changed breaks none but those that compare."""


def rule_errors(level: Level, obj: Manifest, old: Manifest | None, warnings: list[str]) -> list[FieldError]:
    """Return which rules fail for an object; those that failed for `old` too are added to `warnings`."""
    before, kept = (_ABSENT, False) if old is None else (old, level.sound.holds(old))
    found: list[FieldError] = []
    warned = len(warnings)
    for error, unchanged in _walk(level, _Values(obj, before, unchanged=False, kept=kept), ""):
        if unchanged:
            warnings.append(str(replace(error, field=error.field or "<nil>")))
        else:
            found.append(replace(error, field=error.field or "<nil>"))
    if not found and len(warnings) == warned:
        level.sound.add(obj)
    return found


def _walk(level: Level, values: _Values, path: str) -> Iterator[tuple[FieldError, bool]]:
    if values.new is None or (values.kept and values.unchanged and not level.compares):
        return
    if level.rules:
        yield from _check(level, values, path)
    match values.new:
        case list():
            yield from _items(level, values, path)
        case dict():
            yield from _entries(level, values, path)
        case _:
            pass


def _entries(level: Level, values: _Values, path: str) -> Iterator[tuple[FieldError, bool]]:
    old = {} if values.old is _ABSENT else as_dict(values.old)
    for name, value in as_dict(values.new).items():
        child = level.properties.get(name)
        below = f"{path}.{name}" if path else name
        if child is None and level.additional is not None:
            child, below = level.additional, f"{path}[{name}]"
        if child is not None:
            yield from _walk(child, _below(values, value, old.get(name, _ABSENT)), below)


def _items(level: Level, values: _Values, path: str) -> Iterator[tuple[FieldError, bool]]:
    if level.items is None:
        return
    former = {_identity(level, item): item for item in as_list(values.old)} if level.map_keys else {}
    for index, item in enumerate(as_list(values.new)):
        old = former.get(_identity(level, item), _ABSENT) if level.map_keys else _ABSENT
        yield from _walk(level.items, _below(values, item, old), f"{path}[{index}]")


def _identity(level: Level, item: Any) -> tuple[Any, ...]:
    return tuple(as_dict(item).get(key) for key in level.map_keys)


def _below(values: _Values, new: Any, old: Any) -> _Values:
    unchanged = new == old if old is not _ABSENT else values.old is not _ABSENT and values.new == values.old
    return _Values(new, old, unchanged=unchanged, kept=values.kept)


def _check(level: Level, values: _Values, path: str) -> Iterator[tuple[FieldError, bool]]:
    convert = level.convert or _same
    present = values.old is not _ABSENT and values.old is not None
    variables: dict[str, Any] = {"self": convert(values.new), "oldSelf__list": []}
    if present:
        variables["oldSelf"] = convert(values.old)
        variables["oldSelf__list"] = [variables["oldSelf"]]
    for rule in level.rules:
        if rule.uses_old and not present and not rule.optional_old:
            continue
        unchanged = values.unchanged and not rule.uses_old
        if unchanged and values.kept:
            continue
        error = _failure(level, rule, variables, values.new, path)
        if error is not None:
            yield error, unchanged


def _same(value: Any) -> Any:
    return value


def _failure(level: Level, rule: Rule, variables: Mapping[str, Any], value: Any, path: str) -> FieldError | None:
    try:
        holds = rule.program.run(variables)
    except EvaluationError as error:
        told = rule.message or rule.source
        if str(error) == "no such overload":
            return invalid(path, level.type, f"'{error}': {_MISFIT}: {told}")
        return invalid(path, level.type, f"{error} evaluating rule: {told}")
    if holds is True:
        return None
    detail = _message(rule, variables) or rule.message or f"failed rule: {rule.source}"
    where = path
    if rule.field_path:
        where = f"{path}.{rule.field_path}" if path else rule.field_path
    return _worded(rule.reason, where, detail, "" if level.type in {"object", "array"} else shown(value))


def _worded(reason: str, path: str, detail: str, value: str) -> FieldError:
    given = f": {value}" if value else ""
    match reason:
        case "FieldValueForbidden":
            return FieldError(path, reason, f"Forbidden: {detail}")
        case "FieldValueRequired":
            return FieldError(path, reason, f"Required value: {detail}")
        case "FieldValueDuplicate":
            return FieldError(path, reason, f"Duplicate value{given}")
        case _:
            return FieldError(path, "FieldValueInvalid", f"Invalid value{given}: {detail}")


def _message(rule: Rule, variables: Mapping[str, Any]) -> str:
    """Return what the message expression says; empty when it does not say anything usable."""
    if rule.message_program is None:
        return ""
    try:
        said = rule.message_program.run(variables)
    except EvaluationError:
        return ""
    said = said.strip() if isinstance(said, str) else ""
    return "" if "\n" in said or len(said.encode()) > _MAX_MESSAGE_BYTES else said
