"""The protocol itself: paths, methods, media types, authentication, versions and health."""

import dataclasses

import pytest

from kubewright.client.config import Token
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from kubewright.errors import ErrorKind, OpError
from tests.contract.asking import APPLY, Api, Refusal
from tests.contract.manifests import config_map

NO_RESOURCE = Refusal(404, "NotFound", "the server could not find the requested resource")
NO_METHOD = Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/api/v1/gadgets", NO_RESOURCE, id="an unknown kind"),
        pytest.param("/apis/apps/v2", NO_RESOURCE, id="an unknown version of a known group"),
        pytest.param("/api/v1/namespaces/default/pods/a/nothing", NO_RESOURCE, id="an unknown subresource"),
        pytest.param("/api/v1/namespaces/default/nodes", NO_RESOURCE, id="a namespace of a kind that has none"),
        pytest.param("/nowhere", None, id="an unknown path"),
        pytest.param("/apis/none.example.com/v1/things", None, id="an unknown group"),
    ],
)
async def test_what_is_not_served_is_not_found(api, path, expected):
    answer = await api.get(path)
    if expected is None:
        assert (answer.status, answer.document) == (404, "404 page not found\n")
    else:
        assert answer.refused == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/namespaces/default/configmaps"),
        ("POST", "/api/v1/namespaces/default/configmaps/a"),
        ("PATCH", "/api/v1/namespaces/default/configmaps"),
        ("POST", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/namespaces"),
    ],
)
async def test_a_method_that_the_path_has_not_is_not_allowed(api, method, path):
    body = None if method == "DELETE" else config_map("a")
    assert (
        await api.ask(method, path, body, content_type=APPLY if method == "PATCH" else "application/json")
    ).refused == NO_METHOD


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param("{", "unexpected end of JSON input ({)", id="json that breaks off"),
        pytest.param("", "unexpected end of JSON input (<empty>)", id="no body"),
        pytest.param("text", "invalid character 'e' in literal true (expecting 'r') (74657874)", id="text"),
    ],
)
async def test_a_body_that_does_not_parse_is_refused(api, namespace, body, message):
    refused = (await api.ask("POST", api.of("configmaps", namespace).path, body)).refused
    prefix = (
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error:"
    )
    assert refused == Refusal(400, "BadRequest", f"{prefix} {message}")


async def test_a_body_in_yaml_is_taken(api, namespace):
    maps = api.of("configmaps", namespace)
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: '1'}\n"
    made = (await api.ask("POST", maps.path, text, content_type="application/yaml")).ok()
    assert made["data"] == {"k": "1"}


async def test_an_answer_in_yaml_is_given(api, namespace):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a", {"k": "1"}))).ok()
    answer = await maps.get("a", accept="application/yaml")
    assert answer.headers["content-type"] == "application/yaml"
    assert 'data:\n  k: "1"\n' in answer.document


async def test_a_body_of_an_unknown_type_is_refused(api, namespace):
    refused = (await api.of("configmaps", namespace).create(config_map("a"), content_type="text/plain")).refused
    assert refused == Refusal(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )


async def test_an_answer_of_an_unknown_type_is_refused(api, namespace):
    answer = await api.of("configmaps", namespace).list(accept="application/json;as=Table;v=v9;g=meta.k8s.io")
    assert (answer.refused.code, answer.refused.reason) == (406, "NotAcceptable")
    assert (await api.of("configmaps", namespace).list(accept="text/html")).refused.code == 406


async def test_protobuf_may_be_preferred_when_json_is_accepted(api, namespace):
    accept = "application/vnd.kubernetes.protobuf;q=0.1,application/json"
    answer = await api.of("configmaps", namespace).list(accept=accept)
    assert answer.ok()["kind"] == "ConfigMapList"


async def test_nobody_knows_a_wrong_token(cluster):
    config = dataclasses.replace(load(str(cluster.kubeconfig)), auth=Token("wrong"), certificate=None)
    transport = HttpTransport(config)
    with pytest.raises(OpError) as caught:
        await Api(transport).get("/api/v1/namespaces")
    await transport.close()
    assert caught.value.kind is ErrorKind.UNAUTHORIZED


async def test_a_request_is_answered_under_an_audit_id(api):
    assert (await api.get("/version")).headers["audit-id"]


async def test_the_version_is_told(api):
    for path in ("/version", "/version/"):
        version = (await api.get(path)).ok()
        assert version["gitVersion"].startswith("v1.37.")
        assert (version["major"], version["minor"]) == ("1", "37")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/healthz/ping", "/readyz/ping"])
async def test_health_is_told(api, path):
    answer = await api.get(path, accept="*/*")
    assert (answer.status, answer.document) == (200, "ok")


async def test_health_is_told_in_detail(api):
    answer = await api.get("/readyz", accept="*/*", verbose="")
    assert answer.status == 200
    assert "[+]ping ok" in answer.document
    assert answer.document.endswith("readyz check passed\n")
