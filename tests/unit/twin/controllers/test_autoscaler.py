"""Autoscalers: whose use counts, what is assumed of the others, and how far and how soon it is followed."""

import pytest

from kubewright.api.autoscaling import (
    AutoscalerSpec,
    AutoscalerStatus,
    ContainerMetrics,
    HorizontalPodAutoscaler,
    MetricSpec,
    MetricTarget,
    NamedMetric,
    PodMetrics,
    ResourceMetric,
    Scale,
    ScaleSpec,
    ScaleStatus,
    ScalingBehavior,
    ScalingPolicy,
    ScalingRules,
)
from kubewright.api.conditions import Condition
from kubewright.api.core import Container, PodStatus, ResourceRequirements
from kubewright.api.meta import ObjectMeta, rfc3339
from kubewright.scaling import turn
from kubewright.scaling.limits import Bounds, History, Mark, limit
from kubewright.scaling.podset import NoProposalError, PodSet
from kubewright.scaling.turn import (
    Seen,
    not_rescaled,
    rescaled,
    status_of,
    without_scale,
)
from kubewright.scaling.usage import (
    Pool,
    Sample,
    Tolerances,
    by_average,
    by_utilization,
    samples,
)
from kubewright.twin.controllers.autoscaler.metrics import asking
from tests.unit.twin.controllers.build import NOW, pod

LONG_AGO, JUST_NOW = NOW - 3600, NOW - 60


def worker(name, *, phase="Running", started=LONG_AGO, ready=True, turned=LONG_AGO, cpu="100m", terminating=False):
    """A pod that requests cpu, in the state that matters to whether its use counts."""
    made = pod(name, phase=phase, terminating=terminating)
    condition = Condition("Ready", "True" if ready else "False", "", "", rfc3339(turned))
    status = PodStatus(phase=phase, conditions=(condition,), start_time=rfc3339(started) if started else None)
    requests = ResourceRequirements({"cpu": cpu, "memory": "64Mi"} if cpu else {})
    spec = type(made.spec)(node_name="n1", containers=(Container("main", "web:1", resources=requests),))
    return type(made)(metadata=made.metadata, spec=spec, status=status)


def pool(*pods, replicas=None, tolerances=Tolerances()):  # noqa: B008  frozen
    return Pool(PodSet(pods), len(pods) if replicas is None else replicas, tolerances, NOW)


def using(**amounts):
    return {name: Sample(amount, NOW, 15) for name, amount in amounts.items()}


NEW = {"started": JUST_NOW, "turned": JUST_NOW}


@pytest.mark.parametrize(
    ("pods", "used", "wanted", "expected"),
    [
        pytest.param([worker("a"), worker("b")], using(a=100, b=100), 50, (4, 100, 100), id="twice the use"),
        pytest.param([worker("a"), worker("b")], using(a=52, b=54), 50, (2, 53, 53), id="within a tenth"),
        pytest.param([worker("a"), worker("b")], using(a=10, b=10), 50, (1, 10, 10), id="a fifth of the use"),
        pytest.param([worker("a"), worker("b")], using(a=0, b=0), 50, (0, 0, 0), id="none at all"),
        pytest.param([worker("a"), worker("b")], using(a=100), 50, (2, 100, 100), id="a missing pod is idle above"),
        pytest.param([worker("a"), worker("b")], using(a=10), 50, (2, 10, 10), id="a missing pod is busy below"),
        pytest.param(
            [worker("a"), worker("b"), worker("c")], using(a=190, b=190), 50, (8, 190, 190), id="more in spite of it"
        ),
        pytest.param(
            [worker("a"), worker("b", ready=False, **NEW)], using(a=60, b=900), 50, (2, 60, 60),
            id="a pod that starts does not count, and would turn the direction",
        ),
        pytest.param(
            [worker("a"), worker("b", **NEW)], using(a=100, b=100), 50, (4, 100, 100), id="ready for a whole window"
        ),
        pytest.param(
            [worker("a"), worker("b", started=JUST_NOW, turned=NOW - 10)], using(a=200, b=900), 50, (4, 200, 200),
            id="not ready for a whole window",
        ),
        pytest.param(
            [worker("a"), worker("b", ready=False, turned=NOW - 5)], using(a=100, b=100), 50, (4, 100, 100),
            id="unready after it was ready once",
        ),
        pytest.param(
            [worker("a"), worker("b", ready=False, turned=LONG_AGO + 5)], using(a=100, b=100), 50, (2, 100, 100),
            id="never ready",
        ),
        pytest.param(
            [worker("a"), worker("b", phase="Pending")], using(a=200), 50, (4, 200, 200), id="pending is not ready"
        ),
        pytest.param(
            [worker("a"), worker("b", terminating=True), worker("c", phase="Failed")], using(a=100, b=900, c=900), 50,
            (2, 100, 100), id="the dying and the dead are nobody",
        ),
    ],
)  # fmt: skip
def test_a_share_of_what_is_requested(pods, used, wanted, expected):
    proposal = by_utilization(pool(*pods), used, "cpu", "", wanted)
    assert (proposal.replicas, proposal.average, proposal.utilization) == expected


def test_readiness_does_not_matter_to_memory():
    starting = [worker("a"), worker("b", ready=False, **NEW)]
    used = using(a=64 * 2**20 * 1000, b=64 * 2**20 * 1000)
    assert by_average(pool(*starting), used, "memory", 32 * 2**20 * 1000).replicas == 4


def test_an_amount_for_each_pod_takes_the_missing_as_just_right():
    pods = [worker("a"), worker("b"), worker("c"), worker("d")]
    assert by_average(pool(*pods), using(a=10, b=10, c=10), "cpu", 40).replicas == 2
    assert by_average(pool(*pods), using(a=60, b=60, c=60), "cpu", 40).replicas == 5


def test_the_tolerances_are_of_each_direction():
    pods, used = [worker("a"), worker("b")], using(a=60, b=60)
    assert by_utilization(pool(*pods, tolerances=Tolerances(up=0.25)), used, "cpu", "", 50).replicas == 2
    assert by_utilization(pool(*pods, tolerances=Tolerances(down=0.5)), used, "cpu", "", 50).replicas == 3


@pytest.mark.parametrize(
    ("pods", "used", "container", "problem"),
    [
        ([], {}, "", "no pods returned by selector while calculating replica count"),
        ([worker("a")], {}, "", "did not receive metrics for targeted pods (pods might be unready)"),
        ([worker("a", cpu="")], using(a=1), "", "missing request for cpu in container main of Pod a"),
        ([worker("a")], using(a=1), "other", "container other not found in Pod a"),
    ],
)
def test_what_cannot_be_worked_out_is_told(pods, used, container, problem):
    with pytest.raises(NoProposalError) as told:
        by_utilization(pool(*pods), used, "cpu", container, 50)
    assert str(told.value) == problem


def test_use_is_that_of_all_containers_or_of_one():
    containers = (ContainerMetrics("main", {"cpu": "100m"}), ContainerMetrics("side", {"cpu": "50m", "memory": "1Ki"}))
    measured = PodMetrics(metadata=ObjectMeta(name="a"), timestamp=rfc3339(NOW), window="1m30s", containers=containers)
    assert samples([measured], "cpu", "") == {"a": Sample(150, NOW, 90)}
    assert samples([measured], "memory", "side") == {"a": Sample(1024_000, NOW, 90)}
    assert samples([measured], "memory", "") == {}
    assert samples([measured], "cpu", "absent") == {}


def followed(proposals, *, current=4, least=1, most=100, behavior=None, history=None):
    """What is followed of proposals made at these ages in seconds, of the last one at present."""
    history = History() if history is None else history
    for proposed, age in proposals:
        limited = limit(proposed, Bounds(current, least, most, behavior), history, NOW - age)
        history = limited.history
    return limited.replicas, limited.able[0], limited.limit[0], limited.limited


@pytest.mark.parametrize(
    ("proposals", "bounds", "expected"),
    [
        ([(6, 0)], {}, (6, "ReadyForNewScale", "DesiredWithinRange", False)),
        ([(9, 0)], {}, (8, "ReadyForNewScale", "ScaleUpLimit", True)),
        ([(9, 0)], {"current": 1}, (4, "ReadyForNewScale", "ScaleUpLimit", True)),
        ([(9, 0)], {"most": 6}, (6, "ReadyForNewScale", "TooManyReplicas", True)),
        ([(1, 0)], {"least": 2}, (2, "ReadyForNewScale", "TooFewReplicas", True)),
        ([(4, 290), (2, 0)], {}, (4, "ScaleDownStabilized", "DesiredWithinRange", False)),
        ([(4, 301), (2, 0)], {}, (2, "ReadyForNewScale", "DesiredWithinRange", False)),
        ([(3, 200), (2, 0)], {}, (3, "ScaleDownStabilized", "DesiredWithinRange", False)),
    ],
)
def test_without_rules_of_its_own_an_autoscaler_is_slow_down_and_bounded_up(proposals, bounds, expected):
    assert followed(proposals, **bounds) == expected


def rules(*policies, window=0, select="Max"):
    return ScalingRules(window, select, tuple(ScalingPolicy(*policy) for policy in policies))


FREE = rules(("Percent", 100, 15))


@pytest.mark.parametrize(
    ("proposals", "up", "down", "expected"),
    [
        ([(9, 0)], rules(("Pods", 1, 60), ("Percent", 50, 60)), FREE, (6, "ReadyForNewScale", "ScaleUpLimit", True)),
        (
            [(9, 0)],
            rules(("Pods", 1, 60), ("Percent", 50, 60), select="Min"),
            FREE,
            (5, "ReadyForNewScale", "ScaleUpLimit", True),
        ),
        ([(9, 0)], rules(("Pods", 9, 60), select="Disabled"), FREE, (4, "ReadyForNewScale", "ScaleUpLimit", True)),
        ([(1, 0)], FREE, rules(("Pods", 1, 60), ("Percent", 50, 60)), (2, "ReadyForNewScale", "ScaleDownLimit", True)),
        (
            [(1, 0)],
            FREE,
            rules(("Pods", 1, 60), ("Percent", 50, 60), select="Min"),
            (3, "ReadyForNewScale", "ScaleDownLimit", True),
        ),
        (
            [(4, 20), (8, 0)],
            rules(("Pods", 9, 60), window=30),
            FREE,
            (4, "ScaleUpStabilized", "DesiredWithinRange", False),
        ),
        (
            [(4, 31), (8, 0)],
            rules(("Pods", 9, 60), window=30),
            FREE,
            (8, "ReadyForNewScale", "DesiredWithinRange", False),
        ),
        (
            [(3, 299), (2, 0)],
            FREE,
            ScalingRules(None, "Max", (ScalingPolicy("Percent", 100, 15),)),
            (3, "ScaleDownStabilized", "DesiredWithinRange", False),
        ),
    ],
)
def test_rules_of_its_own_bound_both_directions(proposals, up, down, expected):
    assert followed(proposals, behavior=ScalingBehavior(up, down)) == expected


def test_policies_count_what_was_scaled_within_their_period():
    behavior = ScalingBehavior(rules(("Pods", 4, 60)), FREE)
    recent = History(ups=(Mark(3, NOW - 50),))
    assert followed([(20, 0)], behavior=behavior, history=recent)[0] == 5
    assert followed([(20, 0)], behavior=behavior, history=History(ups=(Mark(3, NOW - 61),)))[0] == 8
    assert followed([(20, 0)], behavior=behavior, history=History(downs=(Mark(2, NOW - 5),)))[0] == 10


def test_what_is_remembered_is_bounded():
    behavior, history = ScalingBehavior(rules(("Pods", 4, 60)), FREE), History()
    for step in range(500):
        now = NOW + 15 * step
        history = limit(step % 7, Bounds(3, 1, 9, behavior), history, now).history.scaled(behavior, 3, 4, now)
    assert len(history.proposals) <= 2
    assert len(history.ups) <= 6


CPU = MetricSpec("Resource", resource=ResourceMetric("cpu", target=MetricTarget("Utilization", 50)))
QUEUE = MetricSpec("External", external=NamedMetric())


def autoscaler(*metrics, least=1, most=10, conditions=(), behavior=None):
    return HorizontalPodAutoscaler(
        metadata=ObjectMeta(name="web", namespace="default", uid="hpa", generation=3),
        spec=AutoscalerSpec(min_replicas=least, max_replicas=most, metrics=metrics or (CPU,), behavior=behavior),
        status=AutoscalerStatus(desired_replicas=7, conditions=conditions),
    )


def seen(replicas, *cpu):
    """As many pods as amounts of cpu, measured just now."""
    names = [f"p{number}" for number in range(len(cpu))]
    use = [
        PodMetrics(
            metadata=ObjectMeta(name=name),
            timestamp=rfc3339(NOW),
            window="15s",
            containers=(ContainerMetrics("main", {"cpu": amount}),),
        )
        for name, amount in zip(names, cpu, strict=True)
    ]
    scale = Scale(spec=ScaleSpec(replicas), status=ScaleStatus(replicas, "app=web"))
    return lambda scaler: Seen(scale, PodSet(worker(name) for name in names), asking(scaler, use))


def decide(scaler, look, history, now):
    return turn.decide(scaler, look(scaler), history, now)


def reasons(decision):
    return {each.type: (each.status, each.reason) for each in decision.conditions}


def test_a_turn_that_scales_and_one_that_cannot():
    decision = decide(autoscaler(), seen(2, "100m", "100m"), History(), NOW)
    assert (decision.current, decision.desired, decision.rescale) == (2, 4, True)
    assert decision.why == "cpu resource utilization (percentage of request) above target"
    done = rescaled(autoscaler(), decision, NOW)
    assert reasons(done)["AbleToScale"] == ("True", "SucceededRescale")
    assert [(each.type, each.reason) for each in done.news] == [("Normal", "SuccessfulRescale")]
    assert status_of(autoscaler(), done)["lastScaleTime"] == rfc3339(NOW)
    failed = not_rescaled(autoscaler(), decision, "no", NOW)
    assert reasons(failed)["AbleToScale"] == ("False", "FailedUpdateScale")
    assert failed.news[-1].message == f"New size: 4; reason: {decision.why}; error: no"
    assert status_of(autoscaler(), failed).get("desiredReplicas") is None


def test_one_metric_that_fails_stops_a_decrease_but_no_increase():
    pods = MetricSpec("Pods", pods=NamedMetric())
    more = decide(autoscaler(CPU, pods), seen(2, "100m", "100m"), History(), NOW)
    assert (more.desired, reasons(more)["ScalingActive"]) == (4, ("True", "ValidMetricFound"))
    less = decide(autoscaler(CPU, pods), seen(2, "10m", "10m"), History(), NOW)
    assert (less.rescale, reasons(less)["ScalingActive"]) == (False, ("False", "FailedGetPodsMetric"))
    assert [each.reason for each in less.news] == ["FailedGetPodsMetric", "FailedComputeMetricsReplicas"]


def test_none_is_left_only_by_an_autoscaler_that_chose_it():
    slept = (Condition("ScaledToZero", "True", "ScaledToZero"),)
    assert reasons(decide(autoscaler(), seen(0), History(), NOW))["ScalingActive"] == ("False", "ScalingDisabled")
    woken = decide(autoscaler(QUEUE, least=0, conditions=slept), seen(0), History(), NOW)
    assert reasons(woken)["ScalingActive"] == ("False", "FailedGetExternalMetric")


def test_a_target_without_a_scale_leaves_the_rest_of_the_status():
    decision = without_scale(autoscaler(), "not there", History(), NOW)
    assert list(status_of(autoscaler(), decision)) == ["conditions"]
