"""One application: what it promises, how it serves, what is being rolled out, and how its pods are."""

from __future__ import annotations

from kubewright.monitoring.alerts.burning import PAIRS
from kubewright.monitoring.alerts.objectives import APP_LABEL
from kubewright.monitoring.dashboards.board import (
    NAMESPACE,
    Board,
    Limits,
    Panel,
    Query,
    Row,
    Variable,
    firing,
    number,
    of,
    rate,
    rollouts,
    scalings,
)
from kubewright.monitoring.rules import span

_PLACE = {"namespace": "$namespace"}
_APP = {**_PLACE, APP_LABEL: "$app"}
_NAMED = "=~$app(-trial)?"
"""A release on trial runs beside the application, in a Deployment of this name (`workloads.rollout`)."""
_DEPLOYMENT = {**_PLACE, "deployment": _NAMED}
_PODS = (
    "* on (namespace, pod) group_left () max by (namespace, pod) "
    f"({of('namespace_workload_pod:kube_pod_owner:relabel', **_PLACE, workload='=~$app(-trial)?')})"
)
_CONTAINERS = {**_PLACE, "container": "!=", "image": "!="}
_ALL = f"sum({rate('http_requests_total', **_APP)})"
_FAILED = f"sum({rate('http_requests_total', **_APP, code='=~5..')}) or 0 * {_ALL}"
_WINDOWS = sorted({hours for pair in PAIRS for hours in (pair.short_hours, pair.long_hours)})

_OWNED = of("kube_deployment_owner", **_PLACE, owner_kind="AppService")
APP = Variable(
    "app",
    "Application",
    f'query_result(group by (app) (label_replace({_OWNED}, "app", "$1", "owner_name", "(.+)"))'
    f" or group by (app) (label_replace({of('http_requests_total', **_PLACE, appservice='!=')},"
    f' "app", "$1", "{APP_LABEL}", "(.+)")))',
    regex='/app="([^"]+)"/',
)


def _quantile(share: float) -> Query:
    buckets = rate("http_request_duration_seconds_bucket", **_APP)
    return Query(f"histogram_quantile({share}, sum by (le) ({buckets}))", f"{share * 100:g} %")


def _burn(title: str, record: str, page: str) -> Panel:
    queries = [
        Query(of(f"{record}:ratio_rate{span(hours * 3600)}", **_APP), f"within {span(hours * 3600)}")
        for hours in _WINDOWS
    ]
    about = "The share of requests that went wrong, over the windows that alerts go by. Empty without an objective."
    return Panel(title, queries, "percentunit", about=about, page=page)


def _replicas(which: str) -> str:
    return f"sum({of(f'kube_deployment_{which}', **_DEPLOYMENT)})"


def _pods(title: str, used: str, resource: str, unit: str, page: str) -> Panel:
    def said(kind: str, name: str) -> Query:
        told = of(f"kube_pod_container_resource_{kind}", **_PLACE, resource=resource)
        return Query(f"max(sum by (namespace, pod) ({told}) {_PODS})", name)

    return Panel(
        title,
        [
            Query(f"sum by (namespace, pod) ({used}) {_PODS}", "{{pod}}"),
            said("requests", "requested"),
            said("limits", "limit"),
        ],
        unit,
        width=8,
        page=page,
    )


APPLICATION = Board(
    "application",
    "Application",
    "An AppService: its objective, its requests, its rollout and its pods.",
    [
        Row(
            "Now",
            [
                number("Requests", _ALL, "reqps"),
                number(
                    "Requests that fail",
                    f"({_FAILED}) / {_ALL}",
                    "percentunit",
                    limits=Limits(0.001, 0.01),
                    page="SloErrorsBurn",
                ),
                number(
                    "99 of 100 are done in", _quantile(0.99).expr, "s", limits=Limits(0.5, 1), page="SloLatencyBurn"
                ),
                number("Pods wanted", _replicas("spec_replicas")),
                number(
                    "Pods available",
                    f"{_replicas('status_replicas_available')} / ({_replicas('spec_replicas')} > 0)",
                    "percentunit",
                    limits=Limits(1, 0.5),
                    page="KubeDeploymentReplicasMismatch",
                ),
                number(
                    "Alerts",
                    f"count({of('ALERTS', **_APP, alertstate='firing')}) or vector(0)",
                    limits=Limits(1, 2),
                ),
            ],
        ),
        Row(
            "Objective",
            [
                _burn("Requests that fail", "appservice:slo_errors", "SloErrorsBurn"),
                _burn("Requests that are slow", "appservice:slo_slow", "SloLatencyBurn"),
            ],
        ),
        Row(
            "Requests",
            [
                Panel(
                    "By answer",
                    [Query(f"sum by (code) ({rate('http_requests_total', **_APP)})", "{{code}}")],
                    "reqps",
                    "stack",
                    width=8,
                    page="SloErrorsBurn",
                ),
                Panel(
                    "How long they take",
                    [_quantile(0.5), _quantile(0.9), _quantile(0.99)],
                    "s",
                    width=8,
                    page="SloLatencyBurn",
                ),
                Panel(
                    "By pod",
                    [Query(f"sum by (pod) ({rate('http_requests_total', **_APP)})", "{{pod}}")],
                    "reqps",
                    width=8,
                    about="Pods that get much less than others are not ready, or a connection is kept too long.",
                ),
            ],
        ),
        Row(
            "Rollout",
            [
                Panel(
                    "Pods",
                    [
                        Query(_replicas("spec_replicas"), "wanted"),
                        Query(_replicas("status_replicas_updated"), "of the new release"),
                        Query(_replicas("status_replicas_available"), "available"),
                        Query(_replicas("status_replicas_unavailable"), "unavailable"),
                    ],
                    page="KubeDeploymentRolloutStuck",
                ),
                Panel(
                    "Pods of each release",
                    [
                        Query(
                            f"{of('kube_replicaset_status_ready_replicas', **_PLACE)} * on (namespace, replicaset)"
                            " group_left () max by (namespace, replicaset) "
                            f"({of('kube_replicaset_owner', **_PLACE, owner_name='=~$app(-trial)?')}) > 0",
                            "{{replicaset}}",
                        )
                    ],
                    shape="stack",
                    about="Ready pods by ReplicaSet: a rollout is one that grows while another shrinks.",
                    page="KubeDeploymentRolloutStuck",
                ),
            ],
        ),
        Row(
            "Pods",
            [
                _pods(
                    "CPU",
                    rate("container_cpu_usage_seconds_total", **_CONTAINERS),
                    "cpu",
                    "cores",
                    "CPUThrottlingHigh",
                ),
                _pods(
                    "Memory",
                    of("container_memory_working_set_bytes", **_CONTAINERS),
                    "memory",
                    "bytes",
                    "HighMemoryUsage",
                ),
                Panel(
                    "Restarts",
                    [
                        Query(
                            "sum by (namespace, pod) "
                            f"(increase({of('kube_pod_container_status_restarts_total', **_PLACE)}[$__rate_interval]))"
                            f" {_PODS}",
                            "{{pod}}",
                        )
                    ],
                    width=8,
                    page="KubePodCrashLooping",
                ),
            ],
        ),
    ],
    [NAMESPACE, APP],
    [firing(**_APP), rollouts(**_DEPLOYMENT), scalings(**_DEPLOYMENT)],
)
