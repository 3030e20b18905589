"""The agent as a DaemonSet, with its account and its rights: what `kubewright agent manifest` prints.

It is privileged, since no other container is given the kernel's log or a watchdog, and the only part of the platform
that is. It sees the host's files for reading alone, and reaches nothing of the cluster but what `rights.py` says.
"""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.nodeagent import NAMESPACE
from kubewright.api.rights import account
from kubewright.healing.agent.neighbours import AGENT_PORT
from kubewright.healing.agent.rights import ACCOUNT, cluster_rules, lease_rules, own_node

HOST = "/host"
_PATHS = {
    "proc": "/proc",
    "sys": "/sys",
    "kubelet": "/var/lib/kubelet",
    "containerd": "/var/lib/containerd",
    "run-containerd": "/run/containerd",
}
_LABELS = {"app.kubernetes.io/name": ACCOUNT}


def manifests(*, image: str, self_fencing: bool = False) -> list[Manifest]:
    """Return everything, in the order in which it is applied."""
    level = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    namespace: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": level}}
    rights = account(ACCOUNT, NAMESPACE, cluster_rules(), lease_rules())
    return [namespace, *rights, *own_node(), _daemon_set(image, self_fencing=self_fencing)]


def _daemon_set(image: str, *, self_fencing: bool) -> Manifest:
    spec: Manifest = {
        "serviceAccountName": ACCOUNT,
        "hostNetwork": True,  # neighbours ask it, and the kubelet listens on loopback
        "dnsPolicy": "Default",
        "priorityClassName": "system-node-critical",
        "terminationGracePeriodSeconds": 15,
        "tolerations": [{"operator": "Exists"}],
        "containers": [_container(image, self_fencing=self_fencing)],
        "volumes": [
            {"name": name, "hostPath": {"path": path}} for name, path in (_PATHS | _devices(self_fencing)).items()
        ],
    }
    template: Manifest = {"metadata": {"labels": dict(_LABELS)}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": ACCOUNT, "namespace": NAMESPACE, "labels": dict(_LABELS)},
        "spec": {
            "selector": {"matchLabels": dict(_LABELS)},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
            "template": template,
        },
    }


def _devices(self_fencing: bool) -> dict[str, str]:
    return {"kmsg": "/dev/kmsg"} | ({"watchdog": "/dev/watchdog"} if self_fencing else {})


def _container(image: str, *, self_fencing: bool) -> Manifest:
    command = ["kubewright", "agent", "node", "--root", HOST, *(["--self-fencing"] if self_fencing else [])]
    mounts: list[dict[str, Any]] = [
        {"name": name, "mountPath": HOST + path, "readOnly": True} for name, path in _PATHS.items()
    ]
    mounts += [{"name": name, "mountPath": path} for name, path in _devices(self_fencing).items()]
    node_name = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    return {
        "name": "agent",
        "image": image,
        "command": command,
        "env": [node_name],
        "ports": [{"name": "neighbours", "containerPort": AGENT_PORT, "hostPort": AGENT_PORT}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {"privileged": True, "readOnlyRootFilesystem": True, "runAsUser": 0},
        "volumeMounts": mounts,
    }
