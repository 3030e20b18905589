"""Label selectors in specs."""

from __future__ import annotations

from typing import Any

from kubewright.twin.reading import as_dict, as_list, dicts, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, forbidden, invalid, required
from kubewright.twin.validation.metadata import validate_labels


def validate_selector(selector: Any, path: str) -> list[FieldError]:
    """Check a LabelSelector's labels and expressions."""
    errors = validate_labels(as_dict(selector).get("matchLabels"), f"{path}.matchLabels")
    for index, term in enumerate(dicts(selector, "matchExpressions")):
        errors += _requirement(term, f"{path}.matchExpressions[{index}]")
    return errors


def _requirement(term: dict[str, Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, values = text(term, "operator"), as_list(term.get("values"))
    if operator in {"In", "NotIn"}:
        if not values:
            errors.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in {"Exists", "DoesNotExist"}:
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{path}.values", detail))
    else:
        errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    key = text(term, "key")
    errors += [invalid(f"{path}.key", key, problem) for problem in names.qualified_name(key)]
    for index, value in enumerate(values):
        errors += [invalid(f"{path}.values[{index}]", value, problem) for problem in names.label_value(str(value))]
    return errors


def is_empty(selector: Any) -> bool:
    """Tell whether a selector has no condition and so matches everything."""
    return not (as_dict(selector).get("matchLabels") or as_dict(selector).get("matchExpressions"))


def is_readable(selector: Any) -> bool:
    """Tell whether a selector can be evaluated: its operators are known and have the values they need."""
    return not any(
        error.field.endswith((".operator", ".values", ".key")) or "matchLabels" in error.field
        for error in validate_selector(selector, "selector")
    )


def matches(selector: Any, labels: dict[str, Any]) -> bool:
    """Evaluate a selector that `is_readable`."""
    if any(labels.get(key) != value for key, value in as_dict(as_dict(selector).get("matchLabels")).items()):
        return False
    return all(_holds(term, labels) for term in dicts(selector, "matchExpressions"))


def _holds(term: dict[str, Any], labels: dict[str, Any]) -> bool:
    key, values = text(term, "key"), as_list(term.get("values"))
    match text(term, "operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
