"""What KEDA's objects and autoscalers become as ScalePolicies, and what is told of the rest."""

import copy
import json

import pytest
import yaml
from click.testing import CliRunner

from kubewright.autoscaler.imports.hpa import from_autoscaler
from kubewright.autoscaler.imports.keda import from_scaled_object
from kubewright.cli.main import cli
from tests.unit.autoscaler.imports.samples import AUTOSCALER, SCALED_OBJECT


def scaled(*triggers, annotations=None, **spec):
    document = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "a", "namespace": "n", "annotations": annotations or {}},
        "spec": {"scaleTargetRef": {"name": "a"}, "triggers": list(triggers), **spec},
    }
    return from_scaled_object(document)


def asked(threshold="5", **metadata):
    return {"type": "prometheus", "metadata": {"query": "sum(x)", "threshold": threshold, **metadata}}


CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
OFFICE = {"type": "cron", "metadata": {"start": "0 8 * * *", "end": "0 18 * * *", "desiredReplicas": "3"}}


def spec_of(imported):
    assert imported.policy is not None, imported.notes
    return imported.policy["spec"]


def test_a_scaled_object_becomes_a_policy_of_the_same_bounds_metrics_hours_and_rules():
    found = from_scaled_object(SCALED_OBJECT)
    assert found.policy["metadata"] == {"name": "orders", "namespace": "shop"}
    spec = spec_of(found)
    assert spec["target"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}
    assert (spec["min"], spec["max"], spec["mode"]) == (0, 40, "reactive")
    assert spec["metrics"] == [
        {
            "promql": {
                "query": '(sum(rate(http_requests_total{app="orders"}[2m]))) > -Inf < Inf or vector(0)',
                "average": "100.50",
                "activation": "5.5",
            }
        },
        {"cpu": {"percent": 60}},
        {"memory": {"container": "main", "average": "512Mi"}},
        {"promql": {"query": 'sum(kafka_consumergroup_lag{consumergroup="orders",topic="new"})', "average": "50"}},
        {"promql": {"query": 'sum(rabbitmq_queue_messages_ready{queue="mail"})', "average": "20"}},
        {"promql": {"query": 'sum(redis_key_size{db="db2",key="jobs"})', "average": "7"}},
    ]
    hours = {"start": "0 8 * * *", "end": "0 18 * * *", "timeZone": "Europe/Berlin", "min": 10}
    assert spec["schedules"] == [{"name": "cron-0", **hours}]
    assert spec["fallback"] == {"replicas": 6, "afterSeconds": 90}
    down = {"stabilizationWindowSeconds": 60, "policies": [{"type": "Percent", "value": 50, "periodSeconds": 30}]}
    assert spec["behavior"] == {"scaleDown": down}


def test_each_field_that_is_not_the_same_is_told_of():
    assert {each.partition(": ")[0] for each in from_scaled_object(SCALED_OBJECT).notes} == {
        "spec.advanced.restoreToOriginalReplicaCount",
        "spec.cooldownPeriod",
        "spec.fallback.behavior",
        "spec.pollingInterval",
        "spec.triggers[0].metadata.serverAddress",
        "spec.triggers[4]",
        "spec.triggers[4].metadata.allowIdleConsumers",
        "spec.triggers[5]",
        "spec.triggers[6]",
    }


@pytest.mark.parametrize(
    ("triggers", "spec", "field", "value"),
    [
        pytest.param([CPU], {}, "min", 1, id="cpu wakes nothing, so one pod stays"),
        pytest.param([asked()], {"maxReplicaCount": 4}, "min", 0, id="a query wakes"),
        pytest.param([CPU], {"minReplicaCount": 2, "idleReplicaCount": 0}, "min", 2, id="no fewer than with work"),
        pytest.param([asked()], {}, "max", 100, id="KEDA's own maximum"),
        pytest.param(
            [OFFICE],
            {},
            "metrics",
            [{"promql": {"query": "vector(0)", "average": 1}}],
            id="hours alone are no reason for pods outside of them",
        ),
        pytest.param([OFFICE, CPU], {}, "min", 0, id="outside of their hours there are none, however busy they were"),
        pytest.param(
            [OFFICE, CPU],
            {},
            "metrics",
            [{"cpu": {"percent": 60}}, {"promql": {"query": "vector(0)", "average": 1}}],
            id="hours wake what cpu does not",
        ),
        pytest.param(
            [OFFICE, CPU], {"minReplicaCount": 1}, "metrics", [{"cpu": {"percent": 60}}], id="who never sleeps"
        ),
        pytest.param(
            [asked(ignoreNullValues="false")],
            {},
            "metrics",
            [{"promql": {"query": "sum(x)", "average": "5"}}],
            id="nothing is nothing where that is asked for",
        ),
        pytest.param(
            [asked(query="scalar(sum(x)) * 2")],
            {},
            "metrics",
            [{"promql": {"query": "(vector(scalar(sum(x)) * 2)) > -Inf < Inf or vector(0)", "average": "5"}}],
            id="a scalar",
        ),
        pytest.param(
            [{**asked(), "metricType": "Value"}],
            {},
            "metrics",
            [{"promql": {"query": "(sum(x)) > -Inf < Inf or vector(0)", "value": "5"}}],
            id="the number itself",
        ),
    ],
)
def test_what_a_field_becomes(triggers, spec, field, value):
    assert spec_of(scaled(*triggers, **spec))[field] == value


@pytest.mark.parametrize(
    ("behavior", "fallback"),
    [
        ("currentReplicas", None),
        ("currentReplicasIfHigher", {"replicas": 4, "afterSeconds": 60}),
        ("currentReplicasIfLower", None),
    ],
)
def test_a_fallback_never_takes_pods_away(behavior, fallback):
    given = {"failureThreshold": 2, "replicas": 4, "behavior": behavior}
    assert spec_of(scaled(asked(), fallback=given)).get("fallback") == fallback


@pytest.mark.parametrize(
    ("annotation", "field", "value"),
    [
        ("paused", "mode", "recommend"),
        ("paused-replicas", "mode", "recommend"),
        ("paused-scale-in", "behavior", {"scaleDown": {"selectPolicy": "Disabled"}}),
    ],
)
def test_what_is_paused_stays_so(annotation, field, value):
    found = scaled(asked(), annotations={f"autoscaling.keda.sh/{annotation}": "true"})
    assert spec_of(found)[field] == value


@pytest.mark.parametrize(
    ("imported", "told"),
    [
        (scaled({"type": "aws-sqs-queue", "metadata": {}}), "spec.triggers[0].type: no metric is known"),
        (scaled(asked(), advanced={"scalingModifiers": {"formula": "a + b", "target": "1"}}), "scalingModifiers"),
        (scaled(asked(threshold="0")), "above 0"),
        (scaled(asked(), minReplicaCount=9, maxReplicaCount=2), "min: is at most max"),
        (scaled({**OFFICE, "metadata": {**OFFICE["metadata"], "timezone": "Mars/Phobos"}}), "timeZone"),
        (scaled({**CPU, "metadata": {"value": "many"}}), "say what is aimed at"),
        (scaled({**CPU, "metadata": None}), "say what is aimed at"),
    ],
)
def test_what_no_policy_can_say_becomes_none_and_the_reason_is_told(imported, told):
    assert imported.policy is None
    assert any(told in each for each in imported.notes), imported.notes


def test_an_autoscaler_becomes_a_policy_of_the_same_rules():
    spec = spec_of(from_autoscaler(AUTOSCALER))
    assert spec["metrics"] == [
        {"cpu": {"percent": 60}},
        {"memory": {"container": "main", "average": "1Gi"}},
        {"promql": {"query": 'sum by (namespace, pod) (packets{namespace="shop"})', "perPod": "1k"}},
        {"promql": {"query": 'sum(requests{namespace="shop",ingress="main"})', "value": "2k"}},
        {"promql": {"query": 'sum(waiting{queue="mail",zone=~"a\\\\.b|c",old=""})', "average": "30"}},
    ]
    assert spec["behavior"] == AUTOSCALER["spec"]["behavior"]
    assert (spec["min"], spec["max"], "existing" in spec) == (2, 9, False)
    assert spec_of(from_autoscaler(AUTOSCALER, adopt=True))["existing"] == "Adopt"


def test_an_autoscaler_without_metrics_goes_by_what_a_server_fills_in():
    bare = copy.deepcopy(AUTOSCALER)
    del bare["spec"]["metrics"]
    assert spec_of(from_autoscaler(bare))["metrics"] == [{"cpu": {"percent": 80}}]


def test_an_autoscaler_of_kedas_is_left_to_its_scaled_object():
    theirs = copy.deepcopy(AUTOSCALER)
    theirs["metadata"]["labels"] = {"scaledobject.keda.sh/name": "web"}
    found = from_autoscaler(theirs)
    assert found.policy is None
    assert "import that" in found.notes[0]


def test_the_command_takes_a_list_prints_policies_and_tells_the_rest_beside_them():
    text = json.dumps({"kind": "List", "items": [SCALED_OBJECT, AUTOSCALER, {"kind": "Pod", "metadata": {}}]})
    done = CliRunner().invoke(cli, ["import", "-f", "-"], input=text, standalone_mode=False)
    assert done.return_value == 0
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(done.stdout)] == ["orders", "web"]
    assert "ScaledObject/shop/orders: spec.cooldownPeriod: " in done.stderr
    strict = CliRunner().invoke(cli, ["import", "-f", "-", "--strict"], input=text, standalone_mode=False)
    assert strict.return_value == 1


def test_the_command_fails_where_there_is_nothing_to_import():
    done = CliRunner().invoke(cli, ["import", "-f", "-"], input="kind: Pod\nmetadata: {}\n", standalone_mode=False)
    assert done.return_value == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("metadata", "query"),
    [
        pytest.param(
            {"host": "amqp://rabbit:5672/shop"}, 'sum(rabbitmq_queue_messages_ready{Q,vhost="shop"})', id="amqp"
        ),
        pytest.param({"host": "http://rabbit/api/a%2Fb"}, 'sum(rabbitmq_queue_messages{Q,vhost="a/b"})', id="a path"),
        pytest.param(
            {"host": "http://rabbit:15672/"}, 'sum(rabbitmq_queue_messages{Q,vhost="/"})', id="the default one"
        ),
        pytest.param(
            {"host": "http://rabbit", "vhostName": "b"}, 'sum(rabbitmq_queue_messages{Q,vhost="b"})', id="named"
        ),
        pytest.param({"protocol": "http"}, "sum(rabbitmq_queue_messages{Q})", id="told nowhere"),
        pytest.param(
            {"host": "http://rabbit", "useRegex": "true", "operation": "max"},
            'max(rabbitmq_queue_messages{queue=~".*(?:mail).*"})',
            id="anywhere in a name",
        ),
    ],
)
def test_a_queue_of_rabbitmq_is_asked_for_in_its_virtual_host(metadata, query):
    trigger = {"type": "rabbitmq", "metadata": {"queueName": "mail", "value": "20", **metadata}}
    [metric] = spec_of(scaled(trigger))["metrics"]
    assert metric["promql"]["query"] == query.replace("Q", 'queue="mail"')
