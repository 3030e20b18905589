"""Metrics of SizePolicies."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from kubewright.api.meta import ObjectKey
from kubewright.scaling.sizing import CORES
from kubewright.sizing.amounts import MILLI
from kubewright.sizing.decide import Turn


class SizingMetrics:
    """Without a registry the figures are counted and exposed nowhere."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.resizes = Counter(
            "kubewright_sizing_resizes_total",
            "Containers resized in place, by direction",
            ("direction",),
            registry=registry,
        )
        self.refused = Counter("kubewright_sizing_refused_total", "Resizes that were refused", registry=registry)
        self.queries = Counter("kubewright_sizing_queries_total", "Questions for measurements", registry=registry)
        self._saves = Gauge(
            "kubewright_sizepolicy_excess",
            "What pods request beyond the targets: cores, and bytes",
            ("namespace", "sizepolicy", "resource"),
            registry=registry,
        )

    def tell(self, policy: ObjectKey, turn: Turn) -> None:
        """Say what a policy's pods request beyond what they need."""
        for resource, amount in turn.saves.items():
            self._saves.labels(*policy, resource).set(amount / MILLI if resource == CORES else amount)

    def forget(self, policy: ObjectKey) -> None:
        """Say nothing more of a policy."""
        self._saves.remove_by_labels({"namespace": policy.namespace, "sizepolicy": policy.name})
