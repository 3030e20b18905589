"""Teams and their namespaces: what they are promised, what they use, and what of theirs is not well."""

from __future__ import annotations

from kubewright.monitoring.dashboards.board import (
    OF_TEAM,
    TEAM,
    Board,
    Limits,
    Panel,
    Query,
    Row,
    firing,
    number,
    of,
    parts,
    rate,
    rollouts,
    scalings,
)

_IN = {"namespace": "=~$namespace"}
_OWNED = f"on (namespace) group_left (team) {of('namespace:team:info', team='=~$team')}"
_WORKLOAD = (
    "* on (namespace, pod) group_left (workload) max by (namespace, workload, pod) "
    f"({of('namespace_workload_pod:kube_pod_owner:relabel', **_IN)})"
)
_CONTAINERS = {**_IN, "container": "!=", "image": "!="}
_TIMES = f"{of('container_cpu_cfs_throttled_periods_total', **_IN, container='!=')}[$__rate_interval]"
_PERIODS = f"{of('container_cpu_cfs_periods_total', **_IN, container='!=')}[$__rate_interval]"


def _by_team(title: str, recorded: str, unit: str) -> Panel:
    query = Query(f"sum by (team) ({of(recorded)} * {_OWNED})", "{{team}}")
    return Panel(title, [query], unit, "stack", width=8)


def _promised(title: str, resource: str, used: str, unit: str) -> Panel:
    def said(kind: str) -> str:
        return f"sum({of(f'kube_pod_container_resource_{kind}', **_IN, resource=resource)})"

    queries = [Query(used, "used"), Query(said("requests"), "requested"), Query(said("limits"), "limit")]
    return Panel(title, queries, unit, page="KubeOvercommit")


def _by_workload(title: str, used: str, unit: str) -> Panel:
    pods = f"sum by (namespace, pod) ({used})"
    query = Query(f"topk(10, sum by (namespace, workload) ({pods} {_WORKLOAD}))", "{{namespace}}/{{workload}}")
    return Panel(title, [query], unit)


NAMESPACE_BOARD = Board(
    "namespace",
    "Namespaces and teams",
    "What teams are promised and use, and what of theirs is not well. Namespaces of nobody are the platform's.",
    [
        Row(
            "Teams",
            [
                _by_team("CPU requested", "namespace_cpu:kube_pod_container_resource_requests:sum", "cores"),
                _by_team("Memory requested", "namespace_memory:kube_pod_container_resource_requests:sum", "bytes"),
                _by_team("GPUs requested", "namespace_gpu:kube_pod_container_resource_requests:sum", "short"),
            ],
        ),
        Row(
            "Now",
            [
                number("Pods that run", f"sum({of('kube_pod_status_phase', **_IN, phase='Running')})"),
                number(
                    "Pods that are not ready",
                    f"sum({of('kube_pod_status_ready', **_IN, condition='false')}"
                    f" * on (namespace, pod) {of('kube_pod_status_phase', **_IN, phase='Running')}) or vector(0)",
                    limits=Limits(1, 5),
                    page="KubePodNotReady",
                ),
                number(
                    "Containers that cannot start",
                    f"sum({of('kube_pod_container_status_waiting_reason', **_IN, reason='!=ContainerCreating')})"
                    " or vector(0)",
                    limits=Limits(1, 5),
                    page="KubeContainerWaiting",
                ),
                number(
                    "Restarts within an hour",
                    f"sum(increase({of('kube_pod_container_status_restarts_total', **_IN)}[1h]))",
                    limits=Limits(1, 10),
                    page="KubePodCrashLooping",
                ),
                number(
                    "Alerts",
                    f"count({of('ALERTS', **_IN, alertstate='firing')}) or vector(0)",
                    limits=Limits(1, 5),
                ),
                number(
                    "Fullest quota",
                    f"max({of('kube_resourcequota', **_IN, type='used')} / ignoring (type)"
                    f" ({of('kube_resourcequota', **_IN, type='hard')} > 0))",
                    "percentunit",
                    limits=Limits(0.9, 1),
                    page="KubeQuota",
                ),
            ],
        ),
        Row(
            "Resources",
            [
                _promised("CPU", "cpu", f"sum({rate('container_cpu_usage_seconds_total', **_CONTAINERS)})", "cores"),
                _promised(
                    "Memory", "memory", f"sum({of('container_memory_working_set_bytes', **_CONTAINERS)})", "bytes"
                ),
                _by_workload("CPU by workload", rate("container_cpu_usage_seconds_total", **_CONTAINERS), "cores"),
                _by_workload("Memory by workload", of("container_memory_working_set_bytes", **_CONTAINERS), "bytes"),
            ],
        ),
        Row(
            "Held back",
            [
                Panel(
                    "Periods that the CPU limit cut short",
                    [
                        Query(
                            f"topk(10, sum by (namespace, pod, container) (increase({_TIMES}))"
                            f" / sum by (namespace, pod, container) (increase({_PERIODS})))",
                            "{{pod}} {{container}}",
                        )
                    ],
                    "percentunit",
                    width=8,
                    limits=Limits(0.25, 0.5),
                    page="CPUThrottlingHigh",
                ),
                parts(
                    "Memory of its limit",
                    "topk(10, max by (namespace, pod, container) "
                    f"({of('container_memory_working_set_bytes', **_CONTAINERS)}"
                    f" / ({of('container_spec_memory_limit_bytes', **_CONTAINERS)} > 0)))",
                    "{{pod}} {{container}}",
                    Limits(0.8, 0.9),
                    page="HighMemoryUsage",
                ),
                parts(
                    "Volumes",
                    "topk(10, max by (namespace, persistentvolumeclaim) "
                    f"({of('kubelet_volume_stats_used_bytes', **_IN)}"
                    f" / {of('kubelet_volume_stats_capacity_bytes', **_IN)}))",
                    "{{namespace}}/{{persistentvolumeclaim}}",
                    Limits(0.85, 0.97),
                    page="KubePersistentVolumeFillingUp",
                ),
            ],
        ),
    ],
    [TEAM, OF_TEAM],
    [firing(**_IN), rollouts(**_IN), scalings(**_IN)],
)
