"""The kinds' own rules, in the order in which a body meets them: types, unknown fields, defaults, validation.

The registry and the verbs ask here; `validation` and `defaults` know the kinds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.store.seen import Seen, json_of
from kubewright.twin.defaults import apply_defaults
from kubewright.twin.kinds import KindInfo, KindTable
from kubewright.twin.media import encode
from kubewright.twin.parts import check_of
from kubewright.twin.reading import as_dict, dig, text
from kubewright.twin.repeats import repeated_fields
from kubewright.twin.status import bad_request, invalid
from kubewright.twin.validation import validate as validate_kind
from kubewright.twin.validation.decoding import (
    decode_error,
    decodes,
    prune_unknown,
    refused_as,
    strict_error,
    unknown_fields,
)
from kubewright.twin.validation.fields import FieldError
from kubewright.twin.validation.fields import invalid as invalid_field
from kubewright.twin.validation.metadata import validate_metadata
from kubewright.twin.validation.rule_failures import rule_errors
from kubewright.twin.validation.statuses import validate_status
from kubewright.twin.validation.structural import prune, unknown_custom_fields

SCHEME = "pkg/runtime/scheme.go:111"

__all__ = ["SCHEME", "accept_body", "check_identity", "complete", "problems_in", "validate"]


def check_identity(kind: KindInfo, obj: Manifest, kinds: KindTable, body: bytes = b"") -> None:
    """Refuse a body that says it is something else; one that says nothing is taken for `kind`."""
    if kind.custom and not obj.get("kind"):
        said = (body or encode(obj)).decode(errors="replace")
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): Object 'Kind' is missing in '{said}'"
        )
    if not obj.get("apiVersion"):
        obj["apiVersion"] = kind.api_version
    if not obj.get("kind"):
        obj["kind"] = kind.kind
    api_version, named = obj["apiVersion"], obj["kind"]
    version = str(api_version).rpartition("/")[2]
    strange = (api_version, named) != (kind.api_version, kind.kind)
    if strange and not kind.custom and not kinds.definition(str(api_version), str(named)):
        text = f'no kind "{named}" is registered for version "{api_version}" in scheme "{SCHEME}"'
        raise bad_request(f'{named} in version "{version}" cannot be handled as a {kind.kind}: {text}')
    if named != kind.kind and not kind.custom:
        detail = f"converting ({version}.{named}) to ({kind.group or 'core'}.{kind.kind}): unknown conversion"
        raise bad_request(f'{named} in version "{version}" cannot be handled as a {kind.kind}: {detail}')
    if api_version != kind.api_version:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version ({kind.api_version})"
        )
    if named != kind.kind:
        error = invalid_field("kind", named, f"must be {kind.kind}")
        raise invalid(kind.group, named, as_dict(obj.get("metadata")).get("name", ""), [error])


def accept_body(
    kind: KindInfo, obj: Manifest, field_validation: str, warnings: list[str], kinds: KindTable, *, body: bytes
) -> None:
    """Bring `obj`, all that `body` says, into the server's form, in place; raises 400 when it does not decode."""
    repeated = [] if field_validation == "Ignore" else repeated_fields(body, obj)
    check_identity(kind, obj, kinds, body)
    form = b"" if kind.custom or not isinstance(obj.get(_SPEC), dict) else json_of(obj[_SPEC])
    completed = _COMPLETED.get(kind.definition, form) if form else None
    settled = () if completed is None else (_SPEC,)
    problem, unknown = problems_in(kind, obj if completed is None else {**obj, _SPEC: _NOTHING})
    if problem:
        raise bad_request(refused_as(kind, problem))
    if completed is not None:
        obj[_SPEC] = msgspec.json.decode(completed)
    strange = [*repeated, *unknown]
    if strange and field_validation == "Strict":
        raise bad_request(refused_as(kind, strict_error(strange)))
    if field_validation == "Warn":
        warnings += strange
    complete(kind, obj, pruning=bool(unknown), settled=settled)
    if form and completed is None and not unknown:
        _COMPLETED.put(kind.definition, form, json_of(obj[_SPEC]))


_SPEC = "spec"
_NOTHING: Manifest = {}
_COMPLETED: Seen[bytes] = Seen()
"""Specs that decoded without a complaint, by definition and as they came, with what the defaults make of them."""


def problems_in(kind: KindInfo, obj: Manifest) -> tuple[str, list[str]]:
    """Return the decoder's complaint about types, or without one which fields the kind does not have."""
    if decodes(kind, obj):
        return "", []
    problem = decode_error(kind, obj)
    if problem:
        return problem, []
    return "", unknown_custom_fields(kind, obj) if kind.custom else unknown_fields(kind, obj)


def complete(
    kind: KindInfo, obj: Manifest, *, pruning: bool, settled: Collection[str] = (), nulls: bool = False
) -> None:
    """Drop what the kind does not have and fill in its defaults, in place; `settled` parts are complete already.

    `nulls`: an applied custom object keeps those that its schema does not allow, and so is refused for them.
    """
    if not isinstance(obj.get("metadata"), dict):
        obj["metadata"] = as_dict(obj.get("metadata"))
    if pruning:
        if kind.custom:
            prune(kind.schema, obj)
        else:
            prune_unknown(kind, obj)
    apply_defaults(kind, obj, settled, nulls=nulls)


def validate(
    kind: KindInfo, obj: Manifest, old: Manifest | None, subresource: str = "", warnings: list[str] | None = None
) -> list[FieldError]:
    """Say what is wrong with a complete object; `old` is what it replaces. `warnings` gets what was wrong before."""
    check = None if kind.custom or old is None or not subresource else check_of(kind.kind, subresource)
    if check is not None and old is not None:
        return [*validate_metadata(kind, obj, old), *check(obj, old)]
    if subresource == "status" and not kind.custom:
        # The rest is as it is stored, and was checked then.
        return validate_metadata(kind, obj, old) + validate_status(kind, obj)
    errors = validate_kind(kind, obj, old)
    if not kind.custom:
        return errors
    errors += _scale_errors(kind, obj)
    return errors + _rule_errors(kind, obj, old, errors, [] if warnings is None else warnings)


def _rule_errors(
    kind: KindInfo, obj: Manifest, old: Manifest | None, errors: list[FieldError], warnings: list[str]
) -> list[FieldError]:
    """Check the rules of a custom kind's schema, unless the object does not even have the types that they count on."""
    level = None if kind.rules is None else kind.rules()
    if level is None:
        return []
    if any(error.reason in _BLOCKING for error in errors):
        return [invalid_field("<nil>", None, _NOT_CHECKED)]
    return rule_errors(level, obj, old, warnings)


_BLOCKING = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


def _scale_errors(kind: KindInfo, obj: Manifest) -> list[FieldError]:
    """Check what the scale subresource of a custom kind reads as replicas, whatever its schema says of it."""
    scale = dig(kind.served, "subresources", "scale")
    errors: list[FieldError] = []
    for path in (text(scale, "specReplicasPath"), text(scale, "statusReplicasPath")):
        value = dig(obj, *path.split(".")[1:]) if path else None
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            problem = f"{path} accessor error: {value} is of the type {_GO_TYPES.get(value.__class__, 'object')}"
            errors.append(invalid_field(path, 0, f"{problem}, expected int64"))
        elif value < 0:
            errors.append(invalid_field(path, value, "should be a non-negative integer"))
    return errors


_GO_TYPES: Mapping[type[Any], str] = {
    str: "string",
    bool: "bool",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}
