"""`autoscaling/v1`, which has fields for cpu alone and keeps all else in annotations."""

import json

import pytest

from tests.contract.asking import TABLE

NOTES = "autoscaling.alpha.kubernetes.io"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
SERVICE = {"apiVersion": "v1", "kind": "Service", "name": "web"}
SELECTOR = {"matchLabels": {"a": "b"}}


@pytest.fixture
def old(api, namespace):
    return api.of("horizontalpodautoscalers", namespace, root="/apis/autoscaling/v1")


@pytest.fixture
def new(api, namespace):
    return api.of("horizontalpodautoscalers", namespace, root="/apis/autoscaling/v2")


def autoscaler(version, name="web", **spec):
    spec = {"scaleTargetRef": TARGET, "maxReplicas": 5, **spec}
    kind = {"apiVersion": f"autoscaling/{version}", "kind": "HorizontalPodAutoscaler"}
    return {**kind, "metadata": {"name": name, "annotations": {"mine": "kept"}}, "spec": spec}


def resource(name, **target):
    target["type"] = "Utilization" if "averageUtilization" in target else "AverageValue"
    return {"type": "Resource", "resource": {"name": name, "target": target}}


async def test_what_is_made_in_v1_is_whole_in_v2(old, new):
    made = (await old.create(autoscaler("v1"))).ok()
    share = {"targetCPUUtilizationPercentage": 80}
    assert made["spec"] == {"scaleTargetRef": TARGET, "maxReplicas": 5, "minReplicas": 1, **share}
    assert made["apiVersion"] == "autoscaling/v1"
    assert {name: made["status"][name] for name in ("currentReplicas", "desiredReplicas")} == {
        "currentReplicas": 0,
        "desiredReplicas": 0,
    }
    whole = (await new.get("web")).ok()
    metrics = [resource("cpu", averageUtilization=80)]
    assert whole["spec"] == {"scaleTargetRef": TARGET, "maxReplicas": 5, "minReplicas": 1, "metrics": metrics}
    assert whole["metadata"]["annotations"] == {"mine": "kept"}
    changed = (await old.merge("web", {"spec": {"targetCPUUtilizationPercentage": 50}})).ok()
    assert changed["metadata"]["generation"] == 2
    assert (await new.get("web")).ok()["spec"]["metrics"] == [resource("cpu", averageUtilization=50)]


async def test_what_v1_cannot_say_is_in_annotations(old, new):
    identified = {"metric": {"name": "rps", "selector": SELECTOR}}
    metrics = [
        resource("memory", averageUtilization=60),
        resource("cpu", averageUtilization=70),
        resource("cpu", averageValue="100m"),
        {
            "type": "ContainerResource",
            "containerResource": {
                "name": "cpu",
                "container": "main",
                "target": {"type": "AverageValue", "averageValue": "5"},
            },
        },
        {"type": "Pods", "pods": {**identified, "target": {"type": "AverageValue", "averageValue": "5"}}},
        {
            "type": "Object",
            "object": {"describedObject": SERVICE, **identified, "target": {"type": "Value", "value": "5"}},
        },
        {
            "type": "Object",
            "object": {
                "describedObject": SERVICE,
                "metric": {"name": "rps"},
                "target": {"type": "AverageValue", "averageValue": "6"},
            },
        },
        {"type": "External", "external": {**identified, "target": {"type": "Value", "value": "5"}}},
        {
            "type": "External",
            "external": {"metric": {"name": "<rps>"}, "target": {"type": "AverageValue", "averageValue": "7"}},
        },
    ]
    behavior = {"scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}], "tolerance": "50m"}}
    (await new.create(autoscaler("v2", metrics=metrics, behavior=behavior))).ok()
    whole = (await new.get("web")).ok()
    shown = (await old.get("web")).ok()
    share = {"targetCPUUtilizationPercentage": 70}
    assert shown["spec"] == {"scaleTargetRef": TARGET, "maxReplicas": 5, "minReplicas": 1, **share}
    notes = shown["metadata"]["annotations"]
    assert notes["mine"] == "kept"
    service = '{"kind":"Service","name":"web","apiVersion":"v1"}'
    selected = '{"matchLabels":{"a":"b"}}'
    assert notes[f"{NOTES}/metrics"] == (
        '[{"type":"Resource","resource":{"name":"memory","targetAverageUtilization":60}}'
        ',{"type":"Resource","resource":{"name":"cpu","targetAverageValue":"100m"}}'
        ',{"type":"ContainerResource","containerResource":'
        '{"name":"cpu","targetAverageValue":"5","container":"main"}}'
        f',{{"type":"Pods","pods":{{"metricName":"rps","targetAverageValue":"5","selector":{selected}}}}}'
        f',{{"type":"Object","object":{{"target":{service},"metricName":"rps","targetValue":"5","selector":{selected}}}}}'
        f',{{"type":"Object","object":{{"target":{service},"metricName":"rps","targetValue":"0","averageValue":"6"}}}}'
        f',{{"type":"External","external":{{"metricName":"rps","metricSelector":{selected},"targetValue":"5"}}}}'
        ',{"type":"External","external":{"metricName":"\\u003crps\\u003e","targetAverageValue":"7"}}]'
    )
    up = (
        '{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":2,"PeriodSeconds":60}]'
    )
    down = '{"StabilizationWindowSeconds":null,"SelectPolicy":"Max",'
    down += '"Policies":[{"Type":"Percent","Value":100,"PeriodSeconds":15}]'
    expected = f'{{"ScaleUp":{up},"Tolerance":"50m"}},"ScaleDown":{down},"Tolerance":null}}}}'
    assert notes[f"{NOTES}/behavior"] == expected
    # Written back as it was read, nothing is lost but the order.
    shown["spec"]["maxReplicas"] = 6
    del shown["metadata"]["resourceVersion"]
    (await old.update(shown)).ok()
    again = (await new.get("web")).ok()
    assert again["spec"]["behavior"] == whole["spec"]["behavior"]
    cpu = whole["spec"]["metrics"].pop(1)
    assert again["spec"]["metrics"] == [*whole["spec"]["metrics"], cpu]
    assert again["spec"]["maxReplicas"] == 6
    assert again["metadata"]["annotations"] == {"mine": "kept"}


async def test_conditions_and_use_are_in_annotations(old, new):
    (await new.create(autoscaler("v2"))).ok()

    def refused(document):
        return f"{NOTES}/conditions" in document["metadata"]["annotations"]

    shown = await old.becomes("web", refused)
    whole = (await new.get("web")).ok()
    told = json.loads(shown["metadata"]["annotations"][f"{NOTES}/conditions"])
    assert told == whole["status"]["conditions"]
    assert list(told[0]) == ["type", "status", "lastTransitionTime", "reason", "message"]
    use = {"averageUtilization": 12, "averageValue": "12m"}
    current = [{"type": "Resource", "resource": {"name": "cpu", "current": use}}, {"type": ""}]
    (await new.merge("web", {"status": {"currentMetrics": current}}, "status")).ok()
    shown = (await old.get("web")).ok()
    assert shown["status"]["currentCPUUtilizationPercentage"] == 12
    written = '{"name":"cpu","currentAverageUtilization":12,"currentAverageValue":"12m"}'
    expected = f'[{{"type":"Resource","resource":{written}}},{{"type":""}}]'
    assert shown["metadata"]["annotations"][f"{NOTES}/current-metrics"] == expected


async def test_it_is_refused_and_shown_as_in_v2(api, old, new, namespace):
    refused = (await old.create(autoscaler("v1", maxReplicas=0, targetCPUUtilizationPercentage=-1))).refused
    assert set(refused.fields) == {
        "spec.maxReplicas",
        "spec.metrics[0].resource.target.averageUtilization",
    }
    (await old.create(autoscaler("v1"))).ok()
    tables = [(await api.ask("GET", each.at("web"), accept=TABLE)).ok() for each in (old, new)]
    rows = [table["rows"][0]["cells"][:5] for table in tables]
    assert rows[0] == rows[1] == ["web", "Deployment/web", "cpu: <unknown>/80%", "1", 5]
    groups = (await api.get("/apis/autoscaling")).ok()
    assert [each["version"] for each in groups["versions"]] == ["v2", "v1"]
    assert groups["preferredVersion"]["version"] == "v2"
