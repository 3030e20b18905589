"""LimitRanger: what containers get by default, and what containers, pods and claims may ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.admission.podusage import pod_limits, pod_requests
from kubewright.twin.reading import as_dict, dicts, dig, text

_BUCKET = ("", "limitranges")
_ANNOTATION = "kubernetes.io/limit-ranger"
_UNSAID = "no {what} is specified or {what} is 0"


def _limits(attempt: Attempt) -> list[list[Manifest]]:
    """Return the namespace's ranges, each as its list of limits."""
    records = attempt.registry.store.list(_BUCKET, attempt.target.namespace)[0]
    return [dicts(record.obj, "spec", "limits") for record in records]


def complete(attempt: Attempt) -> None:
    """Give a pod's containers the defaults of the namespace, and note on the pod what was set."""
    told: list[str] = []
    for limits in _limits(attempt):
        requests, most = _defaults(limits, "defaultRequest"), _defaults(limits, "default")
        if not requests and not most:
            continue
        for container in dicts(attempt.spec, "containers"):
            told += _set_defaults(container, requests, most, "container")
        for container in dicts(attempt.spec, "initContainers"):
            told += _set_defaults(container, requests, most, "init container")
    if told:
        metadata = attempt.obj["metadata"]
        note = {_ANNOTATION: "LimitRanger plugin set: " + "; ".join(told)}
        metadata["annotations"] = {**as_dict(metadata.get("annotations")), **note}


def _defaults(limits: list[Manifest], field: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for limit in limits:
        if limit.get("type") == "Container":
            found |= as_dict(limit.get(field))
    return found


def _set_defaults(container: Manifest, requests: Manifest, most: Manifest, what: str) -> Iterator[str]:
    resources = as_dict(container.get("resources"))
    for field, defaults, word in (("requests", requests, "request"), ("limits", most, "limit")):
        present = as_dict(resources.get(field))
        missing = {name: amount for name, amount in sorted(defaults.items()) if name not in present}
        if missing:
            resources = container["resources"] = {**resources, field: {**present, **missing}}
            yield f"{', '.join(missing)} {word} for {what} {text(container, 'name')}"


def check_pod(attempt: Attempt) -> None:
    """Refuse a new or resized pod that is outside a range."""
    if attempt.old is not None and attempt.target.subresource != "resize":
        return
    for limits in _limits(attempt):
        _refuse(attempt, [problem for limit in limits for problem in _pod_problems(attempt.spec, limit)])


def check_claim(attempt: Attempt) -> None:
    """Refuse a claim, or its growth, that is outside a range."""
    requests = as_dict(dig(attempt.spec, "resources", "requests"))
    for limits in _limits(attempt):
        problems: list[str] = []
        for limit in limits:
            if limit.get("type") == "PersistentVolumeClaim":
                problems += _below(limit, requests)
                problems += _above(limit, requests, requests, "request")
        _refuse(attempt, problems)


def _refuse(attempt: Attempt, problems: list[str]) -> None:
    problems = list(dict.fromkeys(problems))
    if problems:
        raise attempt.refused(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")


def _pod_problems(spec: Manifest, limit: Manifest) -> Iterator[str]:
    match limit.get("type"):
        case "Container":
            for container in (*dicts(spec, "containers"), *dicts(spec, "initContainers")):
                resources = as_dict(container.get("resources"))
                yield from _problems(limit, as_dict(resources.get("requests")), as_dict(resources.get("limits")))
        case "Pod":
            yield from _problems(limit, pod_requests(spec, overhead=False), pod_limits(spec, overhead=False))
        case _:
            return


def _problems(limit: Manifest, requests: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[str]:
    yield from _below(limit, requests)
    yield from _above(limit, requests, limits, "limit")
    yield from _too_far_apart(limit, requests, limits)


def _below(limit: Manifest, requests: Mapping[str, Any]) -> Iterator[str]:
    for name, least in sorted(as_dict(limit.get("min")).items()):
        rule = f"minimum {name} usage per {limit['type']} is {least}"
        if name not in requests:
            yield f"{rule}.  No request is specified"
        elif parse_quantity(requests[name]) < parse_quantity(least):
            yield f"{rule}, but request is {requests[name]}"


def _above(limit: Manifest, requests: Mapping[str, Any], limits: Mapping[str, Any], what: str) -> Iterator[str]:
    for name, most in sorted(as_dict(limit.get("max")).items()):
        rule = f"maximum {name} usage per {limit['type']} is {most}"
        if name not in limits:
            yield f"{rule}.  No {what} is specified"
        elif parse_quantity(limits[name]) > parse_quantity(most):
            yield f"{rule}, but {what} is {limits[name]}"
        elif name in requests and parse_quantity(requests[name]) > parse_quantity(most):
            yield f"{rule}, but request is {requests[name]}"


def _too_far_apart(limit: Manifest, requests: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[str]:
    for name, most in sorted(as_dict(limit.get("maxLimitRequestRatio")).items()):
        rule = f"{name} max limit to request ratio per {limit['type']} is {most}"
        request, at_most = parse_quantity(requests.get(name, 0)), parse_quantity(limits.get(name, 0))
        if request == 0:
            yield f"{rule}, but {_UNSAID.format(what='request')}"
        elif at_most == 0:
            yield f"{rule}, but {_UNSAID.format(what='limit')}"
        elif at_most / request > parse_quantity(most):
            yield f"{rule}, but provided ratio is {float(at_most / request):f}"
