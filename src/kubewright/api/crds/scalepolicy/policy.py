"""The ScalePolicy itself, its status, and its definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from kubewright.api.autoscaling import TargetReference
from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, REASON, CrdSpec, PrinterColumn, generated_later, ready_column
from kubewright.api.crds.scalepolicy.metrics import KINDS, WAKES, PolicyMetric, QueryGoal
from kubewright.api.crds.scalepolicy.rules import (
    ADOPT,
    LEAVE,
    PREDICTIVE,
    REACTIVE,
    RECOMMEND,
    SHADOW,
    Behavior,
    Fallback,
    ScaleSchedule,
)
from kubewright.api.crds.violations import violations
from kubewright.api.cron import load_zone, parse_cron
from kubewright.api.described import Rule, described
from kubewright.api.meta import KubeObject, Leaf, Manifest, Resource
from kubewright.api.quantity import Quantity, milli

_COUNT = {"format": "int32", "minimum": 0, "maximum": 1_000_000}


class PolicyTarget(Leaf, frozen=True):
    """A workload of the policy's namespace; anything that has a scale."""

    api_version: Annotated[str, described("Its version.", {"maxLength": 316}, publish_default=True)] = "apps/v1"
    kind: Annotated[str, described("Its kind.", {"maxLength": 63}, publish_default=True)] = "Deployment"
    name: Annotated[str, described("Its name.", {"minLength": 1, "maxLength": 253}, required=True)] = ""

    @property
    def reference(self) -> TargetReference:
        """Return it as autoscalers name their targets."""
        return TargetReference(self.api_version, self.kind, self.name)


class ScalePolicySpec(Leaf, frozen=True):
    """What is scaled, by what, between which bounds."""

    target: Annotated[PolicyTarget, described("The workload.", required=True)] = PolicyTarget()
    min: Annotated[
        int, described("At least so many pods; 0 needs a queue or a promql metric.", _COUNT, publish_default=True)
    ] = 1
    max: Annotated[int, described("At most so many pods.", _COUNT | {"minimum": 1}, required=True)] = 0
    mode: Annotated[
        str,
        described(
            "predictive has pods ready for what is coming, once a week of load is known, and is reactive until then; "
            "reactive does as a HorizontalPodAutoscaler; recommend only says how many there should be.",
            {"enum": [REACTIVE, PREDICTIVE, RECOMMEND]},
            publish_default=True,
        ),
    ] = PREDICTIVE
    metrics: Annotated[
        tuple[PolicyMetric, ...],
        described("What to go by; 70 % of the requested cpu by default.", {"maxItems": 16}, atomic=True),
    ] = ()
    behavior: Annotated[Behavior | None, described("How fast, as a HorizontalPodAutoscaler's.")] = None
    schedules: Annotated[
        tuple[ScaleSchedule, ...],
        described("Other bounds at other times.", {"maxItems": 16}, list_map_keys=("name",)),
    ] = ()
    fallback: Annotated[Fallback | None, described("What is done when metrics fail.")] = None
    rollout_min: Annotated[
        int, described("At least so many pods while pods of two revisions run.", _COUNT, publish_default=True)
    ] = 0
    existing: Annotated[
        str,
        described(
            "What becomes of a HorizontalPodAutoscaler of the same target: Shadow only recommends beside it, Adopt "
            "takes its place and keeps what it said in an annotation, Leave lets the target alone.",
            {"enum": [SHADOW, ADOPT, LEAVE]},
            publish_default=True,
        ),
    ] = SHADOW

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("self.min <= self.max", "min is at most max: raise max or lower min", ".min"),
        Rule(
            f"self.min > 0 || (has(self.metrics) && self.metrics.exists(each, {WAKES}))",
            "without pods nothing is measured of them: say what wakes the workload, a metric queue or promql, "
            "or let min be 1",
            ".min",
        ),
        Rule("self.rolloutMin <= self.max", "rolloutMin is at most max: raise max or lower rolloutMin", ".rolloutMin"),
    )


class MetricStatus(Leaf, frozen=True):
    """What a metric is, about: it is written anew when it changed by a tenth."""

    name: Annotated[str, described("Which.", required=True)] = ""
    value: Annotated[str, described("What was measured.")] = ""
    target: Annotated[str, described("What is aimed at.")] = ""
    replicas: Annotated[int, described("How many pods it asks for.", {"format": "int32"})] = 0


class ScalePolicyStatus(Leaf, frozen=True):
    """What was last seen and decided."""

    current_replicas: Annotated[int, described("How many pods were wanted.", {"format": "int32"})] = 0
    desired_replicas: Annotated[
        int,
        described("How many there should be; nobody has written it if it is only recommended.", {"format": "int32"}),
    ] = 0
    mode: Annotated[str, described("How it was decided: reactive or predictive.")] = ""
    last_scale_time: Annotated[str | None, described("When it last scaled.", {"format": "date-time"})] = None
    metrics: Annotated[tuple[MetricStatus, ...], described("What it went by.", atomic=True)] = ()
    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[
        tuple[Condition, ...],
        described("Ready, AbleToScale, ScalingActive, ScalingLimited, Forecasting.", list_map_keys=("type",)),
    ] = ()


class ScalePolicy(KubeObject, frozen=True, kw_only=True):
    """How many pods a workload has."""

    spec: Annotated[ScalePolicySpec, described("What is wanted.", required=True)] = ScalePolicySpec()
    status: Annotated[ScalePolicyStatus, described("What there is.")] = ScalePolicyStatus()


SCALE_POLICIES: Resource[ScalePolicy] = Resource(
    "kubewright.dev", "v1alpha1", "scalepolicies", "ScalePolicy", ScalePolicy
)
SCALE_POLICY_CRD: Manifest
__getattr__ = generated_later(
    "SCALE_POLICY_CRD",
    CrdSpec(
        SCALE_POLICIES,
        short_names=("scp",),
        columns=(
            PrinterColumn("Target", "string", ".spec.target.name", "The workload."),
            PrinterColumn("Mode", "string", ".status.mode", "How it was decided."),
            PrinterColumn("Min", "integer", ".spec.min", "At least so many pods."),
            PrinterColumn("Max", "integer", ".spec.max", "At most so many pods."),
            PrinterColumn("Current", "integer", ".status.currentReplicas", "How many pods were wanted."),
            PrinterColumn("Desired", "integer", ".status.desiredReplicas", "How many there should be."),
            ready_column("Whether it does its work."),
            REASON,
            AGE,
        ),
    ),
)


def problems(policy: ScalePolicy) -> tuple[str, ...]:
    """Say what is wrong with a policy, at which field; also what no schema can tell: schedules that mean no time."""
    return (*violations(policy.spec, "spec"), *_contradictions(policy.spec))


def _contradictions(spec: ScalePolicySpec) -> Iterator[str]:
    if spec.min > spec.max:
        yield "spec.min: is at most max: raise max or lower min"
    if not spec.min and not any(metric.wakes for metric in spec.metrics):
        yield "spec.min: without pods nothing is measured of them: say what wakes the workload, or let min be 1"
    for index, metric in enumerate(spec.metrics):
        yield from _of_metric(metric, f"spec.metrics[{index}]")
    for index, schedule in enumerate(spec.schedules):
        at = f"spec.schedules[{index}]"
        for field, text in (("start", schedule.start), ("end", schedule.end)):
            try:
                parse_cron(text)
            except ValueError as error:
                yield f"{at}.{field}: {error}"
        try:
            load_zone(schedule.time_zone)
        except ValueError as error:
            yield f"{at}.timeZone: {error}"
        if schedule.min is not None and schedule.max is not None and schedule.min > schedule.max:
            yield f"{at}.min: is at most max: raise max or lower min"


def _of_metric(metric: PolicyMetric, at: str) -> Iterator[str]:
    if len(metric.kinds) != 1:
        yield f"{at}: is one of {', '.join(KINDS)}, not {' and '.join(metric.kinds) or 'nothing'}"
        return
    goal = getattr(metric, metric.kinds[0])
    aims: dict[str, Quantity | None] = {}
    for name in ("percent", "average", "value", "per_pod", "milliseconds"):
        if (aim := getattr(goal, name, None)) not in {None, 0} or (aim == 0 and name == "average"):
            aims[name] = aim
    if len(aims) != 1:
        what = "one of average, value and perPod" if isinstance(goal, QueryGoal) else "percent or average"
        yield f"{at}.{metric.kinds[0]}: say what is aimed at: {what}"
    for name, aim in aims.items():
        try:
            amount = milli(aim or 0)
        except ValueError as error:
            yield f"{at}.{metric.kinds[0]}: {error}"
            continue
        if amount <= 0:
            yield f"{at}.{metric.kinds[0]}.{name}: no number of pods brings a metric to zero: let it be above 0"
