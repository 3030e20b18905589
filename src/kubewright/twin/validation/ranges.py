"""LimitRange and ResourceQuota: names of resources, amounts, and how they fit each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, Internal, as_json, duplicate, forbidden, invalid, required
from kubewright.twin.validation.metadata import IMMUTABLE
from kubewright.twin.validation.numbers import NOT_NEGATIVE, is_extended

_COMPUTE = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE = "hugepages-"
_TYPES = frozenset({"Pod", "Container", "PersistentVolumeClaim"})
_QUALIFIED = "must be a standard {what} type or fully qualified"
_COUNTED = frozenset(
    {"pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims"}
)
_WHOLE = _COUNTED | {"services.nodeports", "services.loadbalancers"}
_OF_QUOTAS = _WHOLE | _COMPUTE | {"requests.storage"}
_SIDES = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def validate_limit_range(obj: Manifest, _old: Manifest | None) -> list[FieldError]:
    """Check a LimitRange's limits one by one."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, limit in enumerate(dicts(obj, "spec", "limits")):
        path, kind = f"spec.limits[{index}]", text(limit, "type")
        errors += [invalid(f"{path}.type", kind, problem) for problem in _type_problems(kind)]
        if kind in seen:
            errors.append(duplicate(f"{path}.type", kind))
        seen.add(kind)
        errors += _names(limit, kind, path)
        if kind == "Pod":
            errors += [
                forbidden(f"{path}.{side}", "may not be specified when `type` is 'Pod'")
                for side in ("default", "defaultRequest")
                if limit.get(side)
            ]
        if kind == "PersistentVolumeClaim" and not any(
            "storage" in as_dict(limit.get(side)) for side in ("min", "max")
        ):
            detail = "either minimum or maximum storage value is required, but neither was provided"
            errors.append(required(f"{path}.limits", detail))
        for name in sorted({name for side in _SIDES for name in as_dict(limit.get(side))}):
            errors += _compared(limit, name, path)
    return errors


def _type_problems(kind: str) -> Sequence[str]:
    problems = names.qualified_name(kind)
    if problems or "/" in kind or kind in _TYPES:
        return problems
    return [_QUALIFIED.format(what="limit")]


def _names(limit: Manifest, kind: str, path: str) -> Iterator[FieldError]:
    sides = ("max", "min") if kind == "Pod" else ("max", "min", "default", "defaultRequest")
    for side in (*sides, "maxLimitRequestRatio"):
        for name in sorted(as_dict(limit.get(side))):
            for problem in _name_problems(name, kind):
                yield invalid(f"{path}.{side}[{name}]", name, problem)


def _name_problems(name: str, kind: str) -> Sequence[str]:
    problems = names.qualified_name(name)
    if problems or "/" in name:
        return problems
    plain = name.removeprefix("requests.").removeprefix("limits.")
    standard = name in _OF_QUOTAS or plain in _COMPUTE or plain.startswith(_HUGE) or name == "storage"
    problems = [] if standard else [_QUALIFIED.format(what="resource")]
    if kind == "Container" and name not in _COMPUTE and not name.startswith(_HUGE):
        problems.append("must be a standard resource for containers")
    return problems


def _compared(limit: Manifest, name: str, path: str) -> Iterator[FieldError]:
    """Yield what is wrong between a resource's bounds and defaults, in the API server's order."""
    written = {side: as_dict(limit.get(side)).get(name) for side in _SIDES}
    amount = {side: parse_quantity(text) for side, text in written.items() if text is not None}
    for side, shown, low, high, told in (
        ("min", "min", "min", "max", "min value {low} is greater than max value {high}"),
        ("defaultRequest", "defaultRequest", "min", "defaultRequest",
         "min value {low} is greater than default request value {high}"),
        ("defaultRequest", "defaultRequest", "defaultRequest", "max",
         "default request value {low} is greater than max value {high}"),
        ("defaultRequest", "defaultRequest", "defaultRequest", "default",
         "default request value {low} is greater than default limit value {high}"),
        ("default", "min", "min", "default", "min value {low} is greater than default value {high}"),
        ("default", "max", "default", "max", "default value {low} is greater than max value {high}"),
    ):  # fmt: skip
        if low in amount and high in amount and amount[low] > amount[high]:
            detail = told.format(low=written[low], high=written[high])
            yield invalid(f"{path}.{side}[{name}]", written[shown], detail)
    yield from _ratio(written, amount, f"{path}.maxLimitRequestRatio[{name}]")


def _ratio(written: dict[str, Any], amount: dict[str, Fraction], path: str) -> Iterator[FieldError]:
    ratio, shown = amount.get("maxLimitRequestRatio"), written["maxLimitRequestRatio"]
    if ratio is None:
        return
    if ratio < 1:
        yield invalid(path, shown, f"ratio {shown} is less than 1")
    least, most = amount.get("min"), amount.get("max")
    if least and most is not None and ratio > most / least:
        yield invalid(path, shown, f"ratio {shown} is greater than max/min = {float(most / least):f}")


_SCOPES_OF_COMPUTE = frozenset({"Terminating", "NotTerminating", "NotBestEffort", "PriorityClass"})
_SCOPES = _SCOPES_OF_COMPUTE | {"BestEffort", "CrossNamespacePodAffinity", "VolumeAttributesClass"}
_MISPLACED = "unsupported scope applied to resource"
_NOT_OF_QUOTAS = "must be a standard resource for quota"
_EXISTING = _SCOPES - {"PriorityClass", "VolumeAttributesClass"}
_OPERATORS = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})
_ONLY_EXISTS = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def validate_quota(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a ResourceQuota: what it limits, and of which pods."""
    spec = as_dict(obj.get("spec"))
    hard = as_dict(spec.get("hard"))
    errors: list[FieldError] = []
    errors += _amounts(hard, "spec.hard")
    errors += _scopes(spec, hard)
    scopes = as_list(spec.get("scopes"))
    if old is not None and set(scopes) != set(as_list(dig(old, "spec", "scopes"))):
        errors.append(invalid("spec.scopes", scopes or None, IMMUTABLE))
    return errors


def validate_quota_status(obj: Manifest) -> list[FieldError]:
    """Check what a ResourceQuota's status says is limited and used."""
    return [
        error for side in ("hard", "used") for error in _amounts(as_dict(dig(obj, "status", side)), f"status.{side}")
    ]


def _amounts(amounts: Manifest, path: str) -> Iterator[FieldError]:
    for name, amount in amounts.items():
        here = f"{path}[{name}]"
        yield from (invalid(here, name, problem) for problem in _quota_name_problems(name))
        exact = parse_quantity(amount)
        if exact < 0:
            yield invalid(here, str(amount), NOT_NEGATIVE)
        if (name in _WHOLE or is_extended(name)) and ceil(exact * 1000) % 1000:
            yield invalid(here, str(amount), "must be an integer")


def _quota_name_problems(name: str) -> Sequence[str]:
    problems = names.qualified_name(name)
    if "/" in name or _is_of_quotas(name):
        return problems
    if not problems and name != "storage":  # the only standard resource that no quota knows
        problems = [_QUALIFIED.format(what="resource")]
    return [*problems, _NOT_OF_QUOTAS]


def _is_of_quotas(name: str) -> bool:
    return name in _OF_QUOTAS or _plain(name) in _COMPUTE or _plain(name).startswith(_HUGE)


def _plain(name: str) -> str:
    return name.removeprefix("requests.").removeprefix("limits.")


def _scopes(spec: Manifest, hard: Manifest) -> Iterator[FieldError]:
    scopes = [str(scope) for scope in as_list(spec.get("scopes"))]
    for problem in _scope_problems(scopes, hard):
        yield invalid("spec.scopes", scopes, problem)
    path = "spec.scopeSelector.matchExpressions"
    expressions = dicts(spec, "scopeSelector", "matchExpressions")
    for each in expressions:
        yield from _expression(each, path)
        for _ in _misplaced(text(each, "scopeName"), hard):
            yield invalid(path, _shown(expressions), _MISPLACED)
    for _ in _conflicts([text(each, "scopeName") for each in expressions]):
        yield invalid(path, scopes or None, "conflicting scopes")


def _shown(expressions: list[Manifest]) -> Internal:
    """Write a scope selector with the names that its fields have inside the API server."""
    fields = {"ScopeName": "scopeName", "Operator": "operator", "Values": "values"}
    shown = [{name: each.get(field) for name, field in fields.items()} for each in expressions]
    return Internal(as_json({"MatchExpressions": shown}))


def _scope_problems(scopes: list[str], hard: Manifest) -> Iterator[str]:
    for scope in scopes:
        if scope not in _SCOPES:
            yield "unsupported scope"
        for _ in _misplaced(scope, hard):
            yield _MISPLACED
    for _ in _conflicts(scopes):
        yield "conflicting scopes"


def _misplaced(scope: str, hard: Manifest) -> list[str]:
    """Name the standard resources that a quota of a scope may not limit."""
    return [name for name in hard if _is_of_quotas(name) and scope in _SCOPES and not _applies(scope, name)]


def _conflicts(scopes: list[str]) -> list[set[str]]:
    pairs = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
    return [pair for pair in pairs if pair <= set(scopes)]


def _applies(scope: str, name: str) -> bool:
    """Tell whether a quota of that scope may limit a resource."""
    if scope == "VolumeAttributesClass":
        return name in {"persistentvolumeclaims", "requests.storage"}
    if scope == "BestEffort":
        return name == "pods"
    return name == "pods" or _plain(name) in {"cpu", "memory"}


def _expression(each: Manifest, path: str) -> Iterator[FieldError]:
    scope, operator, values = text(each, "scopeName"), text(each, "operator"), as_list(each.get("values"))
    if scope not in _SCOPES:
        yield invalid(f"{path}.scopeName", scope, "unsupported scope")
    if scope in _EXISTING and operator != "Exists":
        yield invalid(f"{path}.operator", operator, _ONLY_EXISTS)
    if operator in {"In", "NotIn"} and not values:
        detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        yield required(f"{path}.values", detail)
    if operator in {"Exists", "DoesNotExist"} and values:
        detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
        yield invalid(f"{path}.values", values, detail)
    if operator not in _OPERATORS:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
