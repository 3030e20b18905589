"""Everything that speaks for or against a release at a moment, as one Ruling. Pure.

Measurements that are missing make wait; they never promote. Only where there is nothing to measure, because no source
is known or neither the new pods nor the old ones take requests, pods' health alone decides, and the condition says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.core import Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import parse_time
from kubewright.series.protocol import Missing, Signal, Why
from kubewright.workloads.rollout.budget import baseline_of, burn_ruling
from kubewright.workloads.rollout.fleet import Fleet
from kubewright.workloads.rollout.gates import NOT_MEASURED, gates_ruling
from kubewright.workloads.rollout.podhealth import PATIENCE_SECONDS, pods_ruling
from kubewright.workloads.rollout.readings import LONG_SECONDS, WINDOWS, Answers, Served, served
from kubewright.workloads.rollout.ruling import FINE, Ruling, failed, hold, worst

BY_HEALTH_ALONE = "there are no measurements of requests: pods' health alone decides"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of one application during a rollout."""

    new: Sequence[Pod] = ()
    old: Sequence[Pod] = ()
    answers: Answers | None = None
    """None where there is no source of measurements."""
    queries: Mapping[str, float | Missing] = field(default_factory=dict[str, "float | Missing"])
    """Answers to the gates' own queries, by the gate's name."""


def rule(app: AppService, evidence: Evidence, fleets: Sequence[Fleet], now: float) -> Ruling:
    """Rule by pods, by the Deployments that make them, and by what was measured."""
    health = worst((pods_ruling(evidence.new, now), *(_fleet(each, now) for each in fleets)))
    return health if health.failed else worst((health, _traffic(app, evidence, now)))


def baseline(app: AppService, evidence: Evidence, now: float) -> tuple[float, ...]:
    """Return the share of bad requests of the old pods, by objective; nothing if nobody measures it."""
    if evidence.answers is None:
        return ()
    return baseline_of(app.spec.slo, _served(evidence.answers, evidence.old, LONG_SECONDS, now))


def _fleet(fleet: Fleet, now: float) -> Ruling:
    if fleet.overdue:
        return failed("ProgressDeadlineExceeded", fleet.overdue)
    if fleet.refused:
        late = fleet.refused_since is not None and now - fleet.refused_since >= PATIENCE_SECONDS
        return failed("PodsRefused", fleet.refused) if late else hold("PodsRefused", fleet.refused)
    return FINE


def _traffic(app: AppService, evidence: Evidence, now: float) -> Ruling:
    answers, gates = evidence.answers, app.spec.rollout.gates
    if answers is None or _unable(answers):
        missing = [gate.name for gate in gates if gate.metric != "query"]
        if answers is None and gates:
            return hold(
                NOT_MEASURED, f"no source of measurements for the gates {', '.join(each.name for each in gates)}"
            )
        if missing:
            return hold(NOT_MEASURED, f"the source does not know requests, which the gates {', '.join(missing)} need")
        return worst((Ruling(note=BY_HEALTH_ALONE), gates_ruling(gates, app.spec.slo, {}, evidence.queries)))
    windows = dict.fromkeys((*WINDOWS, *(float(gate.window_seconds) for gate in gates)))
    readings = {window: _pair(answers, evidence, window, now) for window in windows}
    known = app.status.rollout.baseline if app.status.rollout is not None else ()
    asked = gates_ruling(gates, app.spec.slo, readings, evidence.queries)
    new, old = zip(*(readings[window] for window in WINDOWS), strict=True)
    return worst((_heard(new[0], old[0], answers), burn_ruling(app.spec.slo, new, old, known), asked))


def _unable(answers: Answers) -> bool:
    """Whether the source does not measure requests at all, as metrics.k8s.io does not."""
    found = answers.get((Signal.REQUESTS, LONG_SECONDS))
    return isinstance(found, Missing) and found.why is Why.UNSUPPORTED


def _heard(new: Served, old: Served, answers: Answers) -> Ruling:
    """Rule by whether there is anything to judge by."""
    asked = answers.get((Signal.REQUESTS, LONG_SECONDS))
    if isinstance(asked, Missing) and asked.why is not Why.NO_DATA:
        return hold(NOT_MEASURED, str(asked))
    if _takes_requests(new):
        return FINE
    if _takes_requests(old):
        return hold(NOT_MEASURED, "nothing is measured of the new pods, and the old ones take requests")
    return Ruling(note=BY_HEALTH_ALONE)


def _takes_requests(pods: Served) -> bool:
    return not isinstance(pods.requests, Missing) and pods.requests.value > 0


def _pair(answers: Answers, evidence: Evidence, window: float, now: float) -> tuple[Served, Served]:
    return _served(answers, evidence.new, window, now), _served(answers, evidence.old, window, now)


def _served(answers: Answers, pods: Sequence[Pod], window: float, now: float) -> Served:
    born = [parse_time(pod.metadata.creation_timestamp) for pod in pods if pod.metadata.creation_timestamp]
    return served(answers, [pod.key for pod in pods], window, now - min(born, default=now))
