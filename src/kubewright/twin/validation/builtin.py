"""The checks of each built-in kind, after decoding and defaulting."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubewright.api.meta import Manifest
from kubewright.twin.validation import (
    autoscalers,
    certificates,
    config,
    devices,
    endpoints,
    jobs,
    network,
    policies,
    ranges,
    services,
    storage,
    webhooks,
    workloads,
)
from kubewright.twin.validation.claims import validate_claim
from kubewright.twin.validation.crds import validate_crd
from kubewright.twin.validation.fields import FieldError
from kubewright.twin.validation.pods import validate_pod
from kubewright.twin.validation.statefulsets import validate_stateful_set

KindCheck = Callable[[Manifest, Manifest | None], list[FieldError]]

_RBAC = "rbac.authorization.k8s.io"
KIND_CHECKS: Mapping[tuple[str, str], KindCheck] = {
    ("", "Pod"): validate_pod,
    ("", "Service"): services.validate_service,
    ("", "Endpoints"): endpoints.validate_endpoints,
    ("", "ConfigMap"): config.validate_config_map,
    ("", "Secret"): config.validate_secret,
    ("", "Event"): config.validate_event,
    ("", "Node"): config.validate_node,
    ("", "PersistentVolumeClaim"): validate_claim,
    ("", "LimitRange"): ranges.validate_limit_range,
    ("", "ResourceQuota"): ranges.validate_quota,
    ("apps", "Deployment"): workloads.validate_deployment,
    ("apps", "ReplicaSet"): workloads.validate_replica_set,
    ("apps", "DaemonSet"): workloads.validate_daemon_set,
    ("apps", "StatefulSet"): validate_stateful_set,
    ("batch", "Job"): jobs.validate_job,
    ("batch", "CronJob"): jobs.validate_cron_job,
    ("policy", "PodDisruptionBudget"): workloads.validate_disruption_budget,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscalers.validate_autoscaler,
    ("networking.k8s.io", "NetworkPolicy"): network.validate_network_policy,
    ("networking.k8s.io", "Ingress"): network.validate_ingress,
    ("networking.k8s.io", "IPAddress"): network.validate_ip_address,
    ("networking.k8s.io", "ServiceCIDR"): network.validate_service_cidr,
    ("storage.k8s.io", "CSIDriver"): storage.validate_csi_driver,
    ("storage.k8s.io", "CSINode"): storage.validate_csi_node,
    ("storage.k8s.io", "CSIStorageCapacity"): storage.validate_storage_capacity,
    ("storage.k8s.io", "StorageClass"): storage.validate_storage_class,
    ("storage.k8s.io", "VolumeAttachment"): storage.validate_attachment,
    ("storage.k8s.io", "VolumeAttributesClass"): storage.validate_attributes_class,
    ("discovery.k8s.io", "EndpointSlice"): endpoints.validate_endpoint_slice,
    ("coordination.k8s.io", "Lease"): config.validate_lease,
    (_RBAC, "Role"): config.validate_role,
    (_RBAC, "ClusterRole"): config.validate_role,
    (_RBAC, "RoleBinding"): config.validate_binding,
    (_RBAC, "ClusterRoleBinding"): config.validate_binding,
    ("node.k8s.io", "RuntimeClass"): config.validate_runtime_class,
    ("scheduling.k8s.io", "PriorityClass"): config.validate_priority_class,
    ("certificates.k8s.io", "CertificateSigningRequest"): certificates.validate_request,
    ("resource.k8s.io", "ResourceClaim"): devices.validate_claim,
    ("resource.k8s.io", "ResourceClaimTemplate"): devices.validate_template,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): validate_crd,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): policies.validate_policy,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): policies.validate_policy_binding,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): webhooks.validate_configuration,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): webhooks.validate_configuration,
}
