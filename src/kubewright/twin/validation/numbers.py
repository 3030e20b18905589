"""Numbers in specs: counts, limits in percent, and resources."""

from __future__ import annotations

from typing import Any

from kubewright.api.quantity import parse_quantity
from kubewright.twin.reading import as_dict
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, invalid, required

NOT_NEGATIVE = "must be greater than or equal to 0"
_STANDARD = {"cpu", "memory", "ephemeral-storage"}
_STANDARD_ANYWHERE = _STANDARD | {"storage", "pods", "services", "configmaps", "secrets", "persistentvolumeclaims"}
_HUGE = "hugepages-"
_FULL_PERCENT = 100


def non_negative(path: str, value: Any) -> list[FieldError]:
    """Refuse a count below zero; an absent one is fine."""
    return [invalid(path, value, NOT_NEGATIVE)] if isinstance(value, int) and value < 0 else []


def int_or_percent(path: str, value: Any) -> list[FieldError]:
    """Check a count that may be a percentage."""
    if isinstance(value, str):
        return [invalid(path, value, problem) for problem in names.percent(value)]
    return non_negative(path, value)


def at_most_all(path: str, value: Any) -> list[FieldError]:
    """Refuse more than 100 %."""
    amount = percentage(value)
    return (
        [invalid(path, value, "must not be greater than 100%")] if amount is not None and amount > _FULL_PERCENT else []
    )


def percentage(value: Any) -> int | None:
    """Read `25%`; None for counts and for what is no percentage."""
    return int(value[:-1]) if isinstance(value, str) and not names.percent(value) else None


def is_zero(value: Any) -> bool:
    """Tell whether a count or a percentage is zero."""
    return value == 0 or percentage(value) == 0


def container_resources(resources: Any, path: str) -> list[FieldError]:
    """Check a container's requests and limits: names, amounts, and how they compare."""
    limits, requests = as_dict(as_dict(resources).get("limits")), as_dict(as_dict(resources).get("requests"))
    errors: list[FieldError] = []
    for name, amount in limits.items():
        here = f"{path}.limits[{name}]"
        errors += _resource_name(name, here)
        errors += _amount(name, amount, here)
    for name, amount in requests.items():
        here = f"{path}.requests[{name}]"
        errors += _resource_name(name, here)
        errors += _amount(name, amount, here)
        errors += _compared(name, amount, limits.get(name), path)
    return errors


def _resource_name(name: str, path: str) -> list[FieldError]:
    problems = names.qualified_name(name)
    if problems:
        return [invalid(path, name, problem) for problem in problems]
    if "/" in name:
        return (
            []
            if is_extended(name) or _is_native(name)
            else [invalid(path, name, "doesn't follow extended resource name standard")]
        )
    if name in _STANDARD or name.startswith(_HUGE):
        return []
    errors: list[FieldError] = []
    if name not in _STANDARD_ANYWHERE:
        errors.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    return [*errors, invalid(path, name, "must be a standard resource for containers")]


def _is_native(name: str) -> bool:
    return "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Tell whether a resource is one that devices bring: qualified, outside kubernetes.io, no quota name."""
    if "/" not in name or _is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def _amount(name: str, amount: Any, path: str) -> list[FieldError]:
    try:
        exact = parse_quantity(amount)
    except ValueError:
        return []
    errors = [invalid(path, str(amount), NOT_NEGATIVE)] if exact < 0 else []
    if (is_extended(name) or name == "pods") and (exact * 1000).__ceil__() % 1000:
        errors.append(invalid(path, str(amount), "must be an integer"))
    return errors


def _compared(name: str, request: Any, limit: Any, path: str) -> list[FieldError]:
    here = f"{path}.requests"
    fixed = is_extended(name) or name.startswith(_HUGE)
    if limit is None:
        return [required(f"{path}.limits", "Limit must be set for non overcommitable resources")] if fixed else []
    try:
        wanted, most = parse_quantity(request), parse_quantity(limit)
    except ValueError:
        return []
    if fixed and wanted != most:
        return [invalid(here, str(request), f"must be equal to {name} limit of {limit}")]
    if wanted > most:
        return [invalid(here, str(request), f"must be less than or equal to {name} limit of {limit}")]
    return []
