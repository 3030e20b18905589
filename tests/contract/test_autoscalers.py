"""HorizontalPodAutoscalers: what they do and say, without any metrics and with those of `metrics.k8s.io`."""

import pytest

from tests.contract import metrics_server
from tests.contract.asking import eventually
from tests.contract.manifests import crd, custom, deployment, schema
from tests.contract.metrics_server import PREFIX

ROOT = "/apis/autoscaling/v2"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
PODS_METRIC = {
    "type": "Pods",
    "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": 5}},
}
SERVICE = {"apiVersion": "v1", "kind": "Service", "name": "web"}
NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
NO_EXTERNAL = (
    "unable to fetch metrics from external metrics API: the server could not find the requested resource"
    " (get rps.external.metrics.k8s.io)"
)


@pytest.fixture
def autoscalers(api, namespace):
    return api.of("horizontalpodautoscalers", namespace, root=ROOT)


@pytest.fixture
def deployments(api, namespace):
    return api.of("deployments", namespace)


def autoscaler(name="web", metrics=(PODS_METRIC,), target=None, most=5, **spec):
    spec = {"scaleTargetRef": target or TARGET, "maxReplicas": most, "metrics": list(metrics), **spec}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": spec}


def said(document):
    """What an autoscaler's conditions say: type -> (status, reason, message)."""
    conditions = document.get("status", {}).get("conditions") or []
    return {each["type"]: (each["status"], each["reason"], each["message"]) for each in conditions}


def says(type_, reason):
    return lambda document: said(document).get(type_, ("", ""))[1] == reason


SEEN = ("True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")


@pytest.fixture
def told(api, namespace):
    """What was told of an autoscaler: reason -> message, once all of these reasons were."""

    async def told(name, *reasons):
        events = api.of("events", namespace)

        async def all_of_them():
            listed = (await events.list(fieldSelector=f"involvedObject.name={name}")).ok()["items"]
            ours = [each for each in listed if each["source"]["component"] == "horizontal-pod-autoscaler"]
            # A controller that has not yet heard of its own last write writes in vain, and says so.
            found = {each["reason"]: each["message"] for each in ours if each["reason"] != "FailedUpdateStatus"}
            return found if set(reasons) <= set(found) else None

        return await eventually(all_of_them, events.list)

    return told


async def test_a_target_that_is_not_there_is_told(autoscalers, told):
    (await autoscalers.create(autoscaler())).ok()
    made = await autoscalers.becomes("web", says("AbleToScale", "FailedGetScale"))
    problem = 'deployments.apps "web" not found'
    message = f"the HPA controller was unable to get the target's current scale: {problem}"
    assert said(made) == {"AbleToScale": ("False", "FailedGetScale", message)}
    assert {name: made["status"][name] for name in made["status"] if name != "conditions"} == {
        "currentMetrics": None,
        "desiredReplicas": 0,
    }
    assert await told("web", "FailedGetScale") == {"FailedGetScale": problem}


async def test_a_kind_that_nobody_knows_is_told(autoscalers):
    for name, version in (("a", "nobody.example.com/v1"), ("b", "apps/v1")):
        target = {"apiVersion": version, "kind": "Nothing", "name": "web"}
        (await autoscalers.create(autoscaler(name, target=target))).ok()
    for name, group in (("a", "nobody.example.com"), ("b", "apps")):
        made = await autoscalers.becomes(name, says("AbleToScale", "FailedGetScale"))
        message = said(made)["AbleToScale"][2]
        assert message.endswith(f'current scale: no matches for kind "Nothing" in group "{group}"')


async def test_a_kind_without_a_scale_is_told(autoscalers, api, namespace):
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}
    (await api.of("configmaps", namespace).create(settings)).ok()
    target = {"apiVersion": "v1", "kind": "ConfigMap", "name": "web"}
    made = autoscaler(target=target)
    assert (await autoscalers.create(made)).status == 422
    leases = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "name": "web"}
    lease = {**leases, "metadata": {"name": "web"}}
    del lease["name"]
    (await api.of("leases", namespace).create(lease)).ok()
    (await autoscalers.create(autoscaler(target=leases))).ok()
    failed = await autoscalers.becomes("web", says("AbleToScale", "FailedGetScale"))
    problem = "the server could not find the requested resource"
    assert said(failed)["AbleToScale"][2].endswith(f"target's current scale: {problem}")


async def test_metrics_that_no_adapter_serves_are_told(autoscalers, deployments, namespace, told):
    service = {"metric": {"name": "rps"}, "describedObject": SERVICE}
    selector = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d", "e"]}]}
    written = (
        "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement"
        "{LabelSelectorRequirement{Key:c,Operator:In,Values:[d e],},},}"
    )
    cases = {
        "pods": (PODS_METRIC, "FailedGetPodsMetric", f"unable to get metric rps: {NO_CUSTOM}", "pods metric value: "),
        "object": (
            {"type": "Object", "object": {**service, "target": {"type": "Value", "value": 5}}},
            "FailedGetObjectMetric",
            f"unable to get metric rps on Service {namespace}/web: {NO_CUSTOM}",
            "object metric value: ",
        ),
        "object-average": (
            {"type": "Object", "object": {**service, "target": {"type": "AverageValue", "averageValue": 5}}},
            "FailedGetObjectMetric",
            f"unable to get metric rps on Service {namespace}/web: {NO_CUSTOM}",
            "object metric value: failed to get rps object metric: ",
        ),
        "external": (
            {"type": "External", "external": {"metric": {"name": "rps"}, "target": {"type": "Value", "value": 5}}},
            "FailedGetExternalMetric",
            f"unable to get external metric {namespace}/rps/nil: {NO_EXTERNAL}",
            "rps external metric value: failed to get external metric rps: ",
        ),
        "external-average": (
            {
                "type": "External",
                "external": {
                    "metric": {"name": "rps", "selector": selector},
                    "target": {"type": "AverageValue", "averageValue": 5},
                },
            },
            "FailedGetExternalMetric",
            f"unable to get external metric {namespace}/rps/{written}: {NO_EXTERNAL}",
            "rps external metric value: failed to get rps external metric: ",
        ),
    }
    for name, (metric, *_) in cases.items():
        (await deployments.create(deployment(name, 2))).ok()
        target = {**TARGET, "name": name}
        (await autoscalers.create(autoscaler(name, [metric], target))).ok()
    for name, (_, reason, problem, prefix) in cases.items():
        made = await autoscalers.becomes(name, says("ScalingActive", reason))
        message = f"the HPA was unable to compute the replica count: {problem}"
        assert said(made) == {"AbleToScale": SEEN, "ScalingActive": ("False", reason, message)}
        whole = f"invalid metrics (1 invalid out of 1), first error is: failed to get {prefix}{problem}"
        assert await told(name, reason, "FailedComputeMetricsReplicas") == {
            reason: problem,
            "FailedComputeMetricsReplicas": whole,
        }
        assert {key: made["status"][key] for key in made["status"] if key != "conditions"} == {
            "currentMetrics": [{"type": ""}],
            "currentReplicas": 2,
            "desiredReplicas": 0,
            "observedGeneration": 1,
        }


async def test_the_bounds_hold_without_any_metric(autoscalers, deployments, told):
    bounded = {}
    for name, replicas in (("many", 5), ("few", 1)):
        (await deployments.create(deployment(name, replicas))).ok()
        document = autoscaler(name, target={**TARGET, "name": name}, most=3, minReplicas=2)
        bounded[name] = (await autoscalers.create(document)).ok()
    for name, replicas, why in (("many", 3, "above Spec.MaxReplicas"), ("few", 2, "below Spec.MinReplicas")):
        made = await autoscalers.passes(bounded[name], says("AbleToScale", "SucceededRescale"))
        update = f"the HPA controller was able to update the target scale to {replicas}"
        assert said(made) == {
            "AbleToScale": ("True", "SucceededRescale", update),
            "ScaledToZero": ("False", "NotScaledToZero", "the HPA controller did not scale the workload to zero"),
        }
        assert (made["status"]["desiredReplicas"], made["status"]["currentMetrics"]) == (replicas, None)
        assert made["status"]["lastScaleTime"]
        await deployments.becomes(name, lambda it, replicas=replicas: it["spec"]["replicas"] == replicas)
        message = f"New size: {replicas}; reason: Current number of replicas {why}"
        assert (await told(name, "SuccessfulRescale"))["SuccessfulRescale"] == message


async def test_a_target_that_was_scaled_to_none_is_left_alone(autoscalers, deployments):
    (await deployments.create(deployment("web", 0))).ok()
    (await autoscalers.create(autoscaler(minReplicas=2))).ok()
    made = await autoscalers.becomes("web", says("ScalingActive", "ScalingDisabled"))
    text = "scaling is disabled since the replica count of the target is zero"
    assert said(made) == {"AbleToScale": SEEN, "ScalingActive": ("False", "ScalingDisabled", text)}
    status = {key: made["status"][key] for key in made["status"] if key != "conditions"}
    assert status == {"currentMetrics": None, "desiredReplicas": 0, "observedGeneration": 1}


async def test_pods_of_two_autoscalers_are_told(autoscalers, deployments, namespace):
    (await deployments.create(deployment("web", 1))).ok()
    await deployments.becomes("web", lambda it: it["status"].get("readyReplicas") == 1)
    for name in ("a", "b"):
        (await autoscalers.create(autoscaler(name))).ok()

    async def ambiguous():
        both = [said((await autoscalers.get(name)).ok()).get("ScalingActive", ("",) * 3) for name in ("a", "b")]
        return next((each for each in both if each[1] == "AmbiguousSelector"), None)

    status, _, message = await eventually(ambiguous, autoscalers.list)
    assert status == "False"
    before, _, named = message.partition(" (e.g. ")
    assert before == "pods by selector app=web are controlled by more than one HPA"
    assert named in {f"[{namespace}/{one} {namespace}/{other}])" for one, other in ("ab", "ba")}


async def test_a_custom_kind_without_a_selector_is_told(autoscalers, things, told):
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
    definition = crd(schema(size={"type": "integer"}), subresources={"status": {}, "scale": paths})
    collection = await things(definition)
    made = (await collection.create(custom(definition, "a", spec={"size": 1}))).ok()
    target = {"apiVersion": made["apiVersion"], "kind": made["kind"], "name": "a"}
    (await autoscalers.create(autoscaler(target=target))).ok()
    failed = await autoscalers.becomes("web", says("ScalingActive", "InvalidSelector"))
    text = "the HPA target's scale is missing a selector"
    assert said(failed) == {"AbleToScale": SEEN, "ScalingActive": ("False", "InvalidSelector", text)}
    assert failed["status"]["currentMetrics"] is None
    reasons = ("SelectorRequired", "FailedComputeMetricsReplicas")
    found = await told("web", *reasons)
    # A real controller learns of a new kind a little later, and says so until then.
    assert {reason: found[reason] for reason in reasons} == dict.fromkeys(reasons, "selector is required")


@pytest.fixture
async def usage_served(cluster, api, tmp_path):
    """The twin serves what its pods use itself; a control plane has a stand-in for a while."""
    if cluster.name == "twin":
        yield
    else:
        async with metrics_server.serving(tmp_path, api):
            yield


def busy(name, replicas, cpu, memory="64Mi"):
    """A Deployment whose pods request 100m and 64Mi and use this much each."""
    made = deployment(name, replicas)
    template = made["spec"]["template"]
    template["metadata"]["annotations"] = {f"{PREFIX}cpu": cpu, f"{PREFIX}memory": memory}
    (container,) = template["spec"]["containers"]
    container["resources"] = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    return container["name"], made


def resource(name, container="", **target):
    target["type"] = "Utilization" if "averageUtilization" in target else "AverageValue"
    if container:
        source = {"name": name, "container": container, "target": target}
        return {"type": "ContainerResource", "containerResource": source}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


async def test_what_pods_use_decides(autoscalers, deployments, api, namespace, usage_served):
    policy = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}]}
    at_once = {"stabilizationWindowSeconds": 0}
    cases = {
        # Twice as much as wanted: twice as many, and not again while new ones are as busy.
        "up": (2, "100m", [resource("cpu", averageUtilization=50)], {"maxReplicas": 4}),
        # Within a tenth: nothing is done.
        "kept": (2, "53m", [resource("cpu", averageUtilization=50)], {}),
        # Less is wanted, but the first proposal was what there was.
        "held": (2, "10m", [resource("cpu", averageValue="40m")], {}),
        "down": (2, "10m", [resource("cpu", averageValue="40m")], {"behavior": {"scaleDown": at_once}}),
        "one": (1, "100m", [resource("cpu", container="*", averageUtilization=20)], {"behavior": {"scaleUp": policy}}),
        "most": (3, "100m", [resource("memory", averageValue="16Mi")], {}),
        "mixed": (1, "100m", [resource("cpu", averageUtilization=50), PODS_METRIC], {"maxReplicas": 2}),
        "lacking": (1, "100m", [resource("example.com/thing", averageUtilization=50)], {}),
    }
    for name, (replicas, cpu, metrics, spec) in cases.items():
        container, made = busy(name, replicas, cpu)
        for metric in metrics:
            if "containerResource" in metric:
                metric["containerResource"]["container"] = container
        (await deployments.create(made)).ok()
        await deployments.becomes(name, lambda it, count=replicas: it["status"].get("readyReplicas") == count)
        (await autoscalers.create(autoscaler(name, metrics, {**TARGET, "name": name}, **spec))).ok()

    share = "resource utilization (percentage of request)"
    rescaled = {"up": (4, f"cpu {share} above target"), "down": (1, "All metrics below target")}
    rescaled |= {"one": (2, f"cpu container {share} above target"), "most": (5, "memory resource above target")}
    rescaled |= {"mixed": (2, f"cpu {share} above target")}
    wanted = {(name, f"New size: {replicas}; reason: {why}") for name, (replicas, why) in rescaled.items()}
    events = api.of("events", namespace)

    async def all_told():
        # While the use of some pods is not known yet, there may be smaller steps before.
        listed = (await events.list(fieldSelector="reason=SuccessfulRescale")).ok()["items"]
        return wanted <= {(each["involvedObject"]["name"], each["message"]) for each in listed}

    await eventually(all_told, events.list)
    for name, (replicas, _) in rescaled.items():
        await deployments.becomes(name, lambda it, count=replicas: it["spec"]["replicas"] == count)

    kept = await autoscalers.becomes("kept", says("ScalingActive", "ValidMetricFound"))
    found = "the HPA was able to successfully calculate a replica count from"
    within = ("False", "DesiredWithinRange", "the desired count is within the acceptable range")
    assert said(kept) == {
        "AbleToScale": ("True", "ReadyForNewScale", "recommended size matches current size"),
        "ScalingActive": ("True", "ValidMetricFound", f"{found} cpu {share}"),
        "ScalingLimited": within,
    }
    use = {"averageUtilization": 53, "averageValue": "53m"}
    assert kept["status"]["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": use}}]
    assert (kept["status"]["currentReplicas"], kept["status"]["desiredReplicas"]) == (2, 2)

    held = await autoscalers.becomes("held", says("ScalingActive", "ValidMetricFound"))
    highest = "recent recommendations were higher than current one, applying the highest recent recommendation"
    assert said(held) == {
        "AbleToScale": ("True", "ScaleDownStabilized", highest),
        "ScalingActive": ("True", "ValidMetricFound", f"{found} cpu resource"),
        "ScalingLimited": within,
    }
    use = {"averageValue": "10m"}
    assert held["status"]["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": use}}]

    faster = "the desired replica count is increasing faster than the maximum scale rate"
    one = await autoscalers.becomes("one", says("ScalingLimited", "ScaleUpLimit"))
    assert said(one)["ScalingLimited"] == ("True", "ScaleUpLimit", faster)
    more = "the desired replica count is more than the maximum replica count"
    most = await autoscalers.becomes("most", says("ScalingLimited", "TooManyReplicas"))
    assert said(most)["ScalingLimited"] == ("True", "TooManyReplicas", more)
    use = {"averageValue": "64Mi"}
    memory = {"type": "Resource", "resource": {"name": "memory", "current": use}}
    assert most["status"]["currentMetrics"] == [memory]
    mixed = await autoscalers.becomes("mixed", says("ScalingActive", "ValidMetricFound"))
    assert [each["type"] for each in mixed["status"]["currentMetrics"]] == ["Resource", ""]
    lacking = await autoscalers.becomes("lacking", says("ScalingActive", "FailedGetResourceMetric"))
    assert said(lacking)["ScalingActive"][2].startswith(
        "the HPA was unable to compute the replica count: failed to get example.com/thing utilization: "
    )
