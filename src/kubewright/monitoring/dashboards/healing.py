"""Healing: what is broken now, for how long, and whether kubewright, which is told of it, is well."""

from __future__ import annotations

from kubewright.monitoring.dashboards.board import Board, Limits, Panel, Query, Row, firing, number, of, rate

_OURS = {"job": "kubewright"}
_WHERE = "{{namespace}}/{{pod}}"
_UNREACHABLE = of("kube_node_spec_taint", key="node.kubernetes.io/unreachable", effect="NoSchedule")
_NOT_READY = f"{of('kube_node_status_condition', condition='Ready', status='true')} == 0"
_LOOPING = of("kube_pod_container_status_waiting_reason", reason="CrashLoopBackOff")
_WAITING = of("kube_pod_container_status_waiting_reason", reason="!~CrashLoopBackOff|ContainerCreating")
_RECONCILED = rate("controller_runtime_reconcile_total", **_OURS)

HEALING = Board(
    "healing",
    "Healing",
    "What is broken, for how long, and whether those who mend it are well.",
    [
        Row(
            "Now",
            [
                number(
                    "Nodes that are not ready",
                    f"count({_NOT_READY}) or vector(0)",
                    limits=Limits(1, 3),
                    page="KubeNodeNotReady",
                ),
                number(
                    "Nodes out of reach",
                    f"sum({_UNREACHABLE}) or vector(0)",
                    limits=Limits(1, 2),
                    page="KubeNodeUnreachable",
                ),
                number(
                    "Containers that crash again and again",
                    f"sum({_LOOPING}) or vector(0)",
                    limits=Limits(1, 5),
                    page="KubePodCrashLooping",
                ),
                number(
                    "Rollouts that are stuck",
                    f"sum({of('kube_deployment_status_condition', condition='Progressing', status='false')})",
                    limits=Limits(1, 2),
                    page="KubeDeploymentRolloutStuck",
                ),
                number(
                    "Budgets that are not met",
                    f"sum({of('kube_poddisruptionbudget_status_current_healthy')}"
                    f" < bool {of('kube_poddisruptionbudget_status_desired_healthy')})",
                    limits=Limits(1, 3),
                    page="KubePdbNotEnoughHealthyPods",
                ),
                number("Signals that hold", f"sum({of('kubewright_signals_known')})", limits=Limits(10, 1000)),
            ],
        ),
        Row(
            "Faults",
            [
                Panel(
                    "Alerts that fire",
                    [
                        Query(
                            f"sum by (alertname) ({of('ALERTS', alertstate='firing', severity='!=none')})",
                            "{{alertname}}",
                        )
                    ],
                    shape="stack",
                ),
                Panel(
                    "Nodes by what is wrong with them",
                    [
                        Query(
                            "sum by (condition) "
                            f"({of('kube_node_status_condition', condition='!=Ready', status='true')}) > 0",
                            "{{condition}}",
                        ),
                        Query(f"count({_NOT_READY})", "not ready"),
                    ],
                    page="KubeNodePressure",
                ),
                Panel(
                    "Crash loops",
                    [Query(f"sum by (namespace, pod) ({_LOOPING})", _WHERE)],
                    shape="table",
                    width=8,
                    page="KubePodCrashLooping",
                    leads_to="namespace",
                ),
                Panel(
                    "Cannot start",
                    [
                        Query(
                            f"sum by (namespace, pod, reason) ({_WAITING})",
                            _WHERE + " {{reason}}",
                        )
                    ],
                    shape="table",
                    width=8,
                    page="KubeContainerWaiting",
                    leads_to="namespace",
                ),
                Panel(
                    "Evicted within the hour",
                    [
                        Query(
                            f"sum by (node, eviction_signal) (increase({of('kubelet_evictions')}[1h])) > 0",
                            "{{node}} {{eviction_signal}}",
                        )
                    ],
                    shape="table",
                    width=8,
                    page="KubeNodeEviction",
                    leads_to="node",
                ),
            ],
        ),
        Row(
            "Signals",
            [
                Panel(
                    "What tells of faults",
                    [
                        Query(
                            f"sum by (fault, witness) ({rate('kubewright_signals_total')})",
                            "{{fault}}, by {{witness}}",
                        )
                    ],
                    "ops",
                    "stack",
                    about="From the API and from alerts, as handed on. One cause may have many.",
                ),
                Panel(
                    "From a fault to whoever decides, of 95 in a hundred",
                    [
                        Query(
                            "histogram_quantile(0.95, sum by (witness, le) "
                            f"({rate('kubewright_signal_delay_seconds_bucket')}))",
                            "by {{witness}}",
                        )
                    ],
                    "s",
                    limits=Limits(15, 60),
                ),
            ],
        ),
        Row(
            "kubewright",
            [
                Panel(
                    "What it is told",
                    [
                        Query(
                            f"sum by (code) ({rate('kubewright_alert_notifications_total')})",
                            "notifications, {{code}}",
                        ),
                        Query(f"sum({rate('kubewright_alerts_refused_total')})", "alerts without room"),
                    ],
                    "ops",
                    width=8,
                    about="Anything but 200 is a token that is wrong, or more alerts than there is room for.",
                ),
                Panel(
                    "What its controllers do",
                    [Query(f"sum by (controller, result) ({_RECONCILED})", "{{controller}} {{result}}")],
                    "ops",
                    width=8,
                    page="KubewrightReconcileErrors",
                ),
                Panel(
                    "What waits in their queues",
                    [Query(f"sum by (name) ({of('workqueue_depth', **_OURS)})", "{{name}}")],
                    width=8,
                    page="KubewrightStuck",
                ),
            ],
        ),
    ],
    marks=[firing()],
)
