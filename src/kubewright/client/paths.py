"""Where a kind lives under an API server's root; `RestClient` asks, tests compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.errors import ErrorKind, OpError

T = TypeVar("T", bound=KubeObject)

_NO_NAMES = frozenset({"", ".", ".."})


def collection_path(resource: Resource[T], namespace: str) -> str:
    """Return the path of all objects of a kind, in one namespace or (empty) in all; raises OpError as `object_path`."""
    if namespace and not _is_segment(namespace):
        raise _nothing(resource.target(ObjectKey(namespace, "*")), namespace)
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    scope = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
    return f"{root}{scope}/{resource.plural}"


def object_path(resource: Resource[T], key: ObjectKey, subresource: str = "") -> str:
    """Return the path of one object or of its subresource.

    Raises OpError NOT_FOUND for a name that none can have, as client-go's `rest.IsValidPathSegmentName` refuses it: an
    empty one would be the path of all objects, one with a slash that of something else.
    """
    if not _is_segment(key.name):
        raise _nothing(resource.target(key), key.name)
    path = f"{collection_path(resource, key.namespace)}/{key.name}"
    return f"{path}/{subresource}" if subresource else path


def _is_segment(name: str) -> bool:
    return name not in _NO_NAMES and "/" not in name


def _nothing(target: str, name: str) -> OpError:
    return OpError("client.path", ErrorKind.NOT_FOUND, target, f"nothing can have the name {name!r}")


def manifest_key(manifest: Manifest, namespace: str = "", name: str = "") -> ObjectKey:
    """Return the key that a manifest is written under; `namespace` and `name` go before its own."""
    metadata: Mapping[str, Any] = manifest.get("metadata") or {}
    return ObjectKey(namespace or metadata.get("namespace", ""), name or metadata.get("name", ""))
