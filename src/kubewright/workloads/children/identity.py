"""What every child is called and labelled, and how it is put together."""

from __future__ import annotations

import hashlib
from typing import Any

from kubewright.api.crds.appservice import NAME_LABEL, TEAM_LABEL, AppService
from kubewright.api.meta import Manifest, Resource

SERVICE_NAME_MAX = 63
"""Also the most that a label's value may have."""
_DIGEST = 8
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "kubewright"


def selector(app: AppService) -> dict[str, str]:
    """Return the labels that choose the application's pods."""
    return {NAME_LABEL: app.metadata.name}


def labels(app: AppService) -> dict[str, str]:
    """Return the labels of every child and pod."""
    team = {TEAM_LABEL: app.spec.team} if app.spec.team else {}
    return {"app.kubernetes.io/name": app.metadata.name, MANAGED_BY_LABEL: MANAGED_BY, **selector(app), **team}


def child(
    app: AppService,
    resource: Resource[Any],
    *,
    suffix: str = "",
    annotations: dict[str, str] | None = None,
    **content: Any,
) -> Manifest:
    """Return a child: `content` is its spec, data and so on; its name is the application's and `suffix`."""
    metadata: dict[str, Any] = {
        "name": f"{app.metadata.name}{suffix}",
        "namespace": app.metadata.namespace,
        "labels": labels(app),
    }
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **content}


def suffixed(name: str, suffix: str) -> str:
    """Return a name with a suffix that a Service, too, may have: what is too long is cut and told apart by a digest."""
    if len(name) + len(suffix) <= SERVICE_NAME_MAX:
        return f"{name}{suffix}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    kept = name[: SERVICE_NAME_MAX - len(suffix) - _DIGEST - 1].rstrip("-")
    return f"{kept}-{digest}{suffix}"


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something: not None, not False, and no empty text, mapping or list."""
    return {name: value for name, value in fields.items() if value or type(value) is int}
