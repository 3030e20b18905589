"""Nodes, namespaces, quotas, volumes, claims, storage classes and services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity
from kubewright.twin.exporters.state.families import (
    KindState,
    StateFamily,
    conditions,
    created,
    flag,
    info,
    joined,
    many,
    named,
    phase,
    resource_samples,
)
from kubewright.twin.exporters.text import Sample
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text

_ROLE = "node-role.kubernetes.io/"
_VOLUME_PHASES = ("Pending", "Available", "Bound", "Released", "Failed")
_CLAIM_PHASES = ("Lost", "Bound", "Pending")


def _node_info(node: Manifest) -> dict[str, str]:
    system = as_dict(dig(node, "status", "nodeInfo"))
    addresses = dicts(node, "status", "addresses")
    return {
        "kernel_version": text(system, "kernelVersion"),
        "os_image": text(system, "osImage"),
        "container_runtime_version": text(system, "containerRuntimeVersion"),
        "kubelet_version": text(system, "kubeletVersion"),
        "kubeproxy_version": "deprecated",
        "provider_id": text(node, "spec", "providerID"),
        "pod_cidr": text(node, "spec", "podCIDR"),
        "system_uuid": text(system, "systemUUID"),
        "internal_ip": next((text(each, "address") for each in addresses if each.get("type") == "InternalIP"), ""),
    }


def _roles(node: Manifest, own: str) -> Iterable[Sample]:
    known = as_dict(node["metadata"].get("labels"))
    return [(joined(own, role=key.removeprefix(_ROLE)), 1) for key in known if key.startswith(_ROLE)]


def _taints(node: Manifest, own: str) -> Iterable[Sample]:
    return [
        (joined(own, key=text(each, "key"), value=text(each, "value"), effect=text(each, "effect")), 1)
        for each in dicts(node, "spec", "taints")
    ]


def _resources(field: str) -> StateFamily:
    def samples(node: Manifest, own: str) -> Iterable[Sample]:
        return resource_samples(own, as_dict(dig(node, "status", field)))

    return many(f"kube_node_status_{field}", f"The {field} for different resources of a node.", samples)


NODES = KindState(
    ("", "nodes"),
    "*v1.Node",
    named("node"),
    (
        info("kube_node_info", "Information about a cluster node.", _node_info),
        created("kube_node"),
        many("kube_node_role", "The role of a cluster node.", _roles),
        flag("kube_node_spec_unschedulable", "Whether a node can schedule new pods.", "spec", "unschedulable"),
        many("kube_node_spec_taint", "The taint of a cluster node.", _taints),
        conditions("kube_node_status_condition", "The condition of a cluster node."),
        _resources("capacity"),
        _resources("allocatable"),
    ),
)

NAMESPACES = KindState(
    ("", "namespaces"),
    "*v1.Namespace",
    named("namespace"),
    (
        created("kube_namespace"),
        phase("kube_namespace_status_phase", "kubernetes namespace status phase.", ("Active", "Terminating")),
    ),
)


def _quota(quota: Manifest, own: str) -> Iterable[Sample]:
    for type_ in ("hard", "used"):
        for resource, amount in as_dict(dig(quota, "status", type_)).items():
            yield joined(own, resource=resource, type=type_), float(parse_quantity(amount))


QUOTAS = KindState(
    ("", "resourcequotas"),
    "*v1.ResourceQuota",
    named("resourcequota"),
    (created("kube_resourcequota"), many("kube_resourcequota", "Information about resource quota.", _quota)),
)


def _bytes(name: str, help_: str, *path: str) -> StateFamily:
    def samples(obj: Manifest, own: str) -> Iterable[Sample]:
        amount: Any = dig(obj, *path)
        return () if amount is None else ((own, float(parse_quantity(amount))),)

    return many(name, help_, samples)


VOLUMES = KindState(
    ("", "persistentvolumes"),
    "*v1.PersistentVolume",
    named("persistentvolume"),
    (
        created("kube_persistentvolume"),
        phase("kube_persistentvolume_status_phase", "The phase of a volume.", _VOLUME_PHASES),
        _bytes("kube_persistentvolume_capacity_bytes", "Capacity in bytes.", "spec", "capacity", "storage"),
        info(
            "kube_persistentvolume_info",
            "Information about persistentvolume.",
            lambda volume: {
                "storageclass": text(volume, "spec", "storageClassName"),
                "csi_driver": text(volume, "spec", "csi", "driver"),
            },
        ),
        info(
            "kube_persistentvolume_claim_ref",
            "Information about the claim of a volume.",
            lambda volume: {
                "name": text(volume, "spec", "claimRef", "name"),
                "claim_namespace": text(volume, "spec", "claimRef", "namespace"),
            },
        ),
    ),
)


def _access_modes(claim: Manifest, own: str) -> Iterable[Sample]:
    return [(joined(own, access_mode=str(mode)), 1) for mode in as_list(dig(claim, "spec", "accessModes"))]


CLAIMS = KindState(
    ("", "persistentvolumeclaims"),
    "*v1.PersistentVolumeClaim",
    named("persistentvolumeclaim"),
    (
        created("kube_persistentvolumeclaim"),
        info(
            "kube_persistentvolumeclaim_info",
            "Information about persistent volume claim.",
            lambda claim: {
                "storageclass": text(claim, "spec", "storageClassName"),
                "volumename": text(claim, "spec", "volumeName"),
                "volumemode": text(claim, "spec", "volumeMode"),
            },
        ),
        info("kube_persistentvolumeclaim_labels", "Kubernetes labels as Prometheus labels.", lambda _claim: {}),
        many("kube_persistentvolumeclaim_access_mode", "The access mode(s) of the claim.", _access_modes),
        phase("kube_persistentvolumeclaim_status_phase", "The phase the claim is in.", _CLAIM_PHASES),
        _bytes(
            "kube_persistentvolumeclaim_resource_requests_storage_bytes",
            "The capacity of storage requested.",
            *("spec", "resources", "requests", "storage"),
        ),
    ),
)

STORAGE_CLASSES = KindState(
    ("storage.k8s.io", "storageclasses"),
    "*v1.StorageClass",
    named("storageclass"),
    (
        created("kube_storageclass"),
        info(
            "kube_storageclass_info",
            "Information about storageclass.",
            lambda each: {
                "provisioner": text(each, "provisioner"),
                "reclaim_policy": text(each, "reclaimPolicy"),
                "volume_binding_mode": text(each, "volumeBindingMode"),
            },
        ),
    ),
)

SERVICES = KindState(
    ("", "services"),
    "*v1.Service",
    named("service", uid=True),
    (
        created("kube_service"),
        info(
            "kube_service_info",
            "Information about service.",
            lambda service: {
                "cluster_ip": text(service, "spec", "clusterIP"),
                "external_name": text(service, "spec", "externalName"),
                "load_balancer_ip": text(service, "spec", "loadBalancerIP"),
            },
        ),
        info("kube_service_spec_type", "Type about service.", lambda service: {"type": text(service, "spec", "type")}),
    ),
)
