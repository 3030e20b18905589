"""Deletion: finalizers, preconditions, grace, and namespaces that go with all they hold."""

import asyncio

import pytest

from tests.contract.asking import Refusal, eventually, invalid, version_of
from tests.contract.manifests import config_map, pod


@pytest.fixture
def maps(api, namespace):
    return api.of("configmaps", namespace)


async def test_a_deletion_answers_what_was_deleted(maps):
    made = (await maps.create(config_map("a"))).ok()
    assert (await maps.delete("a")).ok() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    assert (await maps.get("a")).refused == Refusal(404, "NotFound", 'configmaps "a" not found')
    assert (await maps.delete("a")).refused == Refusal(404, "NotFound", 'configmaps "a" not found')


async def test_a_finalizer_holds_the_object(maps):
    made = (await maps.create(config_map("a", finalizers=["example.com/f"]))).ok()
    answer = await maps.delete("a")
    assert answer.status == 200
    marked = answer.ok()
    assert marked["kind"] == "ConfigMap"
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert version_of(marked) > version_of(made)
    assert (await maps.get("a")).ok() == marked
    assert (await maps.delete("a")).ok() == marked
    last = (await maps.merge("a", {"metadata": {"finalizers": None}})).ok()
    assert "finalizers" not in last["metadata"]
    assert (await maps.get("a")).status == 404


async def test_what_is_being_deleted_can_change_but_gets_no_new_finalizer(maps):
    (await maps.create(config_map("a", finalizers=["example.com/f"]))).ok()
    (await maps.delete("a")).ok()
    refused = (await maps.merge("a", {"metadata": {"finalizers": ["example.com/f", "example.com/g"]}})).refused
    line = (
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
        'found new finalizers []string{"example.com/g"}'
    )
    assert refused == invalid('ConfigMap "a"', line)
    assert (await maps.merge("a", {"data": {"k": "v"}})).ok()["data"] == {"k": "v"}
    (await maps.merge("a", {"metadata": {"finalizers": None}})).ok()


async def test_a_deletion_timestamp_cannot_be_taken_back(maps):
    (await maps.create(config_map("a", finalizers=["example.com/f"]))).ok()
    marked = (await maps.delete("a")).ok()
    kept = (await maps.merge("a", {"metadata": {"deletionTimestamp": None}})).ok()
    assert kept["metadata"]["deletionTimestamp"] == marked["metadata"]["deletionTimestamp"]
    (await maps.merge("a", {"metadata": {"finalizers": None}})).ok()


async def test_an_absent_name_is_free_at_once(maps):
    first = (await maps.create(config_map("a"))).ok()
    (await maps.delete("a")).ok()
    assert (await maps.create(config_map("a"))).ok()["metadata"]["uid"] != first["metadata"]["uid"]


async def test_a_precondition_on_the_uid_must_hold(maps):
    made = (await maps.create(config_map("a"))).ok()
    uid = made["metadata"]["uid"]
    refused = (await maps.delete("a", {"preconditions": {"uid": "x"}})).refused
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert refused.message == (
        f'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match the UID in '
        f"record ({uid}). The object might have been deleted and then recreated"
    )
    (await maps.delete("a", {"preconditions": {"uid": uid}})).ok()


async def test_a_precondition_on_the_version_must_hold(maps):
    made = (await maps.create(config_map("a"))).ok()
    version = made["metadata"]["resourceVersion"]
    refused = (await maps.delete("a", {"preconditions": {"resourceVersion": "1"}})).refused
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert refused.message == (
        f'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match '
        f"the ResourceVersion in record ({version}). The object might have been modified"
    )
    (await maps.delete("a", {"preconditions": {"resourceVersion": version}})).ok()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        pytest.param(
            {"propagationPolicy": "Sideways"},
            'propagationPolicy: Unsupported value: "Sideways": '
            'supported values: "Foreground", "Background", "Orphan", "nil"',
            id="an unknown propagation",
        ),
        pytest.param(
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
            id="two ways to say it",
        ),
        pytest.param(
            {"dryRun": ["Some"]},
            'dryRun: Unsupported value: ["Some"]: supported values: "All"',
            id="an unknown dry run",
        ),
    ],
)
async def test_delete_options_are_checked(maps, options, line):
    (await maps.create(config_map("a"))).ok()
    assert (await maps.delete("a", options)).refused == invalid('DeleteOptions.meta.k8s.io ""', line)
    assert (await maps.get("a")).status == 200


async def test_a_pod_without_a_node_goes_at_once(api, namespace):
    pods = api.of("pods", namespace)
    (await pods.create(pod("a", schedulingGates=[{"name": "example.com/gate"}]))).ok()
    marked = (await pods.delete("a")).ok()
    assert marked["kind"] == "Pod"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert (await pods.get("a")).status == 404


async def test_a_pod_on_a_node_is_given_its_grace_period(api, namespace):
    pods = api.of("pods", namespace)
    (await pods.create(pod("a", nodeName="nowhere", terminationGracePeriodSeconds=3000))).ok()
    marked = (await pods.delete("a")).ok()["metadata"]
    assert (marked["deletionGracePeriodSeconds"], marked["generation"]) == (3000, 2)
    shorter = (await pods.delete("a", {"gracePeriodSeconds": 2000})).ok()["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 2000
    assert shorter["deletionTimestamp"] < marked["deletionTimestamp"]
    longer = (await pods.delete("a", {"gracePeriodSeconds": 2500})).ok()["metadata"]
    assert longer["deletionGracePeriodSeconds"] == 2000
    (await pods.delete("a", {"gracePeriodSeconds": 0})).ok()
    assert (await pods.get("a")).status == 404


async def test_a_collection_is_deleted_by_selector(maps, api):
    for name in ("a", "b", "c"):
        (await maps.create(config_map(name, labels={"l": name}))).ok()
    deleted = (await api.ask("DELETE", maps.path, labelSelector="l in (a,b)")).ok()
    assert deleted["kind"] == "ConfigMapList"
    assert [item["metadata"]["name"] for item in deleted["items"]] == ["a", "b"]
    assert await maps.names(labelSelector="l") == ["c"]


async def test_a_collection_is_deleted_with_options(maps, api):
    for name in ("a", "b"):
        (await maps.create(config_map(name, labels={"l": "1"}))).ok()
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]}
    (await api.ask("DELETE", maps.path, options, labelSelector="l")).ok()
    assert await maps.names(labelSelector="l") == ["a", "b"]


async def test_a_namespace_goes_with_what_it_holds(api, namespace):
    namespaces, name = api.of("namespaces"), f"{namespace}-gone"
    (await namespaces.create({"metadata": {"name": name}})).ok()
    maps = api.of("configmaps", name)
    (await maps.create(config_map("free"))).ok()
    (await maps.create(config_map("held", finalizers=["example.com/f"]))).ok()
    marked = (await namespaces.delete(name)).ok()
    assert marked["status"] == {"phase": "Terminating"}
    assert marked["spec"] == {"finalizers": ["kubernetes"]}
    assert marked["metadata"]["deletionTimestamp"]
    assert (await maps.create(config_map("new"))).refused == Refusal(
        403,
        "Forbidden",
        f'configmaps "new" is forbidden: unable to create new content in namespace {name} '
        "because it is being terminated",
        (("metadata.namespace", "NamespaceTerminating", f"namespace {name} is being terminated"),),
    )

    def held(found):
        conditions = {each["type"]: (each["status"], each["reason"]) for each in found["status"].get("conditions", ())}
        return conditions.get("NamespaceFinalizersRemaining") == ("True", "SomeFinalizersRemain")

    async def alone():
        return await maps.names() == ["held"]

    await namespaces.becomes(name, held)
    await eventually(alone, maps.list)
    (await maps.merge("held", {"metadata": {"finalizers": None}})).ok()
    await namespaces.gone(name)


async def test_the_first_namespaces_may_not_be_deleted(api):
    for name in ("default", "kube-system", "kube-public"):
        refused = (await api.of("namespaces").delete(name, dryRun="All")).refused
        message = f'namespaces "{name}" is forbidden: this namespace may not be deleted'
        assert refused == Refusal(403, "Forbidden", message)


async def test_many_finalizers_are_removed_one_by_one(maps):
    finalizers = [f"example.com/{number}" for number in range(3)]
    (await maps.create(config_map("a", finalizers=finalizers))).ok()
    (await maps.delete("a")).ok()
    await asyncio.gather(*(remove_finalizer(maps, each) for each in finalizers))
    assert (await maps.get("a")).status == 404


async def remove_finalizer(maps, finalizer):
    """Remove one finalizer, trying again when another writer came first."""
    while (read := await maps.get("a")).status == 200:
        metadata = read.document["metadata"]
        left = [each for each in metadata.get("finalizers", []) if each != finalizer]
        patch = {"metadata": {"finalizers": left, "resourceVersion": metadata["resourceVersion"]}}
        if (await maps.merge("a", patch)).status != 409:
            return
