"""What a pod says about where it may run: tolerations, affinity and spreading."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_list, count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, invalid, not_supported, required
from kubewright.twin.validation.selectors import validate_selector

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NODE_OPERATORS = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"}
_MAX_WEIGHT = 100
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_EMPTY_KEY = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'


def validate_scheduling(spec: Manifest, path: str) -> list[FieldError]:
    """Check a pod spec's scheduling fields."""
    errors: list[FieldError] = []
    node = dig(spec, "affinity", "nodeAffinity")
    if node is not None:
        errors += _node_affinity(node, f"{path}.affinity.nodeAffinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = dig(spec, "affinity", kind)
        if terms is not None:
            errors += _pod_affinity(terms, f"{path}.affinity.{kind}")
    for index, constraint in enumerate(dicts(spec, "topologySpreadConstraints")):
        errors += _spread(constraint, f"{path}.topologySpreadConstraints[{index}]")
    for index, toleration in enumerate(dicts(spec, "tolerations")):
        errors += _toleration(toleration, f"{path}.tolerations[{index}]")
    return errors


def _toleration(toleration: Manifest, path: str) -> list[FieldError]:
    key, operator, value = text(toleration, "key"), text(toleration, "operator"), text(toleration, "value")
    effect = text(toleration, "effect")
    errors = [invalid(f"{path}.key", key, problem) for problem in names.qualified_name(key)] if key else []
    if not key and operator != "Exists":
        errors.append(invalid(f"{path}.operator", operator, _EMPTY_KEY))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        errors.append(invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
    if operator in {"", "Equal"}:
        problems = ";".join(names.label_value(value))
        errors += [invalid(f"{path}.operator", value, problems)] if problems else []
    elif operator == "Exists":
        if value:
            errors.append(invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'"))
    else:
        errors.append(not_supported(f"{path}.operator", operator, ("Equal", "Exists")))
    if effect and effect not in _EFFECTS:
        errors.append(not_supported(f"{path}.effect", effect, _EFFECTS))
    return errors


def _node_affinity(affinity: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if dig(affinity, _REQUIRED) is not None:
        here = f"{path}.{_REQUIRED}.nodeSelectorTerms"
        terms = dicts(affinity, _REQUIRED, "nodeSelectorTerms")
        if not terms:
            errors.append(required(here, "must have at least one node selector term"))
        for index, term in enumerate(terms):
            errors += _node_term(term, f"{here}[{index}]")
    for index, item in enumerate(dicts(affinity, _PREFERRED)):
        here = f"{path}.{_PREFERRED}[{index}]"
        errors += _weight(item, here)
        errors += _node_term(dig(item, "preference"), f"{here}.preference")
    return errors


def _node_term(term: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, requirement in enumerate(dicts(term, "matchExpressions")):
        here, key = f"{path}.matchExpressions[{index}]", text(requirement, "key")
        errors += _node_operator(text(requirement, "operator"), as_list(requirement.get("values")), here)
        errors += [invalid(f"{here}.key", key, problem) for problem in names.qualified_name(key)]
    return errors


def _node_operator(operator: str, values: list[Any], path: str) -> list[FieldError]:
    if operator not in _NODE_OPERATORS:
        return [invalid(f"{path}.operator", operator, "not a valid selector operator")]
    if operator in {"In", "NotIn"} and not values:
        return [required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")]
    if operator in {"Gt", "Lt"} and len(values) != 1:
        return [required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")]
    return []


def _pod_affinity(affinity: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, term in enumerate(dicts(affinity, _REQUIRED)):
        errors += _pod_term(term, f"{path}.{_REQUIRED}[{index}]")
    for index, item in enumerate(dicts(affinity, _PREFERRED)):
        here = f"{path}.{_PREFERRED}[{index}]"
        errors += _weight(item, here)
        errors += _pod_term(dig(item, "podAffinityTerm"), f"{here}.podAffinityTerm")
    return errors


def _pod_term(term: Any, path: str) -> list[FieldError]:
    errors = validate_selector(dig(term, "labelSelector"), f"{path}.labelSelector")
    key = text(term, "topologyKey")
    if not key:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    return errors + [invalid(f"{path}.topologyKey", key, problem) for problem in names.qualified_name(key)]


def _weight(item: Manifest, path: str) -> list[FieldError]:
    weight = count(item, "weight")
    return (
        []
        if 1 <= weight <= _MAX_WEIGHT
        else [invalid(f"{path}.weight", weight, f"must be in the range 1-{_MAX_WEIGHT}")]
    )


def _spread(constraint: Manifest, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    skew, key, action = (
        count(constraint, "maxSkew"),
        text(constraint, "topologyKey"),
        text(constraint, "whenUnsatisfiable"),
    )
    if skew <= 0:
        errors.append(invalid(f"{path}.maxSkew", skew, "must be greater than zero"))
    if not key:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    else:
        errors += [invalid(f"{path}.topologyKey", key, problem) for problem in names.qualified_name(key)]
    if action not in {"DoNotSchedule", "ScheduleAnyway"}:
        errors.append(not_supported(f"{path}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway")))
    return errors + validate_selector(constraint.get("labelSelector"), f"{path}.labelSelector")
