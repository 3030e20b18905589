"""Creating objects: names, identity, what the server fills in and what it refuses to take."""

import re

import pytest

from tests.contract.asking import Refusal, without
from tests.contract.manifests import config_map, deployment

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_a_new_object_gets_its_identity(api, namespace):
    answer = await api.of("configmaps", namespace).create(config_map("a", {"k": "v"}))
    assert answer.status == 201
    metadata = answer.ok()["metadata"]
    assert UUID.fullmatch(metadata["uid"])
    assert TIME.fullmatch(metadata["creationTimestamp"])
    assert metadata["namespace"] == namespace
    assert without(answer.ok(), "metadata") == {"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}}


async def test_identity_that_the_client_invents_is_not_taken(api, namespace):
    invented = {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7, "selfLink": "/x"}
    made = (await api.of("deployments", namespace).create(with_metadata(deployment("a", 0), **invented))).ok()[
        "metadata"
    ]
    assert UUID.fullmatch(made["uid"])
    assert not made["creationTimestamp"].startswith("2001")
    assert made["generation"] == 1


def with_metadata(document, **metadata):
    return {**document, "metadata": {**document["metadata"], **metadata}}


async def test_a_client_may_not_ask_for_deletion_on_creation(api, namespace):
    made = await api.of("configmaps", namespace).create(
        config_map("a", finalizers=["example.com/f"], deletionTimestamp="2001-01-01T00:00:00Z")
    )
    assert "deletionTimestamp" not in made.ok()["metadata"]
    (await api.of("configmaps", namespace).merge("a", {"metadata": {"finalizers": None}})).ok()


async def test_a_taken_name_is_refused(api, namespace):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a"))).ok()
    refused = (await maps.create(config_map("a"))).refused
    assert refused == Refusal(409, "AlreadyExists", 'configmaps "a" already exists')


async def test_a_taken_name_of_a_grouped_kind_is_refused_by_resource_and_group(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0))).ok()
    answer = await deployments.create(deployment("a", 0))
    assert answer.refused.message == 'deployments.apps "a" already exists'
    assert answer.document["details"] == {"name": "a", "group": "apps", "kind": "deployments"}


async def test_a_generated_name_is_the_prefix_and_five_random_letters(api, namespace):
    maps = api.of("configmaps", namespace)
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "made-"}}
    names = {(await maps.create(document)).ok()["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"made-[bcdfghjklmnpqrstvwxz2456789]{5}", name) for name in names)


async def test_a_long_generated_name_is_cut(api, namespace):
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x" * 80}}
    made = (await api.of("configmaps", namespace).create(document)).ok()
    assert re.fullmatch(r"x{58}[a-z0-9]{5}", made["metadata"]["name"])


async def test_a_name_is_required(api, namespace):
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
    refused = (await api.of("configmaps", namespace).create(document)).refused
    assert refused == Refusal(
        422,
        "Invalid",
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
        (("metadata.name", "FieldValueRequired", "Required value: name or generateName is required"),),
    )


async def test_a_version_must_not_be_set_on_creation(api, namespace):
    refused = (await api.of("configmaps", namespace).create(config_map("a", resourceVersion="1"))).refused
    assert (refused.code, refused.message) == (500, "resourceVersion should not be set on objects to be created")


async def test_the_namespace_of_the_object_must_be_that_of_the_path(api, namespace):
    refused = (await api.of("configmaps", namespace).create(config_map("a", namespace="default"))).refused
    assert (refused.code, refused.reason) == (400, "BadRequest")
    assert refused.message == "the namespace of the provided object does not match the namespace sent on the request"


async def test_the_name_of_an_update_must_be_that_of_the_path(api, namespace):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a"))).ok()
    refused = (await api.ask("PUT", maps.at("a"), config_map("b"))).refused
    assert (refused.code, refused.message) == (
        400,
        "the name of the object (b) does not match the name on the URL (a)",
    )


async def test_an_absent_namespace_is_not_found(api):
    refused = (await api.of("configmaps", "nowhere").create(config_map("a"))).refused
    assert refused == Refusal(404, "NotFound", 'namespaces "nowhere" not found')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"kind": "Secret"}, 'Secret in version "v1" cannot be handled as a ConfigMap: ', id="another kind"
        ),
        pytest.param(
            {"apiVersion": "v2"}, 'ConfigMap in version "v2" cannot be handled as a ConfigMap: ', id="another version"
        ),
    ],
)
async def test_the_kind_must_be_that_of_the_path(api, namespace, change, message):
    refused = (await api.of("configmaps", namespace).create({**config_map("a"), **change})).refused
    assert (refused.code, refused.reason) == (400, "BadRequest")
    assert refused.message.startswith(message)


async def test_kind_and_version_may_be_left_out(api, namespace):
    made = (await api.of("configmaps", namespace).create({"metadata": {"name": "a"}})).ok()
    assert (made["apiVersion"], made["kind"]) == ("v1", "ConfigMap")


async def test_updating_what_is_not_there_is_not_found(api, namespace):
    answer = await api.of("configmaps", namespace).update(config_map("absent"))
    assert answer.refused == Refusal(404, "NotFound", 'configmaps "absent" not found')
    assert answer.document["details"] == {"name": "absent", "kind": "configmaps"}


async def test_a_lease_may_be_created_by_update(api, namespace):
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a"}, "spec": {}}
    answer = await api.of("leases", namespace).update(lease)
    assert answer.status == 201


async def test_an_owner_that_is_named_twice_is_kept_once(api, namespace):
    config_maps = api.of("configmaps", namespace)
    # One that is there: else the garbage collector may be faster than the case.
    uid = (await config_maps.create(config_map("o"))).ok()["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": uid}
    document = config_map("a")
    document["metadata"]["ownerReferences"] = [owner, owner]
    made = await config_maps.create(document)
    assert made.ok()["metadata"]["ownerReferences"] == [owner]
    told = "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; "
    told += f"please fix your requests; duplicate UID(s) observed: {uid}"
    assert made.warnings == [f".metadata.ownerReferences contains duplicate entries; {told}"]
    doubled = {"metadata": {"ownerReferences": [owner, owner], "labels": {"a": "b"}}}
    patched = await config_maps.merge("a", doubled)
    assert patched.ok()["metadata"]["ownerReferences"] == [owner]
    assert patched.warnings == [
        f".metadata.ownerReferences contains duplicate entries after mutating admission happens; {told}"
    ]
