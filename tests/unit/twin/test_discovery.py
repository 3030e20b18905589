import copy

import pytest

from kubewright.client.transport import Request, Response
from kubewright.twin.crds import kinds_of
from kubewright.twin.discovery import Discovery, version_priority, wants_aggregated
from kubewright.twin.documents import Documents
from kubewright.twin.kinds import KindTable
from kubewright.twin.openapi import OpenApi
from tests.unit.twin.foo_crd import FOO, FOO_CRD

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


def test_the_legacy_documents_list_groups_and_resources():
    discovery = Discovery(KindTable.builtin())
    assert discovery.document("/api")[0]["versions"] == ["v1"]
    groups = {group["name"]: group for group in discovery.document("/apis")[0]["groups"]}
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    core = {entry["name"]: entry for entry in discovery.document("/api/v1")[0]["resources"]}
    assert core["pods"]["shortNames"] == ["po"]
    assert core["pods/eviction"]["kind"] == "Eviction"
    assert (core["pods/eviction"]["group"], core["pods/eviction"]["version"]) == ("policy", "v1")
    assert discovery.document("/apis/apps/v1")[0]["groupVersion"] == "apps/v1"
    assert discovery.document("/apis/nope/v1") is None
    assert discovery.document("/apis/nope") is None


def test_the_aggregated_document_has_the_same_resources_in_one():
    document, content_type = Discovery(KindTable.builtin()).document("/apis", AGGREGATED)
    assert content_type == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert document["apiVersion"] == "apidiscovery.k8s.io/v2"
    apps = next(item for item in document["items"] if item["metadata"]["name"] == "apps")
    deployments = next(entry for entry in apps["versions"][0]["resources"] if entry["resource"] == "deployments")
    assert deployments["responseKind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert {sub["subresource"] for sub in deployments["subresources"]} == {"scale", "status"}


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (AGGREGATED, "v2"),
        (AGGREGATED.replace("v=v2;", "v=v2beta1;"), "v2beta1"),
        ("application/json", ""),
        ("application/json," + AGGREGATED, ""),
        ("", ""),
    ],
)
def test_a_client_gets_the_aggregated_document_if_it_asks_for_it_first(accept, version):
    assert wants_aggregated(accept) == version


def test_stable_versions_come_first_and_newer_ones_before_older():
    versions = ["v1alpha1", "v1", "v10", "v2beta1", "v2", "foo", "v2beta2"]
    assert sorted(versions, key=version_priority) == ["v10", "v2", "v1", "v2beta2", "v2beta1", "v1alpha1", "foo"]


def test_a_crd_is_discovered_and_described_while_it_is_served():
    table = KindTable.builtin()
    discovery, openapi = Discovery(table), OpenApi(table)
    assert discovery.document("/apis/example.com/v1") is None
    before = openapi.index()["paths"]
    table.add(FOO)
    assert discovery.document("/apis/example.com/v1")[0]["resources"][0]["shortNames"] == ["fo"]
    after = openapi.index()["paths"]
    assert set(after) - set(before) == {"apis/example.com/v1"}
    assert all(after[path] == url for path, url in before.items())
    schema = openapi.document("apis/example.com/v1")["components"]["schemas"]["com.example.v1.Foo"]
    assert schema["properties"]["spec"]["properties"]["image"]["type"] == "string"
    assert schema["x-kubernetes-group-version-kind"] == [{"group": "example.com", "version": "v1", "kind": "Foo"}]
    table.remove("example.com", "foos")
    assert discovery.document("/apis/example.com/v1") is None
    assert openapi.document("apis/example.com/v1") is None


def test_a_definition_as_deep_as_it_likes_is_described_in_one_walk():
    deep = {"type": "string"}
    for _ in range(60):  # to write each part twice a level would take for ever
        deep = {"type": "object", "properties": {"next": deep}}
    table = KindTable.builtin()
    crd = copy.deepcopy(FOO_CRD)
    for version in crd["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"]["properties"]["spec"] = deep
    table.add(kinds_of(crd, table.schema)[0])
    schema = OpenApi(table).document("apis/example.com/v1")["components"]["schemas"]["com.example.v1.Foo"]
    assert schema["properties"]["spec"] == deep


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize("path", ["api/v1", "apis/apps/v1", "apis/apiextensions.k8s.io/v1", "apis/autoscaling/v2"])
def test_every_reference_of_a_document_leads_somewhere(path):
    document = OpenApi(KindTable.builtin()).document(path)
    schemas = document["components"]["schemas"]
    targets = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert targets
    assert targets <= set(schemas)


def test_a_patch_knows_field_validation_and_its_kind():
    paths = OpenApi(KindTable.builtin()).document("apis/apps/v1")["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} <= {each["name"] for each in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}


def test_strategic_patches_are_offered_for_builtin_kinds_only():
    table = KindTable.builtin()
    table.add(FOO)
    openapi = OpenApi(table)
    offered = {
        path: openapi.document(path)["paths"][f"/{path}/namespaces/{{namespace}}/{plural}/{{name}}"]["patch"]
        for path, plural in (("apis/example.com/v1", "foos"), ("apis/apps/v1", "deployments"))
    }
    types = {path: set(patch["requestBody"]["content"]) for path, patch in offered.items()}
    assert "application/strategic-merge-patch+json" in types["apis/apps/v1"]
    assert "application/strategic-merge-patch+json" not in types["apis/example.com/v1"]


def test_a_client_that_has_the_aggregated_document_is_sent_none():
    documents = Documents(KindTable.builtin())

    def ask(known: str) -> Response:
        headers = {"accept": AGGREGATED, "if-none-match": known}
        answer = documents.answer(Request("GET", "/apis", {}, headers, b""))
        assert answer is not None
        return answer

    first = ask("")
    etag = first.headers["etag"]
    assert (first.status, first.body[:1]) == (200, b"{")
    assert (ask(etag).status, ask(etag).body, ask(etag).headers["etag"]) == (304, b"", etag)
    assert ask('"another"').body == first.body
