"""The whole cluster at a glance."""

from __future__ import annotations

from dataclasses import replace

from kubewright.monitoring.dashboards.board import (
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
)

_SHARE = Limits(0.8, 0.95)
_USED_CPU = of("node:node_cpu_utilisation:ratio_rate5m")
_USED_MEMORY = of("node:node_memory_utilisation:ratio")


def _allocatable(resource: str) -> str:
    return f"sum({of('kube_node_status_allocatable', resource=resource)})"


def _requested(resource: str) -> str:
    recorded = {"cpu": "cpu", "memory": "memory", "nvidia_com_gpu": "gpu"}[resource]
    return f"sum({of(f'namespace_{recorded}:kube_pod_container_resource_requests:sum')})"


def _capacity(title: str, resource: str, used: str, unit: str) -> Panel:
    queries = [
        Query(_allocatable(resource), "allocatable"),
        Query(_requested(resource), "requested"),
        Query(used, "used"),
    ]
    about = "What nodes have for pods, what pods were promised, and what they use of it."
    return Panel(title, queries, unit, width=8, about=about, page="KubeOvercommit")


def _ranked(title: str, by_node: str, limits: Limits, page: str, about: str = "") -> Panel:
    panel = parts(title, f"topk(10, {by_node})", "{{node}}", limits, page=page)
    return replace(panel, shape="ranking", about=about, leads_to="node")


FLEET = Board(
    "fleet",
    "Fleet",
    "How much there is, how much of it is promised and used, and what is not well.",
    [
        Row(
            "Now",
            [
                number("Nodes", f"count({of('kube_node_info')})"),
                number(
                    "Nodes that are not ready",
                    f"sum({of('kube_node_status_condition', condition='Ready', status='true')} == bool 0)",
                    limits=Limits(1, 3),
                    page="KubeNodeNotReady",
                ),
                number(
                    "Pods that wait for a node",
                    f"sum({of('kube_pod_status_scheduled', condition='false')}) or vector(0)",
                    limits=Limits(1, 20),
                    page="SchedulerQueueAge",
                ),
                number(
                    "Alerts",
                    f"count({of('ALERTS', alertstate='firing', severity='=~critical|warning')}) or vector(0)",
                    limits=Limits(1, 10),
                ),
                number(
                    "CPU promised", f"{_requested('cpu')} / {_allocatable('cpu')}", "percentunit", limits=Limits(0.9, 1)
                ),
                number(
                    "Memory promised",
                    f"{_requested('memory')} / {_allocatable('memory')}",
                    "percentunit",
                    limits=Limits(0.9, 1),
                ),
            ],
        ),
        Row(
            "Capacity",
            [
                _capacity(
                    "CPU", "cpu", f"sum({of('namespace:container_cpu_usage_seconds_total:sum_rate5m')})", "cores"
                ),
                _capacity(
                    "Memory", "memory", f"sum({of('namespace:container_memory_working_set_bytes:sum')})", "bytes"
                ),
                _capacity("GPUs", "nvidia_com_gpu", f"sum({of('DCGM_FI_DEV_GPU_UTIL')}) / 100", "short"),
            ],
        ),
        Row(
            "Nodes",
            [
                _ranked("Busiest by CPU", _USED_CPU, _SHARE, "NodeSystemSaturation"),
                _ranked("Fullest by memory", _USED_MEMORY, _SHARE, "NodeMemoryHighUtilization"),
                _ranked(
                    "Where processes wait for CPU",
                    f"sum by (node) ({rate('node_pressure_cpu_waiting_seconds_total')})",
                    Limits(0.2, 0.5),
                    "NodeSystemSaturation",
                    about="The share of time in which some process was ready to run and did not (pressure stall).",
                ),
            ],
        ),
        Row(
            "Workloads",
            [
                Panel(
                    "Pods by phase",
                    [Query(f"sum by (phase) ({of('kube_pod_status_phase')})", "{{phase}}")],
                    shape="stack",
                    width=8,
                ),
                Panel(
                    "Restarts within an hour",
                    [
                        Query(
                            "topk(10, sum by (namespace, pod) "
                            f"(increase({of('kube_pod_container_status_restarts_total')}[1h])) > 0)",
                            "{{namespace}}/{{pod}}",
                        )
                    ],
                    shape="ranking",
                    width=8,
                    limits=Limits(2, 5),
                    page="KubePodCrashLooping",
                    leads_to="namespace",
                ),
                Panel(
                    "Deployments that lack pods",
                    [
                        Query(
                            f"sum by (namespace, deployment) ({of('kube_deployment_status_replicas_unavailable')}) > 0",
                            "{{namespace}}/{{deployment}}",
                        )
                    ],
                    shape="table",
                    width=8,
                    page="KubeDeploymentReplicasMismatch",
                    leads_to="namespace",
                ),
            ],
        ),
        Row(
            "API server",
            [
                Panel(
                    "Requests",
                    [Query(f"sum by (code) ({rate('apiserver_request_total')})", "{{code}}")],
                    "reqps",
                    "stack",
                    width=8,
                    page="KubeAPIErrorBudgetBurn",
                ),
                Panel(
                    "How long they take, of 99 in a hundred",
                    [
                        Query(
                            "histogram_quantile(0.99, sum by (verb, le) "
                            f"({rate('apiserver_request_sli_duration_seconds_bucket')}))",
                            "{{verb}}",
                        )
                    ],
                    "s",
                    width=8,
                    limits=Limits(1, 5),
                    page="KubeAPIErrorBudgetBurn",
                ),
                Panel(
                    "What it keeps most of",
                    [Query(f"topk(10, max by (resource) ({of('apiserver_resource_objects')}))", "{{resource}}")],
                    shape="ranking",
                    width=8,
                ),
            ],
        ),
    ],
    marks=[firing()],
)
