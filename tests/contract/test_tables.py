"""Tables, as kubectl shows them, and metadata alone."""

import pytest

from tests.contract.asking import PARTIAL, PARTIAL_LIST, TABLE
from tests.contract.manifests import config_map, deployment, pod, replica_set, service

COLUMNS = {
    "configmaps": "Name Data Age",
    "deployments": "Name Ready Up-to-date Available Age Containers* Images* Selector*",
    "endpointslices": "Name AddressType Ports Endpoints Age",
    "events": "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count* Name*",
    "leases": "Name Holder Age",
    "namespaces": "Name Status Age",
    "nodes": "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*",
    "pods": "Name Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*",
    "replicasets": "Name Desired Current Ready Age Containers* Images* Selector*",
    "secrets": "Name Type Data Age",
    "serviceaccounts": "Name Age",
    "services": "Name Type Cluster-IP External-IP Port(s) Age Selector*",
    "customresourcedefinitions": "Name Scope Versions Created_At Group* Kind* ShortNames* Established*",
}
CLUSTER = {"namespaces", "nodes", "customresourcedefinitions"}


@pytest.mark.parametrize("plural", COLUMNS)
async def test_a_kind_has_its_columns(api, namespace, plural):
    table = (await api.of(plural, "" if plural in CLUSTER else namespace).list(accept=TABLE)).ok()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    defined = [each["name"].replace(" ", "_") + "*" * (each["priority"] > 0) for each in table["columnDefinitions"]]
    assert defined == COLUMNS[plural].split()


async def cells(collection, name):
    """The cells of one object, leaving out its age."""
    table = (await collection.list(accept=TABLE)).ok()
    ages = [each["name"] for each in table["columnDefinitions"]].index("Age")
    row = next(row["cells"] for row in table["rows"] if row["cells"][0] == name)
    return row[:ages] + row[ages + 1 :]


@pytest.mark.parametrize(
    ("plural", "document", "expected"),
    [
        ("configmaps", config_map("a", {"k": "1", "l": "2"}), ["a", 2]),
        ("deployments", deployment("a", 0, paused=True), ["a", "0/0", 0, 0, "main", "nginx:1", "app=a"]),
        (
            "pods",
            pod("a", nodeName="nowhere"),
            ["a", "0/1", "Pending", "0", "<none>", "nowhere", "<none>", "<none>"],
        ),
        (
            "pods",
            pod("a", schedulingGates=[{"name": "example.com/gate"}]),
            ["a", "0/1", "SchedulingGated", "0", "<none>", "<none>", "<none>", "<none>"],
        ),
        ("replicasets", replica_set("a", 0), ["a", 0, 0, 0, "main", "nginx:1", "app=a"]),
        ("secrets", {"metadata": {"name": "a"}, "stringData": {"k": "v"}}, ["a", "Opaque", 1]),
        (
            "services",
            service("a", clusterIP="None", ports=[{"port": 80}]),
            ["a", "ClusterIP", "None", "<none>", "80/TCP", "app=a"],
        ),
        (
            "services",
            service("a", type="ExternalName", externalName="example.com"),
            ["a", "ExternalName", "<none>", "example.com", "80/TCP", "app=a"],
        ),
        ("serviceaccounts", {"metadata": {"name": "a"}}, ["a"]),
        ("leases", {"metadata": {"name": "a"}, "spec": {"holderIdentity": "me"}}, ["a", "me"]),
    ],
)
async def test_a_row_shows_an_object(api, namespace, plural, document, expected):
    collection = api.of(plural, namespace)
    (await collection.create(document)).ok()
    assert await cells(collection, "a") == expected


async def test_a_node_port_is_shown_beside_its_port(api, namespace):
    services = api.of("services", namespace)
    made = (await services.create(service("a", type="NodePort"))).ok()
    row = await cells(services, "a")
    assert row[4] == f"80:{made['spec']['ports'][0]['nodePort']}/TCP"


async def test_a_terminating_pod_is_shown_as_such(api, namespace):
    pods = api.of("pods", namespace)
    (await pods.create(pod("a", nodeName="nowhere"))).ok()
    (await pods.delete("a")).ok()
    assert (await cells(pods, "a"))[2] == "Terminating"


@pytest.mark.parametrize(
    ("include", "kind"),
    [("", "PartialObjectMetadata"), ("Metadata", "PartialObjectMetadata"), ("Object", "ConfigMap"), ("None", None)],
)
async def test_a_row_carries_what_was_asked_for(api, namespace, include, kind):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a"))).ok()
    query = {"includeObject": include} if include else {}
    row = (await maps.list(accept=TABLE, fieldSelector="metadata.name=a", **query)).ok()["rows"][0]
    assert (row["object"] or {}).get("kind") == kind


async def test_one_object_is_a_table_of_one_row(api, namespace):
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a"))).ok()
    table = (await maps.get("a", accept=TABLE)).ok()
    assert [row["cells"][:2] for row in table["rows"]] == [["a", 0]]
    assert table["metadata"] == {"resourceVersion": made["metadata"]["resourceVersion"]}


async def test_a_table_has_pages(api, namespace):
    maps = api.of("configmaps", namespace)
    for name in "abc":
        (await maps.create(config_map(name, labels={"l": "1"}))).ok()
    first = (await maps.list(accept=TABLE, limit=2, labelSelector="l")).ok()
    token = first["metadata"]["continue"]
    rest = (await maps.list(accept=TABLE, limit=2, labelSelector="l", **{"continue": token})).ok()
    assert [row["cells"][0] for row in first["rows"] + rest["rows"]] == ["a", "b", "c"]


async def test_metadata_alone_can_be_asked_for(api, namespace):
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a", {"k": "v"}))).ok()
    one = (await maps.get("a", accept=PARTIAL)).ok()
    assert one == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}
    listed = (await maps.list(accept=PARTIAL_LIST, fieldSelector="metadata.name=a")).ok()
    assert listed["kind"] == "PartialObjectMetadataList"
    assert listed["items"] == [one]


async def test_metadata_of_a_list_cannot_be_asked_of_an_object(api, namespace):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a"))).ok()
    assert (await maps.get("a", accept=PARTIAL_LIST)).refused.code == 406


async def test_metadata_alone_can_be_watched(api, namespace):
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a", {"k": "v"}))).ok()
    ((kind, obj),) = await maps.watched(
        lambda events: True, resourceVersion=0, fieldSelector="metadata.name=a", accept=PARTIAL
    )
    assert kind == "ADDED"
    assert obj == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}
