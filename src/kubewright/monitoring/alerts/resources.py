"""Alerts about what a cluster has and what was promised of it."""

from __future__ import annotations

from kubewright.monitoring.rules import Alert, Group

_QUOTA = 'kube_resourcequota{type="used"} / ignoring (type) (kube_resourcequota{type="hard"} > 0)'
_QUOTA_NAMED = "{{ $labels.resource }} of quota {{ $labels.namespace }}/{{ $labels.resourcequota }}"
_FREE = "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes"
_CLAIM = "{{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }}"


def _overcommit(resource: str) -> str:
    allocatable = f'kube_node_status_allocatable{{resource="{resource}"}}'
    requested = f"sum(namespace_{resource}:kube_pod_container_resource_requests:sum)"
    return f"{requested} - (sum({allocatable}) - max({allocatable})) > 0 and count({allocatable}) > 1"


RESOURCES = Group(
    "kubewright-resources",
    (
        Alert(
            "KubeCPUOvercommit",
            _overcommit("cpu"),
            "The cluster could not lose a node: CPU",
            "Without its largest node the cluster lacks {{ $value | humanize }} cores of what pods request.",
            minutes=10,
            page="KubeOvercommit",
        ),
        Alert(
            "KubeMemoryOvercommit",
            _overcommit("memory"),
            "The cluster could not lose a node: memory",
            "Without its largest node the cluster lacks {{ $value | humanize1024 }}B of what pods request.",
            minutes=10,
            page="KubeOvercommit",
        ),
        Alert(
            "KubeQuotaAlmostFull",
            f"{_QUOTA} > 0.9 < 1",
            "Namespace {{ $labels.namespace }} has almost used up a quota",
            f"{{{{ $value | humanizePercentage }}}} of {_QUOTA_NAMED} is used.",
            minutes=15,
            severity="info",
            page="KubeQuota",
        ),
        Alert(
            "KubeQuotaFullyUsed",
            f"{_QUOTA} == 1",
            "Namespace {{ $labels.namespace }} has used up a quota",
            f"All of {_QUOTA_NAMED} is used: more is refused.",
            minutes=15,
            severity="info",
            page="KubeQuota",
        ),
        Alert(
            "KubeQuotaExceeded",
            f"{_QUOTA} > 1",
            "Namespace {{ $labels.namespace }} is beyond a quota",
            f"{{{{ $value | humanizePercentage }}}} of {_QUOTA_NAMED} is used: it was lowered, or came later.",
            minutes=15,
            page="KubeQuota",
        ),
        Alert(
            "KubePersistentVolumeFillingUp",
            f"{_FREE} < 0.03",
            f"Claim {_CLAIM} is full but for {{{{ $value | humanizePercentage }}}}",
            f"Claim {_CLAIM} has {{{{ $value | humanizePercentage }}}} of its space left.",
            minutes=1,
            severity="critical",
        ),
        Alert(
            "KubePersistentVolumeFillingUp",
            f"{_FREE} < 0.15 and predict_linear(kubelet_volume_stats_available_bytes[6h], 4 * 24 * 3600) < 0",
            f"Claim {_CLAIM} will be full within four days",
            f"Claim {_CLAIM} has {{{{ $value | humanizePercentage }}}} of its space left, and it goes down.",
            minutes=60,
        ),
    ),
)
