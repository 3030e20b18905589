"""Renders objects as a Table, with the columns of their kind. Called by the get, list and watch verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import Column, KindInfo
from kubewright.twin.reading import as_dict
from kubewright.twin.tables import cluster, network, storage, workloads
from kubewright.twin.tables.custom import custom_row
from kubewright.twin.tables.pods import pod_conditions, pod_row

IncludeObject = Literal["None", "Metadata", "Object"]
Row = Callable[[Manifest, float], list[Any]]

_ROWS: dict[str, Row] = {
    "Pod": pod_row,
    "PodTemplate": workloads.pod_template_row,
    "Deployment": workloads.deployment_row,
    "ReplicaSet": workloads.replica_set_row,
    "ReplicationController": workloads.replica_set_row,
    "Scale": workloads.scale_row,
    "DaemonSet": workloads.daemon_set_row,
    "StatefulSet": workloads.stateful_set_row,
    "Job": workloads.job_row,
    "CronJob": workloads.cron_job_row,
    "PodDisruptionBudget": workloads.disruption_budget_row,
    "HorizontalPodAutoscaler": workloads.autoscaler_row,
    "Service": network.service_row,
    "Endpoints": network.endpoints_row,
    "EndpointSlice": network.endpoint_slice_row,
    "Ingress": network.ingress_row,
    "IngressClass": network.ingress_class_row,
    "NetworkPolicy": network.network_policy_row,
    "ServiceCIDR": network.service_cidr_row,
    "IPAddress": network.ip_address_row,
    "Node": cluster.node_row,
    "CertificateSigningRequest": cluster.signing_request_row,
    "Namespace": cluster.namespace_row,
    "ConfigMap": cluster.config_map_row,
    "Secret": cluster.secret_row,
    "ServiceAccount": cluster.aged_row,
    "ResourceQuota": cluster.quota_row,
    "Lease": cluster.lease_row,
    "Event": cluster.event_row,
    "RoleBinding": cluster.binding_row,
    "ClusterRoleBinding": cluster.binding_row,
    "PriorityClass": cluster.priority_class_row,
    "MutatingWebhookConfiguration": cluster.webhooks_row,
    "ValidatingWebhookConfiguration": cluster.webhooks_row,
    "PersistentVolume": storage.volume_row,
    "PersistentVolumeClaim": storage.claim_row,
    "StorageClass": storage.storage_class_row,
    "VolumeAttributesClass": storage.attributes_class_row,
    "VolumeAttachment": storage.attachment_row,
    "CSIDriver": storage.csi_driver_row,
    "CSINode": storage.csi_node_row,
    "CustomResourceDefinition": cluster.crd_row,
    "DeviceClass": cluster.aged_row,
    "ResourceClaimTemplate": cluster.aged_row,
}
_NAME = Column("Name", "string", "name", 0)
_CREATED = (_NAME, Column("Created At", "date", "", 0))
_AGE = Column("Age", "date", "", 0, ".metadata.creationTimestamp")


def render_table(
    kind: KindInfo, objects: list[Manifest], now: float, *, include_object: IncludeObject = "Metadata"
) -> Manifest:
    """Return a meta.k8s.io/v1 Table; `now` is in seconds since 1970. The caller sets the list's metadata."""
    columns = columns_of(kind)
    row_of = _row_function(kind, columns)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(kind, obj, row_of, now, include_object) for obj in objects],
    }


def columns_of(kind: KindInfo) -> tuple[Column, ...]:
    """Return the columns that a kind's Table has."""
    if kind.custom:
        return kind.columns or (_NAME, _AGE)
    return kind.columns if kind.columns and kind.kind in _ROWS else _CREATED


def _row_function(kind: KindInfo, columns: tuple[Column, ...]) -> Row:
    if kind.custom:
        return lambda obj, now: custom_row(obj, columns, now)
    return _ROWS.get(kind.kind, cluster.created_row) if kind.columns else cluster.created_row


def _definition(column: Column) -> Manifest:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(kind: KindInfo, obj: Manifest, row_of: Row, now: float, include_object: IncludeObject) -> Manifest:
    row: Manifest = {"cells": row_of(obj, now)}
    if not kind.custom and kind.kind == "Pod" and (conditions := pod_conditions(obj)):
        row["conditions"] = conditions
    match include_object:
        case "Object":
            row["object"] = {"kind": kind.kind, "apiVersion": kind.api_version, **obj}
        case "Metadata":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": as_dict(obj.get("metadata")),
            }
        case _:
            # Without the object kubectl still needs a name to print for events of a watch.
            row["object"] = None
    return row


def partial_metadata(obj: Manifest) -> Manifest:
    """Return an object as `as=PartialObjectMetadata` asks for it."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": as_dict(obj.get("metadata")),
    }
