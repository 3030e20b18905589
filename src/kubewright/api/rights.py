"""A service's ServiceAccount with its roles and bindings: what it must be allowed, and nothing besides.

Each service lists its rules beside its code; `kubewright rbac` prints what is made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubewright.api.apiextensions import CRDS
from kubewright.api.coordination import LEASES
from kubewright.api.core import SERVICE_ACCOUNTS
from kubewright.api.meta import Manifest, Resource

GROUP = "rbac.authorization.k8s.io"
WATCH = ("list", "watch")
READ = ("get", *WATCH)
_LABELS = {"app.kubernetes.io/name": "kubewright"}


def rule(
    resource: Resource[Any], verbs: Sequence[str], *, subresource: str = "", names: Sequence[str] = ()
) -> Manifest:
    """Allow verbs on a kind, on a subresource of it, or on certain objects of it."""
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    found: Manifest = {"apiGroups": [resource.group], "resources": [plural], "verbs": list(verbs)}
    return found | ({"resourceNames": list(names)} if names else {})


def definition_rules(crds: Sequence[Manifest]) -> list[Manifest]:
    """Allow to install these definitions, and to bring them up to date."""
    return [
        # Who creates something cannot be held to a name: it has none yet.
        rule(CRDS, ("create",)),
        rule(CRDS, ("get", "patch"), names=tuple(each["metadata"]["name"] for each in crds)),
    ]


ELECTION = (rule(LEASES, ("get", "create", "update")),)
"""What it takes to elect a leader."""


def account(
    name: str,
    namespace: str,
    cluster_rules: Sequence[Manifest],
    own_rules: Sequence[Manifest] = ELECTION,
    cluster_roles: Sequence[str] = (),
) -> list[Manifest]:
    """Return an account in a namespace with rights in all, and with those in its own: by default to elect a leader.

    `cluster_roles` are bound to it as well: roles that the cluster brings itself (`system:auth-delegator`).
    """
    subject = {"kind": SERVICE_ACCOUNTS.kind, "name": name, "namespace": namespace}

    def manifest(api_version: str, kind: str, place: str, content: Manifest) -> Manifest:
        metadata: Manifest = {"name": name, "labels": dict(_LABELS)}
        if place:
            metadata["namespace"] = place
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}

    def bound(role_kind: str, role: str = name) -> Manifest:
        return {"roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": role}, "subjects": [dict(subject)]}

    def given(role: str) -> Manifest:
        found = manifest(f"{GROUP}/v1", "ClusterRoleBinding", "", bound("ClusterRole", role))
        return found | {"metadata": {**found["metadata"], "name": f"{name}-{role.removeprefix('system:')}"}}

    return [
        manifest(SERVICE_ACCOUNTS.api_version, SERVICE_ACCOUNTS.kind, namespace, {}),
        manifest(f"{GROUP}/v1", "ClusterRole", "", {"rules": list(cluster_rules)}),
        manifest(f"{GROUP}/v1", "ClusterRoleBinding", "", bound("ClusterRole")),
        manifest(f"{GROUP}/v1", "Role", namespace, {"rules": list(own_rules)}),
        manifest(f"{GROUP}/v1", "RoleBinding", namespace, bound("Role")),
        *map(given, cluster_roles),
    ]
