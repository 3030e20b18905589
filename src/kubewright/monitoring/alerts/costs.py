"""Alerts about money, by what `kubewright run costs` tells."""

from __future__ import annotations

from kubewright.monitoring.rules import Alert, Group, Recording

_RATE = "team:kubewright_cost_rate:sum"
_WEEK = f"{_RATE}[7d:1h] offset 1h"

COSTS = Group(
    "kubewright-costs",
    (
        # Replicas tell the same.
        Recording(_RATE, "sum by (team) (max by (team, namespace) (kubewright_cost_rate))"),
        Alert(
            "CostAnomaly",
            # The dearest hours of each day are no anomaly, nor is a team that began two days ago, nor are cents.
            f"{_RATE} > 1.5 * quantile_over_time(0.95, {_WEEK}) and count_over_time({_WEEK}) > 48 and {_RATE} > 1",
            "Team {{ $labels.team }} costs much more than it did",
            "Its workloads cost {{ $value | humanize }} an hour, half as much again as in the week's dearest hours.",
            minutes=30,
            team="{{ $labels.team }}",
        ),
    ),
)
