"""Defaults that do not depend on anything else, by definition.

Only what Kubernetes sets in code stands here; what its OpenAPI declares as `default` is read from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CORE = "io.k8s.api.core.v1."
_MODE_0644 = 0o644
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

_CHANGED = {"lastTransitionTime": None}
_PROBED = {"lastProbeTime": None, "lastTransitionTime": None}
"""Times that Go's encoder writes as null when they are not known."""

_HOOK: Mapping[str, Any] = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
}
CONSTANTS: Mapping[str, Mapping[str, Any]] = {
    # Go writes these lists even when they were never filled: as null.
    "io.k8s.api.discovery.v1.EndpointSlice": {"endpoints": None, "ports": None},
    f"{_CORE}PodSpec": {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    },
    f"{_CORE}Container": {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    },
    f"{_CORE}EphemeralContainer": {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    },
    f"{_CORE}Probe": {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    f"{_CORE}HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    f"{_CORE}GRPCAction": {"service": ""},
    f"{_CORE}ObjectFieldSelector": {"apiVersion": "v1"},
    f"{_CORE}ContainerPort": {"protocol": "TCP"},
    f"{_CORE}SecretVolumeSource": {"defaultMode": _MODE_0644},
    f"{_CORE}ConfigMapVolumeSource": {"defaultMode": _MODE_0644},
    f"{_CORE}DownwardAPIVolumeSource": {"defaultMode": _MODE_0644},
    f"{_CORE}ProjectedVolumeSource": {"defaultMode": _MODE_0644},
    f"{_CORE}ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    f"{_CORE}HostPathVolumeSource": {"type": ""},
    f"{_CORE}Service": {"spec": {}},
    f"{_CORE}PodCondition": _PROBED,
    f"{_CORE}PersistentVolumeClaimCondition": _PROBED,
    f"{_CORE}NodeCondition": {"lastHeartbeatTime": None, "lastTransitionTime": None},
    f"{_CORE}NamespaceCondition": _CHANGED,
    f"{_CORE}ReplicationControllerCondition": _CHANGED,
    f"{_CORE}ContainerStateRunning": {"startedAt": None},
    f"{_CORE}ContainerStateTerminated": {"startedAt": None, "finishedAt": None},
    f"{_CORE}EventSeries": {"lastObservedTime": None},
    f"{_CORE}EndpointPort": {"protocol": "TCP"},
    f"{_CORE}Secret": {"type": "Opaque"},
    "io.k8s.api.events.v1.Event": {
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
        "eventTime": None,
    },
    f"{_CORE}Event": {"firstTimestamp": None, "lastTimestamp": None, "eventTime": None},
    f"{_CORE}NamespaceStatus": {"phase": "Active"},
    f"{_CORE}PersistentVolumeSpec": {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"},
    f"{_CORE}PersistentVolumeStatus": {"phase": "Pending"},
    f"{_CORE}PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    f"{_CORE}PersistentVolumeClaimStatus": {"phase": "Pending"},
    "io.k8s.api.apps.v1.DeploymentCondition": {"lastUpdateTime": None, "lastTransitionTime": None},
    "io.k8s.api.apps.v1.ReplicaSetCondition": _CHANGED,
    "io.k8s.api.apps.v1.DaemonSetCondition": _CHANGED,
    "io.k8s.api.apps.v1.StatefulSetCondition": _CHANGED,
    "io.k8s.api.batch.v1.JobCondition": _PROBED,
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerCondition": _CHANGED,
    f"{_EXTENSIONS}CustomResourceDefinitionCondition": _CHANGED,
    "io.k8s.api.apps.v1.DeploymentSpec": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    },
    "io.k8s.api.apps.v1.ReplicaSetSpec": {"replicas": 1},
    "io.k8s.api.apps.v1.DaemonSetSpec": {"revisionHistoryLimit": 10},
    "io.k8s.api.apps.v1.StatefulSetSpec": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "persistentVolumeClaimRetentionPolicy": {},
    },
    "io.k8s.api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy": {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    },
    "io.k8s.api.apps.v1.RollingUpdateDeployment": {"maxUnavailable": "25%", "maxSurge": "25%"},
    "io.k8s.api.apps.v1.RollingUpdateDaemonSet": {"maxUnavailable": 1, "maxSurge": 0},
    "io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy": {"partition": 0, "maxUnavailable": 1},
    "io.k8s.api.batch.v1.CronJobSpec": {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    },
    "io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern": {"status": "True"},
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec": {"minReplicas": 1},
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": {
        "minReplicas": 1,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    },
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior": {"scaleUp": {}, "scaleDown": {}},
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus": {"currentMetrics": None},
    "io.k8s.api.rbac.v1.ClusterRole": {"rules": None},
    "io.k8s.api.rbac.v1.Role": {"rules": None},
    "io.k8s.api.core.v1.LimitRangeSpec": {"limits": None},
    "io.k8s.api.autoscaling.v2.HPAScalingRules": {"selectPolicy": "Max"},
    "io.k8s.api.networking.v1.NetworkPolicyPort": {"protocol": "TCP"},
    "io.k8s.api.networking.v1.IngressClassParametersReference": {"scope": "Cluster"},
    "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicySpec": {"failurePolicy": "Fail"},
    "io.k8s.api.admissionregistration.v1.MatchResources": {
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
    },
    "io.k8s.api.resource.v1.ExactDeviceRequest": {"allocationMode": "ExactCount"},
    "io.k8s.api.resource.v1.DeviceSubRequest": {"allocationMode": "ExactCount"},
    "io.k8s.api.admissionregistration.v1.ValidatingWebhook": _HOOK,
    "io.k8s.api.admissionregistration.v1.MutatingWebhook": {**_HOOK, "reinvocationPolicy": "Never"},
    "io.k8s.api.admissionregistration.v1.RuleWithOperations": {"scope": "*"},
    "io.k8s.api.admissionregistration.v1.ServiceReference": {"port": 443},
    "io.k8s.api.admissionregistration.v1.NamedRuleWithOperations": {"scope": "*"},
    "io.k8s.api.discovery.v1.EndpointPort": {"name": "", "protocol": "TCP"},
    "io.k8s.api.rbac.v1.RoleRef": {"apiGroup": "rbac.authorization.k8s.io"},
    "io.k8s.api.scheduling.v1.PriorityClass": {"preemptionPolicy": "PreemptLowerPriority"},
    "io.k8s.api.storage.v1.CSIDriverSpec": {
        "attachRequired": True,
        "podInfoOnMount": False,
        "storageCapacity": False,
        "fsGroupPolicy": "ReadWriteOnceWithFSType",
        "volumeLifecycleModes": ["Persistent"],
        "requiresRepublish": False,
        "seLinuxMount": False,
        "preventPodSchedulingIfMissing": False,
    },
    "io.k8s.api.storage.v1.StorageClass": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    f"{_EXTENSIONS}CustomResourceDefinitionSpec": {"conversion": {"strategy": "None"}},
    f"{_EXTENSIONS}CustomResourceDefinitionStatus": {"conditions": None},
    f"{_EXTENSIONS}ServiceReference": {"port": 443},
}
