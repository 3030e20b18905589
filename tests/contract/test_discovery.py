"""What is served: aggregated and legacy discovery, and the schemas of all of it."""

import json

import pytest

from tests.contract.asking import eventually

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
COMMON = [
    ("", "v1", "configmaps", "ConfigMap", True, ["cm"], [], WRITE),
    ("", "v1", "events", "Event", True, ["ev"], [], WRITE),
    ("", "v1", "namespaces", "Namespace", False, ["ns"], [], sorted(set(WRITE) - {"deletecollection"})),
    ("", "v1", "nodes", "Node", False, ["no"], [], WRITE),
    ("", "v1", "pods", "Pod", True, ["po"], ["all"], WRITE),
    ("", "v1", "secrets", "Secret", True, [], [], WRITE),
    ("", "v1", "serviceaccounts", "ServiceAccount", True, ["sa"], [], WRITE),
    ("", "v1", "services", "Service", True, ["svc"], ["all"], WRITE),
    ("apps", "v1", "daemonsets", "DaemonSet", True, ["ds"], ["all"], WRITE),
    ("apps", "v1", "deployments", "Deployment", True, ["deploy"], ["all"], WRITE),
    ("apps", "v1", "replicasets", "ReplicaSet", True, ["rs"], ["all"], WRITE),
    ("coordination.k8s.io", "v1", "leases", "Lease", True, [], [], WRITE),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True, [], [], WRITE),
    (
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        False,
        ["crd", "crds"],
        ["api-extensions"],
        WRITE,
    ),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True, ["netpol"], [], WRITE),
]


@pytest.mark.parametrize(
    ("group", "version", "plural", "kind", "namespaced", "short", "categories", "verbs"),
    COMMON,
    ids=[row[2] for row in COMMON],
)
async def test_a_kind_is_listed_alike_in_both_forms(
    api, group, version, plural, kind, namespaced, short, categories, verbs
):
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    listed = (await api.get(path)).ok()
    assert (listed["kind"], listed["groupVersion"]) == ("APIResourceList", f"{group}/{version}".lstrip("/"))
    legacy = next(each for each in listed["resources"] if each["name"] == plural)
    assert (legacy["kind"], legacy["namespaced"], legacy["singularName"]) == (kind, namespaced, kind.lower())
    assert (legacy.get("shortNames", []), legacy.get("categories", [])) == (short, categories)
    assert sorted(legacy["verbs"]) == verbs
    aggregated = (await api.get("/apis" if group else "/api", accept=AGGREGATED)).ok()
    assert (aggregated["kind"], aggregated["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    entry = next(each for each in aggregated["items"] if each["metadata"].get("name", "") == group)
    served = next(each for each in entry["versions"] if each["version"] == version)
    found = next(each for each in served["resources"] if each["resource"] == plural)
    assert found["responseKind"]["kind"] == kind
    assert found["scope"] == ("Namespaced" if namespaced else "Cluster")
    assert (found["singularResource"], found.get("shortNames", [])) == (kind.lower(), short)
    assert sorted(found["verbs"]) == verbs


@pytest.mark.parametrize(
    ("path", "subresources"),
    [
        ("/api/v1", {"pods/binding", "pods/eviction", "pods/log", "pods/status", "serviceaccounts/token"}),
        ("/api/v1", {"namespaces/finalize", "namespaces/status", "nodes/status", "services/status"}),
        ("/apis/apps/v1", {"deployments/scale", "deployments/status", "replicasets/scale", "replicasets/status"}),
    ],
)
async def test_subresources_are_listed(api, path, subresources):
    names = {each["name"] for each in (await api.get(path)).ok()["resources"]}
    assert subresources <= names


async def test_groups_are_listed(api):
    listed = (await api.get("/apis")).ok()
    assert listed["kind"] == "APIGroupList"
    groups = {each["name"]: each for each in listed["groups"]}
    assert {"apps", "apiextensions.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "policy"} <= set(groups)
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert (await api.get("/apis/apps")).ok()["name"] == "apps"


async def test_the_core_group_is_listed(api):
    listed = (await api.get("/api")).ok()
    assert (listed["kind"], listed["versions"]) == ("APIVersions", ["v1"])


async def test_every_served_version_has_its_schemas(api):
    async def complete():
        # Of a kind that another case has just defined the schemas come a little later.
        answer = (await api.get("/openapi/v3", accept="*/*")).document
        # The real server calls its JSON text/plain.
        index = (json.loads(answer) if isinstance(answer, str) else answer)["paths"]
        served = ["api/v1"]
        for group in (await api.get("/apis")).ok()["groups"]:
            served += [f"apis/{each['groupVersion']}" for each in group["versions"]]
        builtin = {path for path in served if "example.com" not in path}
        return index if builtin <= index.keys() else None

    index = await eventually(complete)
    for path in ("api/v1", "apis/apps/v1"):
        url = index[path]["serverRelativeURL"]
        assert "?hash=" in url
        found = await api.get(url.partition("?")[0], hash=url.partition("hash=")[2])
        assert found.ok()["openapi"].startswith("3.")


async def test_schemas_say_how_lists_merge(api):
    schemas = (await api.get("/openapi/v3/apis/apps/v1")).ok()["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-patch-strategy"] == "merge"
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    assert containers["x-kubernetes-list-type"] == "map"
    kinds = schemas["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"]
    assert kinds == [{"group": "apps", "kind": "Deployment", "version": "v1"}]


async def test_the_older_document_has_every_kind(api):
    document = (await api.get("/openapi/v2")).ok()
    assert document["swagger"] == "2.0"
    definitions = document["definitions"]

    def shape(name):
        return {key: value for key, value in definitions[name].items() if key not in {"description", "properties"}}

    strategy = dict(definitions["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]["strategy"])
    strategy.pop("description", None)
    assert strategy == {
        "$ref": "#/definitions/io.k8s.api.apps.v1.DeploymentStrategy",
        "x-kubernetes-patch-strategy": "retainKeys",
    }
    assert shape("io.k8s.apimachinery.pkg.api.resource.Quantity") == {"type": "string"}
    either = {"type": "string", "format": "int-or-string"}
    assert shape("io.k8s.apimachinery.pkg.util.intstr.IntOrString") == either
    assert shape("io.k8s.api.core.v1.Pod") == {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "", "kind": "Pod", "version": "v1"}],
    }
    patch = document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "", "kind": "Pod", "version": "v1"}
    assert {"dryRun", "fieldValidation"} <= {each.get("name") for each in patch["parameters"]}


async def test_the_older_document_has_two_forms(api):
    protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    for accept, form in (
        ("", "application/json"),
        ("*/*", "application/json"),
        (protobuf, protobuf.replace("@", ".")),
        (f"application/json;q=0.1,{protobuf}", protobuf.replace("@", ".")),
    ):
        answer = await api.get("/openapi/v2", accept=accept)
        assert (answer.status, answer.headers["content-type"]) == (200, form)
    for accept in ("text/html", "application/yaml"):
        assert (await api.get("/openapi/v2", accept=accept)).status == 406


async def test_an_etag_spares_the_answer(api):
    async def unchanged():
        # A kind that another case defines meanwhile makes it another answer.
        first = await api.get("/apis", accept=AGGREGATED)
        return first.headers["etag"] == (await api.get("/apis", accept=AGGREGATED)).headers["etag"]

    await eventually(unchanged)
