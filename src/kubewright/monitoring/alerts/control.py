"""Alerts about the control plane, about kubewright itself, and about watching as such."""

from __future__ import annotations

from kubewright.monitoring.alerts.burning import Budget, burning
from kubewright.monitoring.rules import Alert, Group

_OURS = 'job="kubewright"'
_SCHEDULERS = "kube-scheduler|kubewright"
_UNSCHEDULED = 'kube_pod_status_scheduled{condition="false"} == 1'
_RECONCILED = f"controller_runtime_reconcile_total{{{_OURS}"
_SEEN = ("kube_pod_info", "kube_node_info", "container_memory_usage_bytes", "node_cpu_seconds_total")
_WAITED = 1800
"""After so many seconds a pod that is passed over by others starves."""


def _api_errors(window: str) -> str:
    requests = 'apiserver_request_total{verb!="WATCH",verb!="CONNECT"'
    return f'sum(rate({requests},code=~"5.."}}[{window}])) / sum(rate({requests}}}[{window}]))'


API_SERVER = burning(
    "kubewright-apiserver",
    Budget(
        record="apiserver_request:errors",
        alert="KubeAPIErrorBudgetBurn",
        ratio=_api_errors,
        budget=0.01,
        summary="The API server fails too many requests",
        described="requests to the API server fail; 99 % of 30 days' should not",
    ),
)

SCHEDULING = Group(
    "kubewright-scheduling",
    (
        Alert(
            "KubeSchedulerDown",
            f'absent(up{{job=~"{_SCHEDULERS}"}} == 1) and on () count({_UNSCHEDULED}) > 0',
            "Pods wait and no scheduler is seen",
            "No scheduler answers Prometheus, and there are pods without a node.",
            minutes=5,
            severity="critical",
        ),
        Alert(
            "SchedulerQueueAge",
            "histogram_quantile(0.99, sum by (le) "
            "(rate(scheduler_pod_scheduling_sli_duration_seconds_bucket[5m]))) > 60",
            "Pods wait long for their node",
            "Of the pods that were bound in five minutes one in a hundred had waited {{ $value | humanizeDuration }}.",
            minutes=5,
        ),
        Alert(
            "QueueStarvation",
            "max by (namespace) ((time() - kube_pod_created) and on (namespace, pod) "
            f"({_UNSCHEDULED})) > {_WAITED}"
            ' and on () sum(rate(scheduler_schedule_attempts_total{result="scheduled"}[15m])) > 0',
            "Pods of {{ $labels.namespace }} wait while others are placed",
            "The oldest pod of {{ $labels.namespace }} without a node is {{ $value | humanizeDuration }} old, and "
            "others find theirs.",
            minutes=5,
        ),
    ),
)

KUBEWRIGHT = Group(
    "kubewright-itself",
    (
        Alert(
            "KubewrightReconcileErrors",
            f'sum by (controller) (rate({_RECONCILED},result="error"}}[10m]))'
            f" / sum by (controller) (rate({_RECONCILED}}}[10m])) > 0.2",
            "kubewright's controller {{ $labels.controller }} fails",
            "{{ $value | humanizePercentage }} of what {{ $labels.controller }} tried in ten minutes failed.",
            minutes=15,
        ),
        Alert(
            "KubewrightStuck",
            f"max by (controller) (workqueue_longest_running_processor_seconds{{{_OURS}}}) > 300",
            "kubewright's controller {{ $labels.controller }} is stuck",
            "{{ $labels.controller }} has worked on one object for {{ $value | humanizeDuration }}.",
        ),
        Alert(
            "KubewrightLeaderless",
            f"max by (name) (leader_election_master_status{{{_OURS}}}) == 0",
            "No replica of kubewright leads",
            "All replicas wait for the lease {{ $labels.name }}: nothing is done.",
            minutes=2,
            severity="critical",
        ),
    ),
)

GENERAL = Group(
    "kubewright-general",
    (
        Alert(
            "TargetDown",
            "100 * count by (job) (up == 0) / count by (job) (up) > 10",
            "Targets of {{ $labels.job }} do not answer",
            "{{ $value | humanize }}% of the targets of {{ $labels.job }} cannot be scraped.",
            minutes=10,
        ),
        Alert(
            "MetricsMissing",
            " or ".join(f'label_replace(absent({name}), "metric", "{name}", "", "")' for name in _SEEN),
            "There is no {{ $labels.metric }}",
            "Alerts that need {{ $labels.metric }} are silent, whatever happens.",
            minutes=5,
            severity="critical",
        ),
        Alert(
            "Watchdog",
            "vector(1)",
            "Alerting works",
            "This alert always fires: when it does not arrive, the way from Prometheus to whoever is told is broken.",
            severity="none",
        ),
        Alert(
            "InfoInhibitor",
            'ALERTS{severity="info",alertstate="firing"} == 1 unless on (namespace)'
            ' ALERTS{alertname!="InfoInhibitor",severity=~"warning|critical",alertstate="firing"} == 1',
            "Keeps alerts of severity info to themselves",
            "While it fires Alertmanager holds back what is only worth knowing beside a real alert of the namespace.",
            severity="none",
        ),
    ),
)
