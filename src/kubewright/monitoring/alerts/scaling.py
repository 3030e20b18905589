"""Alerts about ScalePolicies: those that are blind, at their end, or foretold wrongly."""

from __future__ import annotations

from kubewright.monitoring.rules import Alert, Group

_BY = "max by (namespace, scalepolicy)"
_NAME = "{{ $labels.namespace }}/{{ $labels.scalepolicy }}"

SCALING = Group(
    "kubewright-scaling",
    (
        Alert(
            "ScalePolicyMetricsFailing",
            f"{_BY} (kubewright_scalepolicy_failing_metrics) > 0",
            f"ScalePolicy {_NAME} cannot measure what it goes by",
            "{{ $value }} of its metrics have failed for 15 minutes: no pods are taken away, and none may come.",
            minutes=15,
        ),
        Alert(
            "ScalePolicyMaxedOut",
            f"{_BY} (kubewright_scalepolicy_wants_more) == 1"
            f" and {_BY} (kubewright_scalepolicy_current_replicas)"
            f" >= {_BY} (kubewright_scalepolicy_max_replicas)",
            f"ScalePolicy {_NAME} is at its maximum, and load is above what it aims at",
            "For 15 minutes it has asked for more pods than there may be: load finds no more of them.",
            minutes=15,
        ),
        Alert(
            "ScalePolicyForecastOff",
            f"{_BY} (avg_over_time(kubewright_scalepolicy_surprised[6h])) > 0.5"
            f" and {_BY} (kubewright_scalepolicy_predictive) == 1",
            f"The forecast of ScalePolicy {_NAME} is too low",
            "There was more load than it had forecast for {{ $value | humanizePercentage }} of six hours: pods come "
            "when load has come, not before.",
            minutes=30,
            severity="info",
        ),
    ),
)
