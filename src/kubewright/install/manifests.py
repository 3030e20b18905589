"""The objects of an installation, in the order in which they are applied. Pure; everything else is made of these.

Definitions come first, then accounts with their rights, then what runs: at no time does a process run that may not do
its work. Pods keep to the Pod Security Standard `restricted`, and their namespace enforces it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubewright.api.crds import all_crds
from kubewright.api.meta import Manifest
from kubewright.api.rights import account
from kubewright.client.incluster import SERVICE_ACCOUNT
from kubewright.install.given import MOUNTED, given
from kubewright.install.services import ALL, PAGES, PARTS, Part, together
from kubewright.install.settings import Settings

PORT = 8080
USER = 65532
"""Nobody's number on a node; images without a shell use it for `nonroot`."""
IDENTITY = "identity"
TOKEN_SECONDS = 3600
"""For how long a token is good; the kubelet renews it in time, and it is read anew."""
PART_OF = {"app.kubernetes.io/part-of": "kubewright"}
REASONS = {
    "kubewright-tenancy": {"checkov.io/skip1": "CKV_K8S_158=it writes the three roles that teams share, by their names"}
}
"""Why a role has what graders warn of."""
KEEP = {"helm.sh/resource-policy": "keep"}
"""With a definition every object of its kind goes, so nothing that uninstalls takes it along."""


def manifests(settings: Settings) -> list[Manifest]:
    """Return everything."""
    return [namespace(settings), *definitions(), *(each for group in groups(settings).values() for each in group)]


def namespace(settings: Settings) -> Manifest:
    """Return the services' namespace."""
    level = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return _object("v1", "Namespace", settings.namespace, "", level)


def definitions() -> list[Manifest]:
    """Return the definitions of every kind."""
    return [
        each | {"metadata": each["metadata"] | {"labels": dict(PART_OF), "annotations": dict(KEEP)}}
        for each in all_crds()
    ]


def groups(settings: Settings) -> dict[str, list[Manifest]]:
    """Return what belongs to each service, and under the empty name what belongs to all of them."""
    shared = {"": [_network_policy(settings)]}
    alone = settings.services
    if settings.together:
        # Who serves pages has every replica serve them, whoever leads: that is a process of its own in any case.
        alone = tuple(name for name in settings.services if PARTS[name].pages)
        several = replace(settings, services=tuple(name for name in settings.services if name not in alone))
        rules = together(several.services)
        part = Part("kubewright", lambda: rules, prometheus=True, memory_request="1Gi", memory_limit="4Gi")
        shared[ALL] = _service(several, ALL, part)
    return shared | {name: _service(settings, name, PARTS[name]) for name in alone}


def _service(settings: Settings, name: str, part: Part) -> list[Manifest]:
    rights = account(part.account, settings.namespace, part.cluster_rules())
    for each in rights:
        each["metadata"]["labels"] |= PART_OF
        if each["kind"] == "ClusterRole" and part.account in REASONS:
            each["metadata"]["annotations"] = dict(REASONS[part.account])
    return [*rights, _service_object(settings, name, part), _budget(settings, name), _deployment(settings, name, part)]


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": "kubewright", "app.kubernetes.io/component": name}


def _object(api_version: str, kind: str, name: str, place: str, labels: dict[str, str], **content: Any) -> Manifest:
    metadata: Manifest = {"name": name} | ({"namespace": place} if place else {}) | {"labels": {**PART_OF, **labels}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _service_object(settings: Settings, name: str, part: Part) -> Manifest:
    """Return what Prometheus finds the metrics by, and people the pages."""
    port = {"name": "metrics", "port": PORT, "targetPort": "metrics", "protocol": "TCP"}
    spec: Manifest = {"selector": _labels(name), "ports": [port]}
    spec["ports"] += (
        {"name": each, "port": number, "targetPort": each, "protocol": "TCP"}
        for each, number in given(settings, name).ports.items()
    )
    if part.pages:
        spec["ports"].append({"name": "pages", "port": 80, "targetPort": "pages", "protocol": "TCP"})
        spec["sessionAffinity"] = "ClientIP"  # each replica seals sessions by a key of its own
    return _object("v1", "Service", f"kubewright-{name}", settings.namespace, _labels(name), spec=spec)


def _budget(settings: Settings, name: str) -> Manifest:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": _labels(name)}}
    place = settings.namespace
    return _object("policy/v1", "PodDisruptionBudget", f"kubewright-{name}", place, _labels(name), spec=spec)


def _network_policy(settings: Settings) -> Manifest:
    """Let metrics, probes and people in, and nothing else; the services reach the API server and what they are told."""
    spec: Manifest = {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "kubewright"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": [{"port": port, "protocol": "TCP"} for port in _ports(settings)]}],
        "egress": [{}],
    }
    return _object("networking.k8s.io/v1", "NetworkPolicy", "kubewright", settings.namespace, {}, spec=spec)


def _ports(settings: Settings) -> list[int]:
    own = (number for name in (*settings.services, ALL) for number in given(settings, name).ports.values())
    return list(dict.fromkeys((PORT, PAGES, *own)))


def _deployment(settings: Settings, name: str, part: Part) -> Manifest:
    labels = _labels(name)
    version = {"app.kubernetes.io/version": settings.version}
    apart: Manifest = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": dict(labels)}}
    pod: Manifest = {
        "serviceAccountName": part.account,
        "automountServiceAccountToken": False,  # it is mounted below, for an hour at a time
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": apart}]
            }
        },
        "containers": [_container(settings, name, part)],
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
            _identity(),
            *({"name": each, **source} for each, source in given(settings, name).volumes.items()),
        ],
    }
    template: Manifest = {"metadata": {"labels": {**labels, **PART_OF, **version}}, "spec": pod}
    spec: Manifest = {
        "replicas": settings.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": dict(labels)},
        # A replica more before one less: there is always one that can lead.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": template,
    }
    place = settings.namespace
    return _object("apps/v1", "Deployment", f"kubewright-{name}", place, {**labels, **version}, spec=spec)


def _identity() -> Manifest:
    """Return the volume in which clients look for a pod's token, the cluster's CA and the namespace."""
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    sources: list[Manifest] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": IDENTITY, "projected": {"defaultMode": 0o440, "sources": sources}}


def _container(settings: Settings, name: str, part: Part) -> Manifest:
    def probe(path: str, **times: int) -> Manifest:
        return {"httpGet": {"path": path, "port": "metrics"}, **times}

    named = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    return {
        "name": "kubewright",
        "image": settings.image,
        "imagePullPolicy": "Always",
        "args": arguments(settings, name, part),
        "env": [named],
        "ports": [
            {"name": "metrics", "containerPort": PORT, "protocol": "TCP"},
            *([{"name": "pages", "containerPort": part.pages, "protocol": "TCP"}] if part.pages else []),
            *(
                {"name": each, "containerPort": number, "protocol": "TCP"}
                for each, number in given(settings, name).ports.items()
            ),
        ],
        "startupProbe": probe("/healthz", periodSeconds=2, failureThreshold=30),
        "livenessProbe": probe("/livez", periodSeconds=10, timeoutSeconds=5, failureThreshold=6),
        "readinessProbe": probe("/readyz", periodSeconds=5, timeoutSeconds=5),
        "resources": {
            "requests": {"cpu": "50m", "memory": part.memory_request, "ephemeral-storage": "64Mi"},
            "limits": {"cpu": "2", "memory": part.memory_limit, "ephemeral-storage": "256Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the one place that can be written
            {"name": IDENTITY, "mountPath": str(SERVICE_ACCOUNT), "readOnly": True},
            *(
                {"name": each, "mountPath": str(MOUNTED / each), "readOnly": True}
                for each in given(settings, name).volumes
            ),
        ],
    }


def arguments(settings: Settings, name: str, part: Part) -> list[str]:
    """Return what the program is called with."""
    what = ["up", "--services", ",".join(settings.services)] if name == ALL else ["run", name]
    place = ["--lease-namespace", settings.namespace, "--listen", f"0.0.0.0:{PORT}", "-v"]
    measured = [f"--prometheus={settings.prometheus}"] if part.prometheus else []
    return [*what, *part.options, *given(settings, name).options, *place, *measured]
