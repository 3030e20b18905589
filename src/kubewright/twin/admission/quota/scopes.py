"""Which pods a quota with scopes counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.qos import qos_class
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text


def counts(quota: Manifest, group: str, plural: str, obj: Manifest) -> bool:
    """Tell whether all of a quota's scopes hold for an object; scopes are of pods."""
    spec = as_dict(quota.get("spec"))
    if not spec.get("scopes") and not spec.get("scopeSelector"):
        return True
    return (group, plural) == ("", "pods") and all(_holds(*each, obj) for each in _scopes(spec))


def _scopes(spec: Manifest) -> Iterator[tuple[str, str, list[Any]]]:
    for scope in as_list(spec.get("scopes")):
        yield str(scope), "Exists", []
    for each in dicts(spec, "scopeSelector", "matchExpressions"):
        yield text(each, "scopeName"), text(each, "operator"), as_list(each.get("values"))


def _holds(scope: str, operator: str, values: list[Any], pod: Manifest) -> bool:
    if scope != "PriorityClass":
        return _SCOPES[scope](pod) if scope in _SCOPES else False
    name = text(pod, "spec", "priorityClassName")
    match operator:
        case "In":
            return name in values
        case "NotIn":
            return name not in values
        case "DoesNotExist":
            return not name
        case _:
            return bool(name)


def _terminating(pod: Manifest) -> bool:
    return dig(pod, "spec", "activeDeadlineSeconds") is not None


def _best_effort(pod: Manifest) -> bool:
    return qos_class(as_dict(pod.get("spec"))) == "BestEffort"


def _affine_elsewhere(pod: Manifest) -> bool:
    affinity = as_dict(dig(pod, "spec", "affinity"))
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = dicts(affinity, kind, "requiredDuringSchedulingIgnoredDuringExecution")
        preferred = dicts(affinity, kind, "preferredDuringSchedulingIgnoredDuringExecution")
        terms += [as_dict(each.get("podAffinityTerm")) for each in preferred]
        if any(each.get("namespaces") or each.get("namespaceSelector") is not None for each in terms):
            return True
    return False


_SCOPES: Mapping[str, Callable[[Manifest], bool]] = {
    "Terminating": _terminating,
    "NotTerminating": lambda pod: not _terminating(pod),
    "BestEffort": _best_effort,
    "NotBestEffort": lambda pod: not _best_effort(pod),
    "CrossNamespacePodAffinity": _affine_elsewhere,
}
