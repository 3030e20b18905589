"""Autoscaling: what autoscalers ask for, whether they may and get it, and what load they answer."""

from __future__ import annotations

from kubewright.monitoring.dashboards.board import (
    NAMESPACE,
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
    scalings,
)

_IN = {"namespace": "$namespace"}
_NAMED = "{{horizontalpodautoscaler}}"
_SCALER = "namespace, horizontalpodautoscaler"


def _replicas(which: str) -> str:
    return of(f"kube_horizontalpodautoscaler_{which}", **_IN)


def _policy(which: str) -> str:
    return f"max by (namespace, scalepolicy) ({of(f'kubewright_scalepolicy_{which}', **_IN)})"


def _share(used: str, requested: str) -> str:
    promised = of("kube_pod_container_resource_requests", **_IN, resource=requested)
    return f"sum by (namespace) ({used}) / sum by (namespace) ({promised})"


_BLIND = of("kube_horizontalpodautoscaler_status_condition", **_IN, condition="ScalingActive", status="false")
_TARGET = (
    "max by (namespace, horizontalpodautoscaler, deployment) (label_replace("
    f"{of('kube_horizontalpodautoscaler_info', **_IN, scaletargetref_kind='Deployment')}, "
    '"deployment", "$1", "scaletargetref_name", "(.+)"))'
)
_AVAILABLE = f"max by (namespace, deployment) ({of('kube_deployment_status_replicas_available', **_IN)})"
_MISSING = (
    f"max by (namespace, deployment) ({_replicas('status_desired_replicas')}"
    f" * on ({_SCALER}) group_left (deployment) {_TARGET}) - on (namespace, deployment) {_AVAILABLE} > 0"
)

AUTOSCALING = Board(
    "autoscaling",
    "Autoscaling",
    "What autoscalers ask for, what they get, and the load that they answer.",
    [
        Row(
            "Now",
            [
                number("Autoscalers", f"count({_replicas('spec_max_replicas')})"),
                number(
                    "At their maximum",
                    f"sum({_replicas('status_current_replicas')} >= bool {_replicas('spec_max_replicas')})",
                    limits=Limits(1, 3),
                    page="KubeHpaMaxedOut",
                ),
                number(
                    "That cannot read their metrics",
                    f"sum({_BLIND})",
                    limits=Limits(1, 2),
                    page="KubeHpaMaxedOut",
                ),
                number("Pods wanted", f"sum({_replicas('status_desired_replicas')})"),
                number("Pods missing", f"sum({_MISSING}) or vector(0)", limits=Limits(1, 10), page="ScaleUpTooSlow"),
                number(
                    "Pods that wait for a node",
                    f"sum({of('kube_pod_status_scheduled', **_IN, condition='false')})",
                    limits=Limits(1, 10),
                    page="SchedulerQueueAge",
                ),
            ],
        ),
        Row(
            "Replicas",
            [
                Panel("Wanted", [Query(_replicas("status_desired_replicas"), _NAMED)], width=8),
                Panel("There", [Query(_replicas("status_current_replicas"), _NAMED)], width=8),
                Panel(
                    "Asked for and not available",
                    [Query(_MISSING, "{{deployment}}")],
                    width=8,
                    about="Pods that an autoscaler asked for and that do not serve yet: start-up time, or no room.",
                    page="ScaleUpTooSlow",
                ),
                Panel(
                    "Of the maximum",
                    [Query(f"{_replicas('status_current_replicas')} / {_replicas('spec_max_replicas')}", _NAMED)],
                    "percentunit",
                    limits=Limits(0.8, 1),
                    highest=1,
                    page="KubeHpaMaxedOut",
                ),
                Panel(
                    "Times that a Deployment was scaled, within an hour",
                    [Query(f"changes({of('kube_deployment_spec_replicas', **_IN)}[1h]) > 0", "{{deployment}}")],
                    about="Many mean that the autoscaler follows noise: a longer stabilisation window helps.",
                ),
            ],
        ),
        Row(
            "ScalePolicies",
            [
                Panel(
                    "Pods that there should be",
                    [
                        Query(_policy("desired_replicas"), "{{scalepolicy}}"),
                        Query(_policy("current_replicas"), "{{scalepolicy}}, wanted now"),
                        Query(f"{_policy('forecast_replicas')} > 0", "{{scalepolicy}}, by the forecast"),
                    ],
                    width=8,
                    about="They differ while a policy only recommends, or a change waits its time.",
                ),
                parts(
                    "Of the maximum",
                    f"{_policy('desired_replicas')} / {_policy('max_replicas')}",
                    "{{scalepolicy}}",
                    Limits(0.8, 1),
                    page="KubeHpaMaxedOut",
                ),
                Panel(
                    "Metrics that could not be measured",
                    [Query(f"{_policy('failing_metrics')} > 0", "{{scalepolicy}}")],
                    shape="table",
                    width=8,
                    about="Meanwhile the last safe number of pods, or the policy's fallback, holds.",
                ),
            ],
        ),
        Row(
            "Load",
            [
                Panel(
                    "CPU used of what is requested",
                    [
                        Query(
                            _share(rate("container_cpu_usage_seconds_total", **_IN, container="!=", image="!="), "cpu"),
                            "used",
                        )
                    ],
                    "percentunit",
                    width=8,
                ),
                Panel(
                    "Memory used of what is requested",
                    [
                        Query(
                            _share(
                                of("container_memory_working_set_bytes", **_IN, container="!=", image="!="), "memory"
                            ),
                            "used",
                        )
                    ],
                    "percentunit",
                    width=8,
                ),
                Panel(
                    "Requests",
                    [
                        Query(
                            f"sum by (namespace, appservice) ({rate('http_requests_total', **_IN, appservice='!=')})",
                            "{{appservice}}",
                        )
                    ],
                    "reqps",
                    width=8,
                    leads_to="application",
                ),
            ],
        ),
    ],
    [NAMESPACE],
    [firing(alertname="=~KubeHpaMaxedOut|ScaleUpTooSlow", **_IN), scalings(**_IN)],
)
