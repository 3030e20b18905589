"""What the API server refuses of a status, for the kinds whose status it looks into."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubewright.api.meta import Manifest
from kubewright.api.quantity import value
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.addresses import BAD_ADDRESS, is_address
from kubewright.twin.validation.fields import FieldError, first_invalid, forbidden, invalid, required
from kubewright.twin.validation.numbers import non_negative
from kubewright.twin.validation.ranges import validate_quota_status

_NO_MORE = "cannot be greater than status.replicas"


def validate_status(kind: KindInfo, obj: Manifest) -> list[FieldError]:
    """Check the status of a built-in kind's object."""
    check = _CHECKS.get((kind.group, kind.kind))
    return [] if check is None else check(obj)


def _counts(*fields: str) -> Callable[[Manifest], list[FieldError]]:
    def check(obj: Manifest) -> list[FieldError]:
        return [error for field in fields for error in non_negative(f"status.{field}", dig(obj, "status", field))]

    return check


def _replicas(*fields: str, last: str = "readyReplicas") -> Callable[[Manifest], list[FieldError]]:
    """Check counts of replicas, which are parts of all of them; what is available is ready, too."""
    plain = _counts("observedGeneration", "replicas", *fields, "collisionCount")

    def check(obj: Manifest) -> list[FieldError]:
        status = as_dict(obj.get("status"))
        errors = plain(obj)
        errors += [
            invalid(f"status.{field}", count(status, field), _NO_MORE)
            for field in fields
            if field not in _APART and count(status, field) > count(status, "replicas")
        ]
        available = count(status, "availableReplicas")
        if available > count(status, last):
            errors.append(invalid("status.availableReplicas", available, f"cannot be greater than {last}"))
        return errors

    return check


_APART = frozenset({"unavailableReplicas", "terminatingReplicas"})


def _service(obj: Manifest) -> list[FieldError]:
    points = dicts(obj, "status", "loadBalancer", "ingress")
    if points and text(obj, "spec", "type") != "LoadBalancer":
        detail = "may only be used when `spec.type` is 'LoadBalancer'"
        return [forbidden("status.loadBalancer.ingress", detail)]
    return [error for number, point in enumerate(points) for error in _service_point(point, number)]


def _service_point(point: Manifest, number: int) -> list[FieldError]:
    path = f"status.loadBalancer.ingress[{number}]"
    address, mode = text(point, "ip"), text(point, "ipMode")
    errors = _address(address, path)
    if address and not mode:
        errors.append(required(f"{path}.ipMode", "must be specified when `ip` is set"))
    if mode and not address:
        errors.append(forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set"))
    return errors + _hostname(point, path)


def _ingress(obj: Manifest) -> list[FieldError]:
    errors: list[FieldError] = []
    for number, point in enumerate(dicts(obj, "status", "loadBalancer", "ingress")):
        path = f"status.loadBalancer.ingress[{number}]"
        errors += _address(text(point, "ip"), path) + _hostname(point, path)
    return errors


def _address(address: str, path: str) -> list[FieldError]:
    return [invalid(f"{path}.ip", address, BAD_ADDRESS)] if address and not is_address(address) else []


def _hostname(point: Manifest, path: str) -> list[FieldError]:
    host = text(point, "hostname")
    if not host:
        return []
    errors = first_invalid(f"{path}.hostname", host, names.dns_subdomain(host))
    if is_address(host):
        errors.append(invalid(f"{path}.hostname", host, "must be a DNS name, not an IP address"))
    return errors


def _claim(obj: Manifest) -> list[FieldError]:
    return [
        invalid(f"status.capacity[{name}]", value(amount), "must be a valid resource quantity")
        for name, amount in as_dict(dig(obj, "status", "capacity")).items()
        if value(amount) < 0
    ]


_CHECKS: Mapping[tuple[str, str], Callable[[Manifest], list[FieldError]]] = {
    ("", "Service"): _service,
    ("", "ResourceQuota"): validate_quota_status,
    ("", "PersistentVolumeClaim"): _claim,
    ("batch", "Job"): _counts("active", "succeeded", "failed", "ready", "terminating"),
    ("apps", "Deployment"): _replicas(
        "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "terminatingReplicas"
    ),
    ("apps", "StatefulSet"): _replicas("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
    ("apps", "ReplicaSet"): _replicas("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
    ("autoscaling", "HorizontalPodAutoscaler"): _counts("currentReplicas", "desiredReplicas"),
    ("networking.k8s.io", "Ingress"): _ingress,
}
