"""What several alerts and dashboards ask for, recorded once. Names are kube-prometheus' where it records the same."""

from __future__ import annotations

from kubewright.monitoring.rules import Group, Recording

_ALIVE = 'max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running"} == 1)'
_CPU_USED = 'container_cpu_usage_seconds_total{container!="",image!=""}'
_MEMORY_USED = 'container_memory_working_set_bytes{container!="",image!=""}'


def _requested(resource: str) -> str:
    by_pod = (
        "sum by (namespace, pod) (max by (namespace, pod, container) "
        f'(kube_pod_container_resource_requests{{resource="{resource}"}}))'
    )
    return f"sum by (namespace) ({by_pod} * on (namespace, pod) group_left () {_ALIVE})"


def _owned(kind: str) -> Recording:
    """Record which pods a workload has; those of a Deployment are its ReplicaSets'."""
    if kind == "Deployment":
        pods = 'label_replace(kube_pod_owner{owner_kind="ReplicaSet"}, "replicaset", "$1", "owner_name", "(.+)")'
        sets = 'label_replace(kube_replicaset_owner{owner_kind="Deployment"}, "workload", "$1", "owner_name", "(.+)")'
        by_set = f"max by (namespace, replicaset, workload) ({sets})"
        named = f"{pods} * on (namespace, replicaset) group_left (workload) {by_set}"
    else:
        named = f'label_replace(kube_pod_owner{{owner_kind="{kind}"}}, "workload", "$1", "owner_name", "(.+)")'
    return Recording(
        "namespace_workload_pod:kube_pod_owner:relabel",
        f"max by (namespace, workload, pod) ({named})",
        {"workload_type": kind.lower()},
    )


RECORDED = Group(
    "kubewright-recorded",
    (
        Recording("namespace_cpu:kube_pod_container_resource_requests:sum", _requested("cpu")),
        Recording("namespace_memory:kube_pod_container_resource_requests:sum", _requested("memory")),
        Recording("namespace_gpu:kube_pod_container_resource_requests:sum", _requested("nvidia_com_gpu")),
        Recording(
            "namespace:container_cpu_usage_seconds_total:sum_rate5m", f"sum by (namespace) (rate({_CPU_USED}[5m]))"
        ),
        Recording("namespace:container_memory_working_set_bytes:sum", f"sum by (namespace) ({_MEMORY_USED})"),
        Recording(
            "node:node_cpu_utilisation:ratio_rate5m",
            'avg by (node) (sum without (mode) (rate(node_cpu_seconds_total{mode!~"idle|iowait|steal"}[5m])))',
        ),
        Recording(
            "node:node_memory_utilisation:ratio",
            "avg by (node) (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
        ),
        *(_owned(kind) for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job")),
        Recording("namespace:gpu_utilisation:avg", 'avg by (namespace) (DCGM_FI_DEV_GPU_UTIL{pod!=""} / 100)'),
    ),
)
