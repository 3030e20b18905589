"""Whether the gates that an application asks for hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.crds.appservice.rollout import AppServiceSlo, Gate
from kubewright.series.protocol import Missing
from kubewright.series.windows import quantile
from kubewright.workloads.rollout.budget import burn_rate
from kubewright.workloads.rollout.readings import Served
from kubewright.workloads.rollout.ruling import FINE, Ruling, hold, worst

GATE_FAILED, NOT_MEASURED = "GateFailed", "NotMeasured"
_USUAL_PERCENT = 99.0


def gates_ruling(
    gates: tuple[Gate, ...],
    slo: AppServiceSlo | None,
    readings: Mapping[float, tuple[Served, Served]],
    answers: Mapping[str, float | Missing],
) -> Ruling:
    """Rule by each gate: `readings` of new and old pods by window, `answers` to the queries by the gate's name."""
    return worst(_gate(gate, value_of(gate, slo, readings, answers)) for gate in gates)


def value_of(
    gate: Gate,
    slo: AppServiceSlo | None,
    readings: Mapping[float, tuple[Served, Served]],
    answers: Mapping[str, float | Missing],
) -> float | Missing:
    """Return what a gate measures, in its own unit."""
    if gate.metric == "query":
        return answers[gate.name]
    new, old = readings[float(gate.window_seconds)]
    if gate.metric == "burnRate":
        return burn_rate(slo, new, old)
    if gate.metric == "errors":
        ratio = new.error_ratio
        return ratio if isinstance(ratio, Missing) else ratio * 100.0
    percent = slo.latency.percent if slo is not None and slo.latency is not None else _USUAL_PERCENT
    return new.latency if isinstance(new.latency, Missing) else quantile(new.latency, percent / 100.0) * 1000.0


def _gate(gate: Gate, value: float | Missing) -> Ruling:
    if isinstance(value, Missing):
        return hold(NOT_MEASURED, f"gate {gate.name}: {value}")
    for bound, broken, words in (
        (gate.max, gate.max is not None and value > gate.max, "more"),
        (gate.min, gate.min is not None and value < gate.min, "less"),
    ):
        if broken:
            return hold(GATE_FAILED, f"gate {gate.name}: {value:g} is {words} than {bound:g}", strikes=gate.failures)
    return FINE
