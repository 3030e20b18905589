from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest

from kubewright.api.conditions import Condition
from kubewright.api.crds import all_crds
from kubewright.api.crds.appservice import APP_SERVICE_CRD, AppService, problems
from kubewright.api.crds.definition import CrdSpec, crd_manifest
from kubewright.api.crds.schema import object_schema
from kubewright.api.described import described
from kubewright.api.meta import KubeObject, Leaf, Resource

VERSION = APP_SERVICE_CRD["spec"]["versions"][0]
SPEC = VERSION["schema"]["openAPIV3Schema"]["properties"]["spec"]
PORT = "spec.ports[0].port"
STATUS = VERSION["schema"]["openAPIV3Schema"]["properties"]["status"]


class Odd(KubeObject, frozen=True, kw_only=True):
    """Odd."""

    spec: bytes = b""


class GaugeSpec(Leaf, frozen=True):
    """What to measure."""

    level: Annotated[int | None, described("How high.")] = None
    target: Annotated[int | str, described("A number or a share.")] = 0
    anything: Annotated[Any, described("Whatever.")] = None


class Gauge(KubeObject, frozen=True, kw_only=True):
    """A gauge."""

    spec: Annotated[GaugeSpec, described("What to measure.")] = GaugeSpec()


def app(**fields: Any) -> AppService:
    return msgspec.convert(fields, AppService)


def test_the_definition_is_the_missions():
    assert [crd["metadata"]["name"] for crd in all_crds()] == [
        "appservices.app.example.com",
        "auditheads.kubewright.dev",
        "auditrecords.kubewright.dev",
        "disruptionledgers.kubewright.dev",
        "disruptionlimits.kubewright.dev",
        "gpupolicies.kubewright.dev",
        "healingpolicies.kubewright.dev",
        "incidents.kubewright.dev",
        "nodepools.kubewright.dev",
        "notificationchannels.kubewright.dev",
        "platformpolicies.kubewright.dev",
        "queues.kubewright.dev",
        "scalepolicies.kubewright.dev",
        "sizepolicies.kubewright.dev",
        "teams.kubewright.dev",
    ]
    assert APP_SERVICE_CRD["spec"]["scope"] == "Namespaced"
    assert (VERSION["name"], VERSION["served"], VERSION["storage"]) == ("v1", True, True)
    assert VERSION["subresources"]["scale"]["specReplicasPath"] == ".spec.replicas"
    assert VERSION["subresources"]["status"] == {}
    assert [column["name"] for column in VERSION["additionalPrinterColumns"]] == [
        "Ready",
        "Replicas",
        "Available",
        "Image",
        "URL",
        "Team",
        "Age",
    ]


def test_replicas_and_image():
    assert SPEC["properties"]["replicas"] == {
        "type": "integer",
        "format": "int32",
        "minimum": 0,
        "default": 1,
        "description": "The number of pods.",
    }
    assert SPEC["properties"]["image"]["minLength"] == 1
    assert "required" not in SPEC, "an alias has no image; a rule asks all others for one"
    assert "default" not in SPEC["properties"]["image"]
    assert VERSION["schema"]["openAPIV3Schema"]["required"] == ["spec"]


def test_lists_are_maps_whose_keys_are_required_or_have_defaults():
    for owner in (SPEC, STATUS):
        for field in owner["properties"].values():
            for key in field.get("x-kubernetes-list-map-keys", ()):
                item = field["items"]
                assert key in item["required"] or "default" in item["properties"][key]
    assert STATUS["properties"]["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert SPEC["properties"]["ports"]["x-kubernetes-list-map-keys"] == ["port", "protocol"]


def test_every_field_has_a_type_and_a_description():
    def check(schema, path):
        for name, field in schema.get("properties", {}).items():
            assert "type" in field or "x-kubernetes-int-or-string" in field, f"{path}.{name}"
            assert field.get("description"), f"{path}.{name}"
            check(field, f"{path}.{name}")
            check(field.get("items", {}), f"{path}.{name}[]")

    check(SPEC, "spec")
    check(STATUS, "status")


def test_quantities_are_numbers_or_text():
    amount = SPEC["properties"]["resources"]["properties"]["requests"]["additionalProperties"]
    assert amount["x-kubernetes-int-or-string"] is True
    assert amount["pattern"]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"metadata": {"name": "a"}}, id="nothing but a name"),
        pytest.param({"spec": {"replicas": -1}}, id="negative replicas and no image"),
        pytest.param({"spec": {"image": "", "ports": [{}]}}, id="empty parts"),
        pytest.param({"spec": {"image": "x", "unknown": {"a": 1}}}, id="fields that nobody knows"),
    ],
)
def test_objects_of_a_laxer_definition_decode(document):
    assert not app(**document).status.ready


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        pytest.param({"image": "x"}, (), id="nothing is wrong"),
        pytest.param({"image": "x", "replicas": 0}, (), id="no replicas are fine"),
        pytest.param({}, ("spec.image: Required value",), id="no image"),
        pytest.param(
            {"image": "x", "replicas": -1},
            ("spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",),
            id="negative replicas",
        ),
        pytest.param(
            {"image": "x", "ports": [{"port": 80, "protocol": "ICMP"}]},
            ('spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',),
            id="an unknown protocol",
        ),
        pytest.param(
            {"image": "x", "ports": [{"port": 80}, {"port": 80}]},
            ('spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}',),
            id="a port twice",
        ),
        pytest.param(
            {"image": "x", "env": [{"name": "A", "value": "1"}, {"value": "2"}]},
            ("spec.env[1].name: Required value",),
            id="a variable without a name",
        ),
        pytest.param(
            {"image": "x", "ports": [{"port": 70000}]},
            (f"{PORT}: Invalid value: 70000: {PORT} in body should be less than or equal to 65535",),
            id="a port that does not exist",
        ),
    ],
)
def test_problems_are_told_in_the_api_servers_words(spec, wrong):
    assert problems(app(metadata={"name": "a"}, spec=spec)) == wrong


def test_every_rule_says_what_to_do_and_reads_fields_that_are_there():
    def check(schema, path):
        for rule in schema.get("x-kubernetes-validations", ()):
            assert len(rule["message"].split()) > 5, path
            field = schema
            for name in rule.get("fieldPath", "").split(".")[1:]:
                field = field["properties"][name]
        for name, child in schema.get("properties", {}).items():
            check(child, f"{path}.{name}")
            check(child.get("items", {}), f"{path}.{name}[]")

    check(VERSION["schema"]["openAPIV3Schema"], "")
    assert len(SPEC["x-kubernetes-validations"]) > 20


@pytest.mark.parametrize(
    ("spec", "form"),
    [
        pytest.param({}, "service", id="nothing said"),
        pytest.param({"kind": "stateful"}, "stateful", id="stateful"),
        pytest.param({"kind": "job"}, "job", id="a job"),
        pytest.param({"schedule": "* * * * *"}, "cron", id="a schedule"),
        pytest.param({"expose": {"type": "ExternalName"}}, "alias", id="a name for something outside"),
    ],
)
def test_what_is_made_of_an_application(spec, form):
    assert app(spec=spec).spec.form == form


def test_callers_and_calls_are_read():
    access = app(spec={"access": {"from": [{"app": "web"}], "to": [{"cidr": "10.0.0.0/8"}]}}).spec.access
    assert [peer.app for peer in access.callers] == ["web"]
    assert [peer.cidr for peer in access.calls] == ["10.0.0.0/8"]


def test_a_condition_keeps_the_rules_of_metav1():
    info = object_schema(AppService)["properties"]["status"]["properties"]["conditions"]["items"]
    assert set(info["required"]) == {"type", "status", "reason", "message", "lastTransitionTime"}
    assert msgspec.convert({"type": "A", "status": "Strange"}, Condition).status == "Strange"


def test_a_type_without_a_form_is_a_mistake_of_the_class():
    with pytest.raises(TypeError, match="no form"):
        object_schema(Odd)


def test_a_small_kind_gets_a_small_definition():
    manifest = crd_manifest(CrdSpec(Resource("example.com", "v1", "gauges", "Gauge", Gauge, namespaced=False)))
    assert manifest["spec"]["scope"] == "Cluster"
    version = manifest["spec"]["versions"][0]
    assert version["subresources"] == {"status": {}}
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert fields["level"] == {"type": "integer", "description": "How high."}
    assert fields["target"]["x-kubernetes-int-or-string"] is True
    assert fields["anything"]["x-kubernetes-preserve-unknown-fields"] is True
