"""ScalePolicies as an API server checks them, and what they decide beside the cluster's own autoscaler."""

import pytest

from kubewright.api.crds.scalepolicy import SCALE_POLICY_CRD
from kubewright.autoscaler.imports.hpa import from_autoscaler
from kubewright.autoscaler.imports.keda import from_scaled_object
from tests.contract import adapter_server, test_autoscalers
from tests.contract.adapter_server import Number
from tests.contract.asking import eventually
from tests.contract.conftest import established, service_on
from tests.contract.manifests import deployment
from tests.contract.test_autoscalers import autoscaler as hpa
from tests.contract.test_autoscalers import busy, resource
from tests.unit.autoscaler.imports.samples import AUTOSCALER, SCALED_OBJECT

usage_served = test_autoscalers.usage_served


@pytest.fixture
async def policies(api, namespace):
    """The kind, which the platform brings, too, and leaves."""
    crds = api.of("customresourcedefinitions")
    assert (await crds.create(SCALE_POLICY_CRD)).status in {201, 409}
    await crds.becomes(SCALE_POLICY_CRD["metadata"]["name"], established)
    found = api.of("scalepolicies", namespace, root="/apis/kubewright.dev/v1alpha1")
    await found.served()
    return found


def policy(name="web", **spec):
    spec = {"target": {"name": "web"}, "max": 10, **spec}
    metadata = {"name": name}
    return {"apiVersion": "kubewright.dev/v1alpha1", "kind": "ScalePolicy", "metadata": metadata, "spec": spec}


QUEUE = {"queue": {"query": "sum(jobs_waiting)", "average": 30}}


async def test_a_policy_is_taken_with_its_defaults(policies):
    hours = {"name": "day", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "min": 4}
    metrics = [
        {"cpu": {"percent": 70}},
        {"memory": {"average": "1Gi", "container": "main"}},
        {"requests": {"average": "12.5", "capacity": 20}},
        {"latency": {"milliseconds": 300}},
        {"gpu": {"percent": 80}},
        QUEUE,
        {"promql": {"query": "sum(x)", "value": "1.5"}},
    ]
    down = {"stabilizationWindowSeconds": 60, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    given = {"min": 0, "metrics": metrics, "schedules": [hours], "behavior": {"scaleDown": down}}
    made = (await policies.create(policy(**given, fallback={"replicas": 3}))).ok()["spec"]
    assert made["target"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert (made["mode"], made["existing"], made["rolloutMin"]) == ("predictive", "Shadow", 0)
    assert made["metrics"][3] == {"latency": {"milliseconds": 300, "percentile": 95}}
    assert made["schedules"] == [{**hours, "timeZone": "UTC"}]
    assert made["fallback"] == {"replicas": 3, "afterSeconds": 300}
    assert made["behavior"] == {"scaleDown": down}


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        pytest.param({"min": 11}, "spec.min", "raise max or lower min", id="min over max"),
        pytest.param({"rolloutMin": 11}, "spec.rolloutMin", "at most max", id="more during rollouts than ever"),
        pytest.param({"min": 0}, "spec.min", "say what wakes the workload", id="nothing to wake it"),
        pytest.param(
            {"min": 0, "metrics": [{"promql": {"query": "a", "perPod": 1}}]}, "spec.min", "what wakes", id="pods alone"
        ),
        pytest.param(
            {"metrics": [{"cpu": {"percent": 70}, **QUEUE}]}, "spec.metrics[0]", "a metric is one of", id="two kinds"
        ),
        pytest.param({"metrics": [{}]}, "spec.metrics[0]", "a metric is one of", id="no kind"),
        pytest.param({"metrics": [{"cpu": {}}]}, "spec.metrics[0].cpu", "percent or average", id="no aim"),
        pytest.param(
            {"metrics": [{"cpu": {"percent": 5, "average": 1}}]}, "spec.metrics[0].cpu", "one of the two", id="two aims"
        ),
        pytest.param({"metrics": [{"cpu": {"percent": 0}}]}, "spec.metrics[0].cpu.percent", "", id="a share of zero"),
        pytest.param(
            {"metrics": [{"requests": {"average": 0}}]}, "spec.metrics[0].requests.average", "above 0", id="zero"
        ),
        pytest.param(
            {"metrics": [{"requests": {"average": "0.0m"}}]}, "spec.metrics[0].requests.average", "above 0", id="nil"
        ),
        pytest.param(
            {"metrics": [{"requests": {"average": "-1"}}]}, "spec.metrics[0].requests.average", "", id="below zero"
        ),
        pytest.param(
            {"metrics": [{"promql": {"query": "a"}}]}, "spec.metrics[0].promql", "average, value and", id="no goal"
        ),
        pytest.param(
            {"metrics": [{"promql": {"query": "", "value": 1}}]}, "spec.metrics[0].promql.query", "", id="no query"
        ),
        pytest.param({"mode": "magic"}, "spec.mode", "", id="a mode that is not there"),
        pytest.param(
            {"schedules": [{"name": "a", "start": "soon", "end": "0 0 * * *", "min": 1}]},
            "spec.schedules[0].start",
            "",
            id="a time that is none",
        ),
        pytest.param(
            {"schedules": [{"name": "a", "start": "@daily", "end": "0 9 * * *"}]},
            "spec.schedules[0]",
            "min, max or both",
            id="a schedule for nothing",
        ),
        pytest.param(
            {"schedules": [{"name": "a", "start": "@daily", "end": "0 9 * * *", "min": 3, "max": 2}]},
            "spec.schedules[0].min",
            "raise max",
            id="a schedule that contradicts itself",
        ),
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused(policies, spec, field, words):
    refused = (await policies.create(policy(**spec))).refused
    assert refused.code == 422
    assert field in refused.fields
    assert words in refused.message


@pytest.mark.parametrize(
    "imported", [from_scaled_object(SCALED_OBJECT), from_autoscaler(AUTOSCALER)], ids=["ScaledObject", "autoscaler"]
)
async def test_a_policy_that_was_imported_is_taken(policies, imported):
    made = {**imported.policy, "metadata": {"name": imported.policy["metadata"]["name"]}}
    stored = (await policies.create(made)).ok()["spec"]
    assert {name: stored[name] for name in ("metrics", "behavior", "min", "max", "mode")} == {
        name: made["spec"][name] for name in ("metrics", "behavior", "min", "max", "mode")
    }


@pytest.fixture
def autoscaler(cluster, policies, usage_served):
    """`kubewright run autoscaler` beside the cluster's own."""
    with service_on(cluster, "run", "autoscaler") as process:
        yield process


def cases():
    """Pods, what each uses, and what an autoscaler and a policy are told: the same in the words of each."""
    once = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}]}
    at_once = {"stabilizationWindowSeconds": 0}
    half = ({"averageUtilization": 50}, {"percent": 50})
    yield "up", 2, "100m", "cpu", half, {"max": 4}
    yield "kept", 2, "53m", "cpu", half, {}
    yield "held", 2, "10m", "cpu", ({"averageValue": "40m"}, {"average": "40m"}), {}
    yield "down", 3, "10m", "cpu", ({"averageValue": "40m"}, {"average": "40m"}), {"behavior": {"scaleDown": at_once}}
    yield "one", 1, "100m", "cpu", ({"averageUtilization": 20}, {"percent": 20}), {"behavior": {"scaleUp": once}}
    yield "most", 3, "100m", "memory", ({"averageValue": "16Mi"}, {"average": "16Mi"}), {}
    yield "never", 2, "10m", "cpu", half, {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}


async def settled(autoscalers, policies, wanted):
    """Wait until both say the same of each, and that there are as many pods as are wanted."""

    def decided(document):
        status = document.get("status", {})
        found = {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions") or []}
        said = (found.get("ScalingActive"), found.get("ScalingLimited"))
        return status.get("currentReplicas"), status.get("desiredReplicas"), *said

    async def alike():
        theirs = {each["metadata"]["name"]: each for each in (await autoscalers.list()).ok()["items"]}
        ours = {each["metadata"]["name"]: each for each in (await policies.list()).ok()["items"]}
        pairs = {name: (decided(theirs[name]), decided(ours[name])) for name in wanted}
        valid = ("True", "ValidMetricFound")
        still = all(their[:3] == (wanted[name], wanted[name], valid) for name, (their, _) in pairs.items())
        return still and all(their == our for their, our in pairs.values())

    async def both():
        return [decided(each) for of in (autoscalers, policies) for each in (await of.list()).ok()["items"]]

    await eventually(alike, both)


async def test_a_policy_decides_as_the_clusters_own_autoscaler(policies, autoscaler, api, namespace):
    """Each policy only says what it would do, beside an autoscaler that acts: both see the same pods and their use."""
    deployments = api.of("deployments", namespace)
    autoscalers = api.of("horizontalpodautoscalers", namespace, root="/apis/autoscaling/v2")
    known = tuple(cases())
    for name, replicas, cpu, metric, (_, aim), spec in known:
        _, made = busy(name, replicas, cpu)
        (await deployments.create(made)).ok()
        told = {"target": {"name": name}, "mode": "recommend", "metrics": [{metric: aim}]}
        (await policies.create(policy(name, **told, **({"max": 5} | spec)))).ok()
    for name, *_ in known:
        await policies.becomes(name, lambda it: it.get("status", {}).get("metrics"))
    # A policy that has seen what was before counts what the other does from then on.
    for name, _, _, metric, (goal, _), spec in known:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        told = {"most": spec.get("max", 5), **{key: spec[key] for key in spec if key != "max"}}
        (await autoscalers.create(hpa(name, [resource(metric, **goal)], target, **told))).ok()

    wanted = {"up": 4, "kept": 2, "held": 2, "down": 1, "one": 2, "most": 5, "never": 2}
    await settled(autoscalers, policies, wanted)


SHARED = {
    # A metric, its number, how many pods there are, what is aimed at, bounds, and how many pods come of it.
    "pods-up": (Number("20"), 2, "perPod", "10", {"max": 4}, 4),
    "pods-kept": (Number("10500m"), 3, "perPod", "10", {}, 3),
    "pods-down": (Number("2"), 3, "perPod", "10", {"down": 0}, 1),
    # What a pod does that says nothing counts as nothing where others would ask for more.
    "pods-lacking": (Number("12", lacking=1), 2, "perPod", "10", {}, 2),
    "object-up": (Number("30"), 1, "object", "10", {"max": 5}, 5),
    "object-kept": (Number("10900m"), 2, "object", "10", {}, 2),
    "object-shared": (Number("45"), 2, "objectAverage", "15", {}, 3),
    "external-up": (Number("70"), 2, "average", "20", {}, 4),
    "external-down": (Number("19"), 3, "average", "10", {"down": 0}, 2),
    "external-held": (Number("19"), 3, "average", "10", {}, 3),
    "external-value": (Number("21"), 1, "value", "10", {"max": 3}, 3),
}


def told_in_both_words(name, aim, target):
    """The metric as an autoscaler and as a policy has it."""
    series = name.replace("-", "_")
    metric = {"name": series}
    about = {"apiVersion": "v1", "kind": "Service", "name": "web"}
    average, value = {"type": "AverageValue", "averageValue": target}, {"type": "Value", "value": target}
    match aim:
        case "perPod":
            theirs = {"type": "Pods", "pods": {"metric": metric, "target": average}}
        case "object" | "objectAverage":
            goal = value if aim == "object" else average
            theirs = {"type": "Object", "object": {"metric": metric, "describedObject": about, "target": goal}}
        case _:
            goal = value if aim == "value" else average
            theirs = {"type": "External", "external": {"metric": metric, "target": goal}}
    field = {"object": "value", "objectAverage": "average"}.get(aim, aim)
    query = f"each_{series}" if aim == "perPod" else series
    return theirs, {"promql": {"query": query, field: target}}


async def test_a_policy_goes_by_any_metric_as_the_clusters_own_autoscaler_does(
    cluster, policies, api, namespace, tmp_path
):
    """The autoscaler asks an adapter, the policy a store; both are told the same."""
    if cluster.name == "twin":
        pytest.skip("the twin has no adapters: its autoscaler says that nobody serves such metrics")
    deployments = api.of("deployments", namespace)
    autoscalers = api.of("horizontalpodautoscalers", namespace, root="/apis/autoscaling/v2")
    numbers = {name.replace("-", "_"): number for name, (number, *_) in SHARED.items()}
    async with adapter_server.serving(tmp_path, api, namespace, numbers) as store:
        with service_on(cluster, "run", "autoscaler", "--prometheus", store):
            for name, (_, replicas, aim, goal, spec, _) in SHARED.items():
                (await deployments.create(deployment(name, replicas))).ok()
                await deployments.becomes(name, lambda it, n=replicas: it["status"].get("readyReplicas") == n)
                _, ours = told_in_both_words(name, aim, goal)
                (await policies.create(policy(name, **common(name, spec), mode="recommend", metrics=[ours]))).ok()
            for name in SHARED:
                await policies.becomes(name, lambda it: it.get("status", {}).get("metrics"))
            for name, (_, _, aim, goal, spec, _) in SHARED.items():
                theirs, _ = told_in_both_words(name, aim, goal)
                told = {name: each for name, each in common(name, spec).items() if name == "behavior"}
                target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
                (await autoscalers.create(hpa(name, [theirs], target, most=spec.get("max", 5), **told))).ok()
            await settled(autoscalers, policies, {name: wanted for name, (*_, wanted) in SHARED.items()})


def common(name, spec):
    rules = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": spec["down"]}}} if "down" in spec else {}
    return {"target": {"name": name}, "max": spec.get("max", 5), **rules}
