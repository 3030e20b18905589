"""Defaults that depend on their neighbours, by definition: image tags, service types, hosts' ports, limits."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text

_CORE = "io.k8s.api.core.v1."
_APPS = "io.k8s.api.apps.v1."
_MAX_INT32 = 2**31 - 1
_AFFINITY_SECONDS = 10800


def image_tag(image: str) -> str:
    """Return an image's tag, `latest` when it names neither tag nor digest, "" with a digest alone."""
    name, _, digest = image.partition("@")
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    return tag or ("" if digest else "latest")


def _container(obj: Manifest) -> None:
    obj.setdefault("imagePullPolicy", "Always" if image_tag(text(obj, "image")) == "latest" else "IfNotPresent")


def _volume(obj: Manifest) -> None:
    if not obj.keys() - {"name"}:
        obj["emptyDir"] = {}
    image = obj.get("image")
    if isinstance(image, dict):
        latest = image_tag(text(image, "reference")) == "latest"
        as_dict(image).setdefault("pullPolicy", "Always" if latest else "IfNotPresent")


def _pod_spec(obj: Manifest) -> None:
    account = text(obj, "serviceAccountName") or text(obj, "serviceAccount")
    if account:
        obj["serviceAccountName"] = obj["serviceAccount"] = account


def _pod(obj: Manifest) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    known = as_dict(spec)
    if known.get("enableServiceLinks") is None:
        known["enableServiceLinks"] = True
    for container in dicts(known, "containers") + dicts(known, "initContainers"):
        _requests_from_limits(container)
        if known.get("hostNetwork"):
            for port in dicts(container, "ports"):
                if not port.get("hostPort"):
                    port["hostPort"] = port.get("containerPort")
    grace = known.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace < 0:
        known["terminationGracePeriodSeconds"] = 1


def _requests_from_limits(container: Manifest) -> None:
    limits = as_dict(dig(container, "resources", "limits"))
    requests = as_dict(dig(container, "resources", "requests"))
    if limits.keys() - requests.keys():
        container["resources"]["requests"] = {**limits, **requests}


def _pod_status(obj: Manifest) -> None:
    ip, ips = text(obj, "podIP"), dicts(obj, "podIPs")
    if ip and (not ips or text(ips[0], "ip") != ip):
        obj["podIPs"] = [{"ip": ip}]
    elif ips and not ip:
        obj["podIP"] = text(ips[0], "ip")


def _secret(obj: Manifest) -> None:
    plain = as_dict(obj.pop("stringData", None))
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        obj["data"] = {**as_dict(obj.get("data")), **encoded}


def _stateful_set_spec(obj: Manifest) -> None:
    _rolling("updateStrategy")(obj)
    for claim in dicts(obj, "volumeClaimTemplates"):
        claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}


def _node_status(obj: Manifest) -> None:
    if "allocatable" not in obj and obj.get("capacity"):
        obj["allocatable"] = dict(as_dict(obj["capacity"]))


def _namespace(obj: Manifest) -> None:
    metadata = obj.get("metadata")
    if isinstance(metadata, dict) and text(metadata, "name"):
        known = as_dict(metadata)
        known["labels"] = {**as_dict(known.get("labels")), "kubernetes.io/metadata.name": text(known, "name")}


def _service(obj: Manifest) -> None:
    spec = as_dict(obj.get("spec"))
    affinity = spec.setdefault("sessionAffinity", "None")
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP" and dig(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds") is None:
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}}
    kind = spec.setdefault("type", "ClusterIP")
    for port in dicts(spec, "ports"):
        port["protocol"] = port.get("protocol") or "TCP"
        port["targetPort"] = port.get("targetPort") or port.get("port")
    if kind in {"NodePort", "LoadBalancer"} or (kind == "ClusterIP" and as_list(spec.get("externalIPs"))):
        spec["externalTrafficPolicy"] = spec.get("externalTrafficPolicy") or "Cluster"
    if kind != "ExternalName" and spec.get("internalTrafficPolicy") is None:
        spec["internalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer":
        _load_balancer(obj, spec)


def _load_balancer(obj: Manifest, spec: Manifest) -> None:
    if spec.get("allocateLoadBalancerNodePorts") is None:
        spec["allocateLoadBalancerNodePorts"] = True
    for ingress in dicts(obj, "status", "loadBalancer", "ingress"):
        if ingress.get("ip"):
            ingress.setdefault("ipMode", "VIP")


def _rolling(field: str) -> Callable[[Manifest], None]:
    def fill(obj: Manifest) -> None:
        strategy = obj[field] = as_dict(obj.get(field))
        kind = strategy["type"] = strategy.get("type") or "RollingUpdate"
        if kind == "RollingUpdate" and strategy.get("rollingUpdate") is None:
            strategy["rollingUpdate"] = {}

    return fill


def _job(obj: Manifest) -> None:
    labels = dig(obj, "spec", "template", "metadata", "labels")
    metadata = obj.get("metadata")
    if labels and isinstance(metadata, dict):
        as_dict(metadata).setdefault("labels", dict(labels))
    spec = obj.get("spec")
    if isinstance(spec, dict):
        # Only a Job of its own gets these; the template inside a CronJob is completed when it becomes one.
        known = as_dict(spec)
        if "completions" not in known and "parallelism" not in known:
            known["completions"] = 1
        known.setdefault("parallelism", 1)
        known.setdefault("backoffLimit", _MAX_INT32 if "backoffLimitPerIndex" in known else 6)
        known.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in known else "TerminatingOrFailed")
        known.setdefault("completionMode", "NonIndexed")
        known.setdefault("suspend", False)
        known.setdefault("manualSelector", False)


def _network_policy(obj: Manifest) -> None:
    spec = as_dict(obj.get("spec"))
    if not as_list(spec.get("policyTypes")):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if as_list(spec.get("egress")) else [])]


def _subject(obj: Manifest) -> None:
    if obj.get("kind") in {"User", "Group"}:
        obj["apiGroup"] = obj.get("apiGroup") or "rbac.authorization.k8s.io"


def _autoscaler_behavior(obj: Manifest) -> None:
    up, down = as_dict(obj.get("scaleUp")), as_dict(obj.get("scaleDown"))
    up.setdefault("stabilizationWindowSeconds", 0)
    up.setdefault(
        "policies",
        [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}],
    )
    down.setdefault("policies", [{"type": "Percent", "value": 100, "periodSeconds": 15}])


def _crd(obj: Manifest) -> None:
    names = as_dict(dig(obj, "spec", "names"))
    kind = text(names, "kind")
    if kind:
        names["singular"] = names.get("singular") or kind.lower()
        names["listKind"] = names.get("listKind") or f"{kind}List"
    if not dig(obj, "status", "storedVersions"):
        stored = [text(version, "name") for version in dicts(obj, "spec", "versions") if version.get("storage")][:1]
        status = obj["status"] = as_dict(obj.get("status"))
        status["storedVersions"] = stored


def _limit(obj: Manifest) -> None:
    if obj.get("type") != "Container":
        return
    most, least = as_dict(obj.get("max")), as_dict(obj.get("min"))
    default = {**most, **as_dict(obj.get("default"))}
    request = {**least, **default, **as_dict(obj.get("defaultRequest"))}
    obj.update({name: amounts for name, amounts in (("default", default), ("defaultRequest", request)) if amounts})


def _device_request(obj: Manifest) -> None:
    if obj.get("allocationMode", "ExactCount") == "ExactCount":
        obj["count"] = obj.get("count") or 1


COMPUTED: Mapping[str, Callable[[Manifest], Any]] = {
    f"{_CORE}Container": _container,
    f"{_CORE}EphemeralContainer": _container,
    f"{_CORE}Volume": _volume,
    f"{_CORE}PodSpec": _pod_spec,
    f"{_CORE}Pod": _pod,
    f"{_CORE}PodStatus": _pod_status,
    f"{_CORE}NodeStatus": _node_status,
    f"{_CORE}Namespace": _namespace,
    f"{_CORE}Service": _service,
    f"{_CORE}LimitRangeItem": _limit,
    f"{_APPS}DeploymentSpec": _rolling("strategy"),
    f"{_APPS}DaemonSetSpec": _rolling("updateStrategy"),
    f"{_APPS}StatefulSetSpec": _stateful_set_spec,
    f"{_CORE}Secret": _secret,
    "io.k8s.api.resource.v1.ExactDeviceRequest": _device_request,
    "io.k8s.api.resource.v1.DeviceSubRequest": _device_request,
    "io.k8s.api.batch.v1.Job": _job,
    "io.k8s.api.networking.v1.NetworkPolicy": _network_policy,
    "io.k8s.api.rbac.v1.Subject": _subject,
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior": _autoscaler_behavior,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition": _crd,
}
