"""ServiceAccount: every pod has an account that exists, its pull secrets, and by default its token.

A server without a service-account controller would refuse every pod; so, as tests against a bare kube-apiserver do,
the check for the `default` account is only made once `Twin` asks for it.
"""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.reading import as_dict, as_list, dicts, text

_DEFAULT = "default"
_MIRROR = "kubernetes.io/config.mirror"
_MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
_NAMESPACE_FIELD = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
_PROJECTED: Manifest = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": _NAMESPACE_FIELD}]}},
    ],
    "defaultMode": 0o644,
}
"""Shared by all pods, like everything that is stored: nothing changes it in place."""


def complete(attempt: Attempt) -> None:
    """Name the pod's account and mount its token."""
    spec = attempt.spec
    if _MIRROR in as_dict(attempt.obj["metadata"].get("annotations")):
        if spec.get("serviceAccountName"):
            raise attempt.refused("a mirror pod may not reference service accounts")
        return
    name = spec.setdefault("serviceAccountName", _DEFAULT)
    spec["serviceAccount"] = name
    account = _account(attempt, name)
    if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(each) for each in as_list(account["imagePullSecrets"])]
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    if wanted is not False:
        _mount_token(attempt, spec)


def _account(attempt: Attempt, name: str) -> Manifest:
    key = ObjectKey(attempt.target.namespace, name)
    record = attempt.registry.store.get(("", "serviceaccounts"), key)
    if record is not None:
        return record.obj
    if name == _DEFAULT and not attempt.registry.accounts_needed:
        return {}
    raise attempt.refused(f'error looking up service account {key}: serviceaccount "{name}" not found')


def _mount_token(attempt: Attempt, spec: dict[str, Any]) -> None:
    volumes = dicts(spec, "volumes")
    name = next((text(each, "name") for each in volumes if text(each, "name").startswith(VOLUME_PREFIX)), "")
    bare = [
        container
        for container in (*dicts(spec, "initContainers"), *dicts(spec, "containers"))
        if all(mount.get("mountPath") != _MOUNT_PATH for mount in dicts(container, "volumeMounts"))
    ]
    if not bare:
        return
    if not name:
        name = attempt.registry.suffixed(VOLUME_PREFIX)
        spec["volumes"] = [*volumes, {"name": name, "projected": _PROJECTED}]
    for container in bare:
        mount = {"name": name, "readOnly": True, "mountPath": _MOUNT_PATH}
        container["volumeMounts"] = [*dicts(container, "volumeMounts"), mount]
