"""Where a kind lives under an API server's root; `RestClient` asks, tests compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource

T = TypeVar("T", bound=KubeObject)


def collection_path(resource: Resource[T], namespace: str) -> str:
    """Return the path of all objects of a kind, in one namespace or (empty) in all."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    scope = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
    return f"{root}{scope}/{resource.plural}"


def object_path(resource: Resource[T], key: ObjectKey, subresource: str = "") -> str:
    """Return the path of one object or of its subresource."""
    path = f"{collection_path(resource, key.namespace)}/{key.name}"
    return f"{path}/{subresource}" if subresource else path


def manifest_key(manifest: Manifest, namespace: str = "", name: str = "") -> ObjectKey:
    """Return the key that a manifest is written under; `namespace` and `name` go before its own."""
    metadata: Mapping[str, Any] = manifest.get("metadata") or {}
    return ObjectKey(namespace or metadata.get("namespace", ""), name or metadata.get("name", ""))
