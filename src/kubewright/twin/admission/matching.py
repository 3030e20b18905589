"""Which requests a policy or a webhook is about: its rules, selectors and conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.requirements import Requirement
from kubewright.api.selectors import LabelSelector
from kubewright.expressions.program import EvaluationError, Program
from kubewright.store.versioned import VersionedStore
from kubewright.twin.admission.operation import Operation
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, as_list, dicts, text


def matches(store: VersionedStore, match: Manifest, operation: Operation) -> bool:
    """Tell whether a policy's or binding's match says yes; without rules it is about all resources."""
    if not selected_by_namespace(store, match.get("namespaceSelector"), operation):
        return False
    if not object_selected(match.get("objectSelector"), operation):
        return False
    if any(_rule_matches(rule, match, operation) for rule in dicts(match, "excludeResourceRules")):
        return False
    rules = dicts(match, "resourceRules")
    return not rules or any(_rule_matches(rule, match, operation) for rule in rules)


def _rule_matches(rule: Manifest, match: Manifest, operation: Operation) -> bool:
    equivalent = text(match, "matchPolicy") != "Exact"
    return rule_covers(rule, operation, operation.target.kind, any_version=equivalent) and (
        not rule.get("resourceNames") or operation.target.name in as_list(rule["resourceNames"])
    )


def rule_covers(rule: Manifest, operation: Operation, kind: KindInfo, *, any_version: bool = False) -> bool:
    """Tell whether a rule names the operation on `kind`: the written one, or another version of it."""
    scope = text(rule, "scope")
    if scope not in {"", "*"} and kind.namespaced != (scope == "Namespaced"):
        return False
    subresource = operation.target.subresource
    return (
        _listed(rule.get("operations"), operation.name)
        and _listed(rule.get("apiGroups"), kind.group)
        and (any_version or _listed(rule.get("apiVersions"), kind.version))
        and any(_resource_matches(name, kind.plural, subresource) for name in as_list(rule.get("resources")))
    )


def _listed(names: object, name: str) -> bool:
    return "*" in as_list(names) or name in as_list(names)


def _resource_matches(name: str, plural: str, subresource: str) -> bool:
    wanted, _, part = name.partition("/")
    return wanted in {"*", plural} and part in {"*", subresource}


def selected_by_namespace(store: VersionedStore, selector: object, operation: Operation) -> bool:
    """Tell whether the labels of the namespace fit; what is in none always fits."""
    if not selector:
        return True
    target = operation.target
    if target.kind.kind == "Namespace" and not target.kind.group:
        found = operation.obj or operation.old
    elif not target.namespace:
        return True
    else:
        record = store.get(("", "namespaces"), ObjectKey("", target.namespace))
        found = None if record is None else record.obj
    return found is not None and _labelled(selector, found)


def object_selected(selector: object, operation: Operation) -> bool:
    """Tell whether the labels of the object fit, before or after the write."""
    if not selector:
        return True
    return any(_labelled(selector, each) for each in (operation.obj, operation.old) if each is not None)


def _labelled(selector: object, obj: Manifest) -> bool:
    return label_selector(as_dict(selector)).matches(as_dict(obj["metadata"].get("labels")))


def label_selector(selector: Manifest) -> LabelSelector:
    """Read a selector from a manifest."""
    requirements = tuple(
        Requirement(text(each, "key"), text(each, "operator"), tuple(as_list(each.get("values"))))
        for each in dicts(selector, "matchExpressions")
    )
    return LabelSelector(as_dict(selector.get("matchLabels")), requirements)


def conditions_hold(conditions: Sequence[Program], variables: Mapping[str, Any]) -> bool:
    """Tell whether all hold: one that does not hold outweighs others that fail. Raises EvaluationError."""
    failures: list[EvaluationError] = []
    for condition in conditions:
        try:
            if condition.run(variables) is not True:
                return False
        except EvaluationError as error:
            failures.append(EvaluationError(f"expression '{condition.source}' resulted in error: {error}"))
    if failures:
        raise failures[0]
    return True
