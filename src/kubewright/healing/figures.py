"""The healer's metrics: incidents as they stand when they are scraped; times and actions as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

from kubewright.api.crds.incident import IncidentStatus
from kubewright.api.meta import seconds_of
from kubewright.runtime.scraped import Scraped, gauge

_SECONDS = (1, 2, 5, 10, 15, 30, 60, 90, 120, 180, 300, 600, 1800, 3600)


class HealingMetrics(Scraped[tuple[str, str], int]):
    """Without a registry the figures are counted and exposed nowhere. Keys are cause and phase."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self._times = {
            name: Histogram(
                f"kubewright_incident_{name}_seconds",
                f"Time from the fault until it was {done}",
                ("cause",),
                buckets=_SECONDS,
                registry=registry,
            )
            for name, done in (("detect", "told"), ("decide", "clear what to do"), ("restore", "over"))
        }
        self.actions = Counter(
            "kubewright_healing_actions_total",
            "Remedies by how they came out",
            ("remedy", "outcome"),
            registry=registry,
        )
        self.broken = Counter(
            "kubewright_healing_detector_failures_total", "Detectors that failed", ("cause",), registry=registry
        )

    def moved(self, cause: str, before: IncidentStatus, after: IncidentStatus) -> None:
        """Note how an incident has come on."""
        since = seconds_of(after.times.fault_since)
        moments = {
            "detect": (before.times.detected, after.times.detected),
            "decide": (before.times.decided, after.times.decided),
            "restore": (before.times.verified, after.times.verified),
        }
        for name, (old, new) in moments.items():
            if new and new != old:
                moment = seconds_of(after.times.restored) if name == "restore" else seconds_of(new)
                self._times[name].labels(cause).observe(max(0.0, moment - since))
        known = {(each.remedy, each.started_at, each.outcome) for each in before.actions}
        for each in after.actions:
            if each.outcome and (each.remedy, each.started_at, each.outcome) not in known:
                self.actions.labels(each.remedy, each.outcome).inc()

    def families(self, figures: Mapping[tuple[str, str], int]) -> Iterator[GaugeMetricFamily]:
        """Yield how many incidents there are."""
        text = "Incidents by their cause and phase"
        yield gauge("kubewright_incidents", text, ("cause", "phase"), ((key, count) for key, count in figures.items()))
