"""Which requests a policy is about: its resource rules and selectors."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.requirements import Requirement
from kubewright.api.selectors import LabelSelector
from kubewright.store.versioned import VersionedStore
from kubewright.twin.reading import as_dict, as_list, dicts, text
from kubewright.twin.registry import Target


@dataclass(frozen=True, slots=True)
class Operation:
    """A write as policies see it; one of `obj` and `old` is None for a delete or a create."""

    name: str
    target: Target
    obj: Manifest | None
    old: Manifest | None


def matches(store: VersionedStore, match: Manifest, operation: Operation) -> bool:
    """Tell whether a policy's or binding's match says yes; without rules it is about all resources."""
    if not _namespace_selected(store, match.get("namespaceSelector"), operation):
        return False
    if not _object_selected(match.get("objectSelector"), operation):
        return False
    if any(_rule_matches(rule, match, operation) for rule in dicts(match, "excludeResourceRules")):
        return False
    rules = dicts(match, "resourceRules")
    return not rules or any(_rule_matches(rule, match, operation) for rule in rules)


def _rule_matches(rule: Manifest, match: Manifest, operation: Operation) -> bool:
    target, kind = operation.target, operation.target.kind
    scope = text(rule, "scope")
    if scope not in {"", "*"} and kind.namespaced != (scope == "Namespaced"):
        return False
    versions = as_list(rule.get("apiVersions"))
    equivalent = text(match, "matchPolicy") != "Exact"
    return (
        _listed(rule.get("operations"), operation.name)
        and _listed(rule.get("apiGroups"), kind.group)
        and (_listed(versions, kind.version) or equivalent)
        and _resource_listed(as_list(rule.get("resources")), target)
        and (not rule.get("resourceNames") or target.name in as_list(rule["resourceNames"]))
    )


def _listed(names: object, name: str) -> bool:
    return "*" in as_list(names) or name in as_list(names)


def _resource_listed(resources: list[str], target: Target) -> bool:
    plural, subresource = target.kind.plural, target.subresource
    if not subresource:
        return any(name in {"*", "*/*", plural} for name in resources)
    return any(name in {"*/*", f"{plural}/*", f"*/{subresource}", f"{plural}/{subresource}"} for name in resources)


def _namespace_selected(store: VersionedStore, selector: object, operation: Operation) -> bool:
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


def _object_selected(selector: object, operation: Operation) -> bool:
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
