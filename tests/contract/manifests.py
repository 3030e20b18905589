"""Small manifests that the cases create and change."""

from __future__ import annotations

import itertools
import os
from typing import Any

GROUP = "contract.example.com"
ROOT = f"/apis/{GROUP}/v1"

_numbers = itertools.count(1)


def config_map(name: str, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}
    return document if data is None else {**document, "data": data}


def pod(name: str, *, containers: list[dict[str, Any]] | None = None, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": "nginx:1"}] if containers is None else containers
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": containers, **spec},
    }


def deployment(name: str, replicas: int = 1, *, image: str = "nginx:1", **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def replica_set(name: str, replicas: int = 1, **spec: Any) -> dict[str, Any]:
    return {**deployment(name, replicas, **spec), "kind": "ReplicaSet"}


def service(name: str, *, ports: list[dict[str, Any]] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports or [{"port": 80}], **spec},
    }


def owned_by(owner: dict[str, Any], document: dict[str, Any], *, block: bool = True) -> dict[str, Any]:
    """Make a document depend on one that was read."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": block,
    }
    return {**document, "metadata": {**document["metadata"], "ownerReferences": [reference]}}


def crd(schema: dict[str, Any], *, scope: str = "Namespaced", **version: Any) -> dict[str, Any]:
    """Define a new kind, of a name that no other case uses."""
    number = f"{os.getpid()}x{next(_numbers)}"
    names = {"plural": f"things{number}", "singular": f"thing{number}", "kind": f"Thing{number}"}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{GROUP}"},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": [served]},
    }


def custom(definition: dict[str, Any], name: str, version: str = "v1", **fields: Any) -> dict[str, Any]:
    """Make an object of a kind defined by `crd`."""
    kind = definition["spec"]["names"]["kind"]
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": name}, **fields}


def schema(**properties: Any) -> dict[str, Any]:
    """Give a schema whose spec has these properties, and a free status."""
    return {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": properties},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }


def cron_job(name: str, *, schedule: str = "* * * * *", **spec: Any) -> dict[str, Any]:
    """Make a CronJob whose Jobs are done at once on simulated nodes."""
    notes = {"twin.kubewright.dev/exit-after": "0.1"}
    pod_spec = {"containers": [{"name": "main", "image": "nginx:1"}], "restartPolicy": "Never"}
    template = {"metadata": {"annotations": notes}, "spec": pod_spec}
    job = {"metadata": {"labels": {"made-by": name}}, "spec": {"template": template}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": schedule, "jobTemplate": job, **spec},
    }
