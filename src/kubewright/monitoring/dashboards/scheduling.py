"""The scheduler: who waits and for how long, what is tried, and how queues share the cluster."""

from __future__ import annotations

from kubewright.monitoring.dashboards.board import Board, Limits, Panel, Query, Row, firing, number, of, rate

_WAITS = of("kube_pod_status_scheduled", condition="false")
_AGE = f"(time() - {of('kube_pod_created')}) and on (namespace, pod) ({_WAITS} == 1)"


def _quantile(share: float, histogram: str) -> Query:
    buckets = rate(f"{histogram}_bucket")
    return Query(f"histogram_quantile({share}, sum by (le) ({buckets}))", f"{share * 100:g} %")


def _quantiles(title: str, histogram: str, about: str, page: str = "") -> Panel:
    queries = [_quantile(share, histogram) for share in (0.5, 0.9, 0.99)]
    return Panel(title, queries, "s", width=8, about=about, page=page)


def _by_queue(title: str, metric: str, unit: str = "short", page: str = "") -> Panel:
    return Panel(title, [Query(f"max by (queue) ({of(metric)})", "{{queue}}")], unit, width=8, page=page)


SCHEDULER = Board(
    "scheduler",
    "Scheduler",
    "Pods on their way to a node, and how teams' queues share what there is.",
    [
        Row(
            "Now",
            [
                number("Wait for a node", f"sum({_WAITS})", limits=Limits(1, 50), page="SchedulerQueueAge"),
                number(
                    "The oldest waits for",
                    f"max({_AGE}) or vector(0)",
                    "s",
                    limits=Limits(60, 1800),
                    page="QueueStarvation",
                ),
                number(
                    "Placed a second", f"sum({rate('scheduler_schedule_attempts_total', result='scheduled')})", "ops"
                ),
                number(
                    "99 of 100 have waited less than",
                    _quantile(0.99, "scheduler_pod_scheduling_sli_duration_seconds").expr,
                    "s",
                    limits=Limits(5, 60),
                    page="SchedulerQueueAge",
                ),
                number("Preemptions within an hour", f"sum(increase({of('scheduler_preemption_attempts_total')}[1h]))"),
                number(
                    "Gangs given back within an hour", f"sum(increase({of('kubewright_gangs_given_back_total')}[1h]))"
                ),
            ],
        ),
        Row(
            "Placing",
            [
                Panel(
                    "Attempts",
                    [Query(f"sum by (result) ({rate('scheduler_schedule_attempts_total')})", "{{result}}")],
                    "ops",
                    "stack",
                    width=8,
                ),
                Panel(
                    "Pods in the scheduler",
                    [Query(f"sum by (queue) ({of('scheduler_pending_pods')})", "{{queue}}")],
                    shape="stack",
                    width=8,
                    about="Active ones are tried next, backoff after a failure; unschedulable ones wait for news that "
                    "could help, gated ones for whoever gates them.",
                    page="SchedulerQueueAge",
                ),
                Panel(
                    "Who has waited longest",
                    [Query(f"topk(10, max by (namespace) ({_AGE}))", "{{namespace}}")],
                    "s",
                    "ranking",
                    width=8,
                    limits=Limits(60, 1800),
                    page="QueueStarvation",
                    leads_to="namespace",
                ),
                _quantiles(
                    "From creation to node",
                    "scheduler_pod_scheduling_sli_duration_seconds",
                    "All that a pod waits, over all attempts.",
                    "SchedulerQueueAge",
                ),
                _quantiles(
                    "One attempt", "scheduler_scheduling_attempt_duration_seconds", "Deciding and binding one pod."
                ),
                _quantiles("Deciding", "scheduler_scheduling_algorithm_duration_seconds", "Filters, scores, choice."),
            ],
        ),
        Row(
            "Queues",
            [
                _by_queue("Pods that wait", "kubewright_queue_pending_pods"),
                _by_queue("The longest wait", "kubewright_queue_oldest_pending_seconds", "s", "QueueStarvation"),
                _by_queue("Share of the cluster, by weight", "kubewright_queue_share", "percentunit"),
                Panel(
                    "CPU used of the queue's own",
                    [
                        Query(
                            f"max by (queue) ({of('kubewright_queue_used', resource='cpu')}"
                            f" / ({of('kubewright_queue_nominal', resource='cpu')} > 0))",
                            "{{queue}}",
                        )
                    ],
                    "percentunit",
                    about="More than all of it is borrowed.",
                    limits=Limits(1, 2),
                ),
                Panel(
                    "Borrowed from others",
                    [
                        Query(
                            f"max by (queue, resource) ({of('kubewright_queue_borrowed')}) > 0",
                            "{{queue}} {{resource}}",
                        )
                    ],
                    shape="table",
                ),
            ],
        ),
    ],
    marks=[firing(alertname="=~Kube.*Scheduler.*|SchedulerQueueAge|QueueStarvation")],
)
