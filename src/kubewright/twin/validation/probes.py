"""Probes and lifecycle handlers of a container."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, forbidden, invalid, not_supported, required
from kubewright.twin.validation.numbers import non_negative
from kubewright.twin.validation.parts import checked

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def validate_probes(container: Manifest, path: str) -> list[FieldError]:
    """Check a container's lifecycle hooks and its three probes."""
    errors: list[FieldError] = []
    for hook in ("postStart", "preStop"):
        handler = dig(container, "lifecycle", hook)
        if handler is not None and not text(handler, "stopSignal"):
            errors += _handler(handler, f"{path}.lifecycle.{hook}")
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(kind)
        if isinstance(probe, dict):
            errors += checked(_readiness if kind == "readinessProbe" else _liveness, probe, f"{path}.{kind}")
    return errors


def _readiness(probe: Manifest, path: str) -> list[FieldError]:
    errors = _probe(probe, path)
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None:
        errors.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes"))
    return errors


def _liveness(probe: Manifest, path: str) -> list[FieldError]:
    errors = _probe(probe, path)
    grace = probe.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace <= 0:
        errors.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    if probe.get("successThreshold", 1) != 1:
        errors.append(invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return errors


def _probe(probe: Manifest, path: str) -> list[FieldError]:
    errors = _handler(probe, path)
    for field in _COUNTS:
        errors += non_negative(f"{path}.{field}", probe.get(field))
    return errors


def _handler(obj: Any, path: str) -> list[FieldError]:
    kinds = [name for name in _HANDLERS if dig(obj, name) is not None]
    if not kinds:
        return [required(path, "must specify a handler type")]
    errors = _checked(kinds[0], dig(obj, kinds[0]), f"{path}.{kinds[0]}")
    errors += [forbidden(f"{path}.{kind}", "may not specify more than 1 handler type") for kind in kinds[1:]]
    return errors


def _checked(kind: str, action: Any, path: str) -> list[FieldError]:
    match kind:
        case "exec":
            return [] if dig(action, "command") else [required(f"{path}.command")]
        case "httpGet":
            errors = port_reference(dig(action, "port"), f"{path}.port")
            if text(action, "scheme") not in {"HTTP", "HTTPS"}:
                errors.append(not_supported(f"{path}.scheme", text(action, "scheme"), ("HTTP", "HTTPS")))
            for header in dicts(action, "httpHeaders"):
                name = text(header, "name")
                errors += [invalid(f"{path}.httpHeaders", name, problem) for problem in names.header_name(name)]
            return errors
        case "tcpSocket":
            return port_reference(dig(action, "port"), f"{path}.port")
        case "grpc":
            return port_reference(count(action, "port"), f"{path}.port")
        case _:
            return []


def port_reference(port: Any, path: str) -> list[FieldError]:
    """Check a port given by number or by name; an absent one is 0."""
    if isinstance(port, str):
        return [invalid(path, port, problem) for problem in names.port_name(port)]
    number = port if isinstance(port, int) else 0
    return [invalid(path, number, problem) for problem in names.port_number(number)]
