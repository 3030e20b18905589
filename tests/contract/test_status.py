"""The status subresource: spec and status are written apart, whatever the verb."""

import pytest

from tests.contract.asking import MERGE, STRATEGIC, managers
from tests.contract.manifests import crd, custom, deployment, schema

INTEGER = {"type": "integer"}


async def test_a_status_sent_with_a_creation_is_dropped(api, namespace):
    made = (await api.of("deployments", namespace).create(deployment("a", 0) | {"status": {"replicas": 7}})).ok()
    assert made["status"] == {}


async def test_an_update_leaves_the_status(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0, paused=True))).ok()
    changed = deployment("a", 0, paused=True, revisionHistoryLimit=3) | {"status": {"collisionCount": 7}}
    updated = (await deployments.update(changed)).ok()
    assert updated["spec"]["revisionHistoryLimit"] == 3
    assert "collisionCount" not in updated["status"]


async def test_an_update_of_the_status_leaves_the_spec_and_the_labels(api, namespace):
    deployments = api.of("deployments", namespace)
    made = (await deployments.create(deployment("a", 0, paused=True))).ok()
    changed = deployment("a", 5, image="other:2") | {"status": {"collisionCount": 7}}
    changed["metadata"]["labels"] = {"l": "1"}
    updated = (await deployments.update(changed, "status")).ok()
    assert updated["status"]["collisionCount"] == 7
    assert updated["spec"] == made["spec"]
    assert "labels" not in updated["metadata"]


@pytest.mark.parametrize("content_type", [MERGE, STRATEGIC])
async def test_a_patch_changes_only_its_half(api, namespace, content_type):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0, paused=True))).ok()
    both = {"spec": {"revisionHistoryLimit": 3}, "status": {"collisionCount": 7}}
    patched = (await deployments.patch("a", content_type, both)).ok()
    assert patched["spec"]["revisionHistoryLimit"] == 3
    assert "collisionCount" not in patched["status"]
    both["spec"]["revisionHistoryLimit"] = 4
    patched = (await deployments.patch("a", content_type, both, "status")).ok()
    assert patched["spec"]["revisionHistoryLimit"] == 3
    assert patched["status"]["collisionCount"] == 7


async def test_apply_to_the_status_owns_status_only(things):
    collection = await things(crd(schema(size=INTEGER), subresources={"status": {}}))
    definition = await definition_of(collection)
    (await collection.apply(custom(definition, "a", spec={"size": 1}), "owner")).ok()
    applied = (await collection.apply(custom(definition, "a", status={"ready": True}), "watcher", "status")).ok()
    assert (applied["spec"], applied["status"]) == ({"size": 1}, {"ready": True})
    assert managers(applied) == [("owner", "Apply", ""), ("watcher", "Apply", "status")]
    again = (await collection.apply(custom(definition, "a", spec={"size": 2}, status={"ready": False}), "owner")).ok()
    assert (again["spec"], again["status"]) == ({"size": 2}, {"ready": True})


async def definition_of(collection):
    _, _, _, _, _, _, plural = collection.path.split("/")
    definitions = collection.api.of("customresourcedefinitions")
    return (await definitions.get(f"{plural}.contract.example.com")).ok()


async def test_a_custom_status_without_the_subresource_is_a_plain_field(things):
    collection = await things(crd(schema(size=INTEGER)))
    definition = await definition_of(collection)
    made = (await collection.create(custom(definition, "a", status={"ready": True}))).ok()
    assert made["status"] == {"ready": True}
    refused = (await collection.merge("a", {"status": {"ready": False}}, "status")).refused
    assert (refused.code, refused.reason) == (404, "NotFound")


async def test_a_custom_status_with_the_subresource_is_dropped_on_creation(things):
    collection = await things(crd(schema(size=INTEGER), subresources={"status": {}}))
    definition = await definition_of(collection)
    made = (await collection.create(custom(definition, "a", status={"ready": True}))).ok()
    assert "status" not in made
    patched = (await collection.merge("a", {"status": {"ready": True}, "spec": {"size": 3}}, "status")).ok()
    assert patched["status"] == {"ready": True}
    assert "spec" not in patched
    assert patched["metadata"]["generation"] == 1


async def test_the_status_can_be_read_alone(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0, paused=True))).ok()
    read = (await deployments.get("a", "status")).ok()
    assert (read["kind"], read["metadata"]["name"]) == ("Deployment", "a")
