"""What `kubewright up` must be allowed, and nothing besides: its ServiceAccount, roles and bindings.

`kubewright rbac` prints them. A verb that the platform comes to use is added here; a test runs the platform on the
twin as exactly this account.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.apiextensions import CRDS
from kubewright.api.coordination import LEASES
from kubewright.api.core import EVENTS, PODS, SERVICE_ACCOUNTS
from kubewright.api.crds.appservice import APP_SERVICE_CRD, APP_SERVICES
from kubewright.api.meta import Manifest
from kubewright.workloads.kinds import BUILT_IN, OPTIONAL

ACCOUNT = "kubewright"
_GROUP = "rbac.authorization.k8s.io"
_READ = ("get", "list", "watch")
_KEEP = (*_READ, "create", "patch", "delete")
_LABELS = {"app.kubernetes.io/name": "kubewright"}


def manifests(namespace: str) -> list[Manifest]:
    """Return the account in a namespace and its rights; leases are kept in the same namespace."""
    account = {"kind": SERVICE_ACCOUNTS.kind, "name": ACCOUNT, "namespace": namespace}
    return [
        _manifest(SERVICE_ACCOUNTS.api_version, SERVICE_ACCOUNTS.kind, namespace, {}),
        _manifest(f"{_GROUP}/v1", "ClusterRole", "", {"rules": cluster_rules()}),
        _manifest(f"{_GROUP}/v1", "ClusterRoleBinding", "", _binding("ClusterRole", account)),
        _manifest(f"{_GROUP}/v1", "Role", namespace, {"rules": lease_rules()}),
        _manifest(f"{_GROUP}/v1", "RoleBinding", namespace, _binding("Role", account)),
    ]


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definitions."""
    ours = (APP_SERVICE_CRD["metadata"]["name"],)
    others = tuple(f"{kind.plural}.{kind.group}" for kind in OPTIONAL)
    return [
        _rule(APP_SERVICES.group, [APP_SERVICES.plural], (*_READ, "patch")),
        _rule(APP_SERVICES.group, [f"{APP_SERVICES.plural}/status"], ("patch",)),
        *(_rule(kind.group, [kind.plural], _KEEP) for kind in (*BUILT_IN, *OPTIONAL)),
        # Trouble is told by pods and by events; nobody's Secrets are read.
        _rule(PODS.group, [PODS.plural], ("list", "watch")),
        _rule(EVENTS.group, [EVENTS.plural], ("create", "patch", "list", "watch")),
        # Who creates something cannot be held to a name: it has none yet.
        _rule(CRDS.group, [CRDS.plural], ("create",)),
        {**_rule(CRDS.group, [CRDS.plural], (*_READ, "patch")), "resourceNames": list(ours)},
        {**_rule(CRDS.group, [CRDS.plural], ("list", "watch")), "resourceNames": list(others)},
    ]


def lease_rules() -> list[Manifest]:
    """Return the rights that electing a leader takes."""
    return [_rule(LEASES.group, [LEASES.plural], ("get", "create", "update"))]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> Manifest:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _binding(role_kind: str, account: Manifest) -> Manifest:
    return {"roleRef": {"apiGroup": _GROUP, "kind": role_kind, "name": ACCOUNT}, "subjects": [account]}


def _manifest(api_version: str, kind: str, namespace: str, content: Manifest) -> Manifest:
    metadata: Manifest = {"name": ACCOUNT, "labels": dict(_LABELS)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
