"""Containers of a pod: names, images, ports, environment, mounts and resources."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import count, dicts, dig, text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from kubewright.twin.validation.numbers import container_resources
from kubewright.twin.validation.parts import checked
from kubewright.twin.validation.probes import validate_probes

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_NO_SOURCE = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
_ONLY_SIDECARS = "may not be set for init containers without restartPolicy=Always"


def validate_containers(pod_spec: Any, volumes: set[str], path: str) -> list[FieldError]:
    """Check containers and init containers; `path` is that of the pod spec."""
    containers = dicts(pod_spec, "containers")
    here = f"{path}.containers"
    if not containers:
        return [required(here), *_init_containers(pod_spec, volumes, path)]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, container in enumerate(containers):
        errors += _container(container, volumes, f"{here}[{index}]", seen)
        errors += validate_probes(container, f"{here}[{index}]")
    errors += _host_port_conflicts(containers, here)
    if pod_spec.get("hostNetwork"):
        errors += _host_ports(containers, here)
    return errors + _init_containers(pod_spec, volumes, path) + _ephemeral_containers(pod_spec, volumes, path)


def _init_containers(pod_spec: Any, volumes: set[str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen = {text(container, "name") for container in dicts(pod_spec, "containers")}
    for index, container in enumerate(dicts(pod_spec, "initContainers")):
        here = f"{path}.initContainers[{index}]"
        errors += _container(container, volumes, here, seen)
        if text(container, "restartPolicy") == "Always":
            errors += validate_probes(container, here)
        else:
            fields = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
            errors += [forbidden(f"{here}.{field}", _ONLY_SIDECARS) for field in fields if field in container]
    return errors


def _ephemeral_containers(pod_spec: Any, volumes: set[str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    lists = ("containers", "initContainers")
    targets = {text(container, "name") for part in lists for container in dicts(pod_spec, part)}
    seen = set(targets)
    for index, container in enumerate(dicts(pod_spec, "ephemeralContainers")):
        here = f"{path}.ephemeralContainers[{index}]"
        errors += _container(container, volumes, here, seen)
        target = text(container, "targetContainerName")
        if target and target not in targets:
            errors.append(not_found(f"{here}.targetContainerName", target))
        errors += [forbidden(f"{here}.{field}", _NOT_EPHEMERAL) for field in _LASTING if container.get(field)]
        for number, mount in enumerate(dicts(container, "volumeMounts")):
            at = f"{here}.volumeMounts[{number}]"
            errors += [
                forbidden(f"{at}.{field}", _NOT_EPHEMERAL) for field in ("subPath", "subPathExpr") if mount.get(field)
            ]
    return errors


_NOT_EPHEMERAL = "cannot be set for an Ephemeral Container"
_LASTING = ("ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


def _container(container: Manifest, volumes: set[str], path: str, seen: set[str]) -> list[FieldError]:
    name = text(container, "name")
    errors = [invalid(f"{path}.name", name, p) for p in names.dns_label(name)] if name else [required(f"{path}.name")]
    if not text(container, "image"):
        errors.append(required(f"{path}.image"))
    policy = text(container, "terminationMessagePolicy")
    if policy and policy not in _MESSAGE_POLICIES:
        errors.append(not_supported(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES))
    if "ports" in container:
        errors += checked(_ports, container["ports"], f"{path}.ports")
    errors += _env(container, f"{path}.env")
    errors += _env_from(container, f"{path}.envFrom")
    errors += _mounts(container, volumes, f"{path}.volumeMounts")
    pull = text(container, "imagePullPolicy")
    if pull and pull not in _PULL_POLICIES:
        errors.append(not_supported(f"{path}.imagePullPolicy", pull, _PULL_POLICIES))
    if container.get("resources"):
        errors += checked(container_resources, container["resources"], f"{path}.resources")
    errors += _security(container, f"{path}.securityContext")
    if name in seen:
        errors.append(duplicate(f"{path}.name", name))
    seen.add(name)
    return errors


def _ports(ports: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(dicts(ports)):
        here, name = f"{path}[{index}]", text(port, "name")
        problems = names.port_name(name) if name else ()
        errors += [invalid(f"{here}.name", name, problem) for problem in problems]
        if name in seen:
            errors.append(duplicate(f"{here}.name", name))
        elif name and not problems:
            seen.add(name)
        number, host = count(port, "containerPort"), count(port, "hostPort")
        if not number:
            errors.append(required(f"{here}.containerPort"))
        else:
            errors += [invalid(f"{here}.containerPort", number, problem) for problem in names.port_number(number)]
        if host:
            errors += [invalid(f"{here}.hostPort", host, problem) for problem in names.port_number(host)]
        errors += protocol(text(port, "protocol"), here)
    return errors


def protocol(value: str, path: str) -> list[FieldError]:
    """Check a port's protocol."""
    if not value:
        return [required(f"{path}.protocol")]
    return [] if value in _PROTOCOLS else [not_supported(f"{path}.protocol", value, _PROTOCOLS)]


def _host_port_conflicts(containers: list[Manifest], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, container in enumerate(containers):
        for number, port in enumerate(dicts(container, "ports")):
            host = count(port, "hostPort")
            key = f"{text(port, 'protocol')}/{text(port, 'hostIP')}/{host}"
            if host and key in seen:
                errors.append(duplicate(f"{path}[{index}].ports[{number}].hostPort", key))
            seen.add(key)
    return errors


def _host_ports(containers: list[Manifest], path: str) -> list[FieldError]:
    """On the node's own network a container's port is the node's."""
    detail = "must match `containerPort` when `hostNetwork` is true"
    return [
        invalid(f"{path}[{index}].ports[{number}].hostPort", count(port, "hostPort"), detail)
        for index, container in enumerate(containers)
        for number, port in enumerate(dicts(container, "ports"))
        if count(port, "hostPort") != count(port, "containerPort")
    ]


def _env(container: Manifest, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, variable in enumerate(dicts(container, "env")):
        here, name = f"{path}[{index}]", text(variable, "name")
        if not name:
            errors.append(required(f"{here}.name"))
        else:
            errors += [invalid(f"{here}.name", name, problem) for problem in names.env_name(name)]
        source = variable.get("valueFrom")
        if source is not None:
            errors += _value_from(variable, source, f"{here}.valueFrom")
    return errors


def _value_from(variable: Manifest, source: Any, path: str) -> list[FieldError]:
    given = [name for name in _SOURCES if dig(source, name) is not None]
    errors: list[FieldError] = []
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if kind in given:
            errors += _key_reference(dig(source, kind), f"{path}.{kind}")
    if not given:
        errors.append(invalid(path, "", _NO_SOURCE))
    elif text(variable, "value"):
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def _key_reference(reference: Any, path: str) -> list[FieldError]:
    key, name = text(reference, "key"), text(reference, "name")
    errors = [invalid(f"{path}.name", name, problem) for problem in names.dns_subdomain(name)]
    if not key:
        return [*errors, required(f"{path}.key")]
    return errors + [invalid(f"{path}.key", key, problem) for problem in names.config_key(key)]


def _env_from(container: Manifest, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, source in enumerate(dicts(container, "envFrom")):
        given = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        if not given:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(given) > 1:
            errors.append(invalid(path, "", "may not have more than one field specified at a time"))
        errors += [required(f"{path}[{index}].{kind}.name") for kind in given if not text(source, kind, "name")]
    return errors


def _mounts(container: Manifest, volumes: set[str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, mount in enumerate(dicts(container, "volumeMounts")):
        here, name, target = f"{path}[{index}]", text(mount, "name"), text(mount, "mountPath")
        if not name:
            errors.append(required(f"{here}.name"))
        if name not in volumes:
            errors.append(not_found(f"{here}.name", name))
        if not target:
            errors.append(required(f"{here}.mountPath"))
        if target in seen:
            errors.append(invalid(f"{here}.mountPath", target, "must be unique"))
        seen.add(target)
    return errors


def _security(container: Manifest, path: str) -> list[FieldError]:
    context = container.get("securityContext")
    if not isinstance(context, dict) or dig(context, "allowPrivilegeEscalation") is not False:
        return []
    errors: list[FieldError] = []
    if dig(context, "privileged"):
        detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        errors.append(invalid(path, context, detail))
    return errors
