"""The pod that every workload of an application is made of."""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.appservice import AppService, EnvVar
from kubewright.api.crds.appservice.container import EnvSource, KeyOf
from kubewright.workloads.children import mesh, ports, volumes
from kubewright.workloads.children.account import account_name
from kubewright.workloads.children.amounts import resources
from kubewright.workloads.children.identity import labels, present
from kubewright.workloads.children.placement import placement
from kubewright.workloads.children.probes import probes
from kubewright.workloads.children.security import container_security, pod_security

CONTAINER = "app"
RESTART_ANNOTATION = "kubewright.dev/restarted-at"
"""On an AppService: whoever changes it has the pods replaced."""

_USUAL_STOP_SECONDS = 30


def pod_template(app: AppService, **more: Any) -> dict[str, Any]:
    """Return the template; `more` are fields of the pod that depend on the workload."""
    restarted = app.metadata.annotations.get(RESTART_ANNOTATION, "")
    marks = present(**{RESTART_ANNOTATION: restarted})
    annotations = mesh.pod_annotations(app) | marks
    return {
        "metadata": {"labels": labels(app) | mesh.pod_labels(app)} | present(annotations=annotations),
        "spec": _pod(app) | more,
    }


def _pod(app: AppService) -> dict[str, Any]:
    said = app.spec
    return {
        "automountServiceAccountToken": said.security.token,
        "securityContext": pod_security(app),
        "containers": [_container(app)],
        **present(
            serviceAccountName=account_name(app),
            imagePullSecrets=[{"name": name} for name in said.pull_secrets],
            volumes=volumes.volumes(app),
            terminationGracePeriodSeconds=said.stop_seconds if said.stop_seconds != _USUAL_STOP_SECONDS else None,
        ),
        **placement(app),
    }


def _container(app: AppService) -> dict[str, Any]:
    said = app.spec
    return {
        "name": CONTAINER,
        "image": said.image,
        "imagePullPolicy": said.pull_policy,
        **present(
            command=list(said.command),
            args=list(said.args),
            ports=[ports.container_port(port) for port in said.ports],
            env=[_variable(variable) for variable in said.env],
            envFrom=[_variables(source) for source in said.env_from],
        ),
        "resources": resources(app),
        "securityContext": container_security(app),
        **present(volumeMounts=volumes.mounts(app)),
        **probes(app),
    }


def _variable(variable: EnvVar) -> dict[str, Any]:
    if variable.from_config_map is not None:
        return {"name": variable.name, "valueFrom": {"configMapKeyRef": _key(variable.from_config_map)}}
    if variable.from_secret is not None:
        return {"name": variable.name, "valueFrom": {"secretKeyRef": _key(variable.from_secret)}}
    if variable.from_field:
        return {"name": variable.name, "valueFrom": {"fieldRef": {"fieldPath": variable.from_field}}}
    return {"name": variable.name, "value": variable.value}


def _key(key: KeyOf) -> dict[str, Any]:
    return {"name": key.name, "key": key.key} | present(optional=key.optional)


def _variables(source: EnvSource) -> dict[str, Any]:
    kind = "secretRef" if source.secret else "configMapRef"
    reference = {"name": source.secret or source.config_map} | present(optional=source.optional)
    return {kind: reference} | present(prefix=source.prefix)
