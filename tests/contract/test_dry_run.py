"""Dry runs answer as if, and leave nothing; field validation says or refuses what is unknown."""

import pytest

from tests.contract.asking import APPLY, JSON_PATCH, MERGE, STRATEGIC, Refusal, invalid
from tests.contract.manifests import config_map, deployment, pod


@pytest.fixture
def maps(api, namespace):
    return api.of("configmaps", namespace)


async def test_a_dry_creation_answers_and_leaves_nothing(maps):
    answer = await maps.create(config_map("a", {"k": "v"}), dryRun="All")
    assert answer.status == 201
    assert answer.ok()["metadata"]["uid"]
    assert "resourceVersion" not in answer.ok()["metadata"]
    assert (await maps.get("a")).status == 404


async def test_a_dry_creation_of_a_taken_name_is_refused(maps):
    (await maps.create(config_map("a"))).ok()
    assert (await maps.create(config_map("a"), dryRun="All")).refused.reason == "AlreadyExists"


async def test_a_dry_creation_is_validated(api, namespace):
    refused = (await api.of("pods", namespace).create(pod("a", containers=[]), dryRun="All")).refused
    assert refused.fields == {"spec.containers": "FieldValueRequired"}


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        pytest.param(MERGE, {"data": {"k": "w"}}, id="merge"),
        pytest.param(STRATEGIC, {"data": {"k": "w"}}, id="strategic"),
        pytest.param(JSON_PATCH, [{"op": "replace", "path": "/data/k", "value": "w"}], id="json"),
        pytest.param(APPLY, config_map("a", {"k": "w"}), id="apply"),
    ],
)
async def test_a_dry_patch_answers_and_changes_nothing(maps, content_type, patch):
    made = (await maps.create(config_map("a", {"k": "v"}))).ok()
    force = {"force": True} if content_type == APPLY else {}
    answer = await maps.patch("a", content_type, patch, dryRun="All", fieldManager="me", **force)
    assert answer.ok()["data"] == {"k": "w"}
    assert (await maps.get("a")).ok() == made


async def test_a_dry_apply_of_what_is_not_there_creates_nothing(maps):
    answer = await maps.apply(config_map("a", {"k": "v"}), "me", dryRun="All")
    assert answer.status == 201
    assert (await maps.get("a")).status == 404


async def test_a_dry_update_changes_nothing(maps):
    made = (await maps.create(config_map("a", {"k": "v"}))).ok()
    assert (await maps.update({**made, "data": {"k": "w"}}, dryRun="All")).ok()["data"] == {"k": "w"}
    assert (await maps.get("a")).ok() == made


async def test_a_dry_status_and_a_dry_scale_change_nothing(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0, paused=True))).ok()
    dry = (await deployments.merge("a", {"status": {"collisionCount": 7}}, "status", dryRun="All")).ok()
    assert dry["status"]["collisionCount"] == 7
    assert (await deployments.merge("a", {"spec": {"replicas": 3}}, "scale", dryRun="All")).ok()["spec"][
        "replicas"
    ] == 3
    read = (await deployments.get("a")).ok()
    assert "collisionCount" not in read["status"]
    assert read["spec"]["replicas"] == 0


@pytest.mark.parametrize("form", ["query", "body"])
async def test_a_dry_deletion_deletes_nothing(maps, form):
    made = (await maps.create(config_map("a"))).ok()
    answer = await (maps.delete("a", dryRun="All") if form == "query" else maps.delete("a", {"dryRun": ["All"]}))
    assert answer.ok()["status"] == "Success"
    assert (await maps.get("a")).ok() == made


async def test_a_dry_run_makes_no_event_of_a_watch(maps):
    start = (await maps.list()).ok()["metadata"]["resourceVersion"]
    (await maps.create(config_map("a"), dryRun="All")).ok()
    (await maps.create(config_map("b"))).ok()
    ((_, first),) = await maps.watched(lambda events: True, resourceVersion=start)
    assert first["metadata"]["name"] == "b"


async def test_a_dry_service_keeps_no_port(api, namespace):
    services = api.of("services", namespace)
    node_port = {"metadata": {"name": "a"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    (await services.create(node_port, dryRun="All")).ok()
    assert await services.names() == []


async def test_an_unknown_dry_run_is_refused(maps):
    refused = (await maps.create(config_map("a"), dryRun="Some")).refused
    line = 'dryRun: Unsupported value: ["Some"]: supported values: "All"'
    assert refused == invalid('CreateOptions.meta.k8s.io ""', line)


UNKNOWN = {**config_map("a", {"k": "v"}), "dta": {}}


@pytest.mark.parametrize(
    ("query", "warnings"),
    [
        pytest.param({}, ['unknown field "dta"'], id="by default it warns"),
        pytest.param({"fieldValidation": "Warn"}, ['unknown field "dta"'], id="Warn warns"),
        pytest.param({"fieldValidation": "Ignore"}, [], id="Ignore is silent"),
    ],
)
async def test_an_unknown_field_is_dropped(maps, query, warnings):
    answer = await maps.create(UNKNOWN, **query)
    assert answer.warnings == warnings
    assert "dta" not in answer.ok()


async def test_strict_validation_refuses_unknown_fields(maps):
    nested = {**UNKNOWN, "metadata": {"name": "a", "label": {}}}
    refused = (await maps.create(nested, fieldValidation="Strict")).refused
    assert refused == Refusal(
        400,
        "BadRequest",
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "metadata.label", unknown field "dta"',
    )
    assert (await maps.get("a")).status == 404


async def test_strict_validation_names_the_place(api, namespace):
    given = deployment("a", 0)
    given["spec"]["template"]["spec"]["containers"][0]["imag"] = "x"
    refused = (await api.of("deployments", namespace).create(given, fieldValidation="Strict")).refused
    assert refused.message == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '
        'unknown field "spec.template.spec.containers[0].imag"'
    )


TWICE = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1","k":"2"}}'


async def test_a_field_said_twice_is_warned_of_or_refused(maps, api):
    answer = await api.ask("POST", maps.path, TWICE, dryRun="All")
    assert answer.ok()["data"] == {"k": "2"}
    assert answer.warnings == ['duplicate field "data.k"']
    refused = (await api.ask("POST", maps.path, TWICE, fieldValidation="Strict")).refused
    assert refused.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.k"'
    )


@pytest.mark.parametrize("content_type", [MERGE, STRATEGIC])
async def test_a_strict_patch_refuses_unknown_fields(api, namespace, content_type):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0))).ok()
    refused = (await deployments.patch("a", content_type, {"spec": {"bogus": 1}}, fieldValidation="Strict")).refused
    assert (refused.code, refused.fields) == (422, {"patch": "FieldValueInvalid"})
    assert refused.message.endswith('strict decoding error: unknown field "spec.bogus"')


async def test_an_unknown_validation_is_refused(maps):
    refused = (await maps.create(config_map("a"), fieldValidation="Bogus")).refused
    line = 'fieldValidation: Unsupported value: "Bogus": supported values: "", "Ignore", "Strict", "Warn"'
    assert refused == invalid('CreateOptions.meta.k8s.io ""', line)
