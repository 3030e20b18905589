"""resourceVersion and generation: one number for the whole server, moved by changes and by nothing else."""

import pytest

from tests.contract.asking import JSON_PATCH, MERGE, STRATEGIC, version_of
from tests.contract.manifests import config_map, deployment, service


async def test_objects_of_all_kinds_share_one_growing_version(api, namespace):
    maps, services, deployments = (api.of(plural, namespace) for plural in ("configmaps", "services", "deployments"))
    versions = [version_of((await maps.create(config_map("a"))).ok())]
    versions.append(version_of((await services.create(service("a"))).ok()))
    versions.append(version_of((await deployments.create(deployment("a", 0))).ok()))
    versions.append(version_of((await maps.merge("a", {"data": {"k": "v"}})).ok()))
    assert versions == sorted(set(versions))


async def test_a_list_carries_a_version_not_older_than_its_objects(api, namespace):
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a"))).ok()
    listed = (await maps.list()).ok()
    assert int(listed["metadata"]["resourceVersion"]) >= version_of(made)


async def test_an_update_that_changes_nothing_keeps_the_version(api, namespace):
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a", {"k": "v"}))).ok()
    assert (await maps.update(made)).ok() == made


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        pytest.param(MERGE, {"data": {"k": "v"}}, id="merge patch"),
        pytest.param(STRATEGIC, {"data": {"k": "v"}}, id="strategic merge patch"),
        pytest.param(JSON_PATCH, [{"op": "replace", "path": "/data/k", "value": "v"}], id="json patch"),
    ],
)
async def test_a_patch_that_changes_nothing_keeps_the_version(api, namespace, content_type, patch):
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a", {"k": "v"}))).ok()
    assert version_of((await maps.patch("a", content_type, patch)).ok()) == version_of(made)


async def test_an_apply_that_changes_nothing_keeps_the_version_and_the_time(api, namespace):
    maps = api.of("configmaps", namespace)
    wanted = config_map("a", {"k": "v"})
    made = (await maps.apply(wanted, "me")).ok()
    assert (await maps.apply(wanted, "me")).ok() == made


async def test_an_update_that_moves_only_timestamps_of_managed_fields_keeps_the_version(api, namespace):
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a", {"k": "v"}))).ok()
    changed = {**made, "metadata": {**made["metadata"], "managedFields": None}}
    assert version_of((await maps.update(changed)).ok()) == version_of(made)


async def test_a_stale_update_is_refused(api, namespace):
    maps = api.of("configmaps", namespace)
    stale = (await maps.create(config_map("a", {"k": "1"}))).ok()
    (await maps.merge("a", {"data": {"k": "2"}})).ok()
    refused = (await maps.update({**stale, "data": {"k": "3"}})).refused
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert refused.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_an_update_without_a_version_is_taken_where_the_kind_allows_it(api, namespace):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a", {"k": "1"}))).ok()
    assert (await maps.update(config_map("a", {"k": "2"}))).ok()["data"] == {"k": "2"}


async def test_a_patch_with_a_stale_version_is_refused(api, namespace):
    maps = api.of("configmaps", namespace)
    stale = (await maps.create(config_map("a", {"k": "1"}))).ok()
    (await maps.merge("a", {"data": {"k": "2"}})).ok()
    patch = {"metadata": {"resourceVersion": stale["metadata"]["resourceVersion"]}, "data": {"k": "3"}}
    assert (await maps.merge("a", patch)).refused.reason == "Conflict"


async def test_an_apply_with_a_stale_version_is_refused(api, namespace):
    maps = api.of("configmaps", namespace)
    stale = (await maps.create(config_map("a", {"k": "1"}))).ok()
    (await maps.merge("a", {"data": {"k": "2"}})).ok()
    wanted = config_map("a", {"other": "3"}, resourceVersion=stale["metadata"]["resourceVersion"])
    assert (await maps.apply(wanted, "me")).refused.reason == "Conflict"


async def test_an_update_of_another_uid_is_refused(api, namespace):
    maps = api.of("configmaps", namespace)
    made = (await maps.create(config_map("a"))).ok()
    uid = made["metadata"]["uid"]
    refused = (await maps.update(config_map("a", {"k": "v"}, uid="00000000-0000-0000-0000-000000000000"))).refused
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert refused.message == (
        'Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, '
        f"Key: /registry/configmaps/{namespace}/a, ResourceVersion: 0, AdditionalErrorMsg: "
        "Precondition failed: UID in precondition: 00000000-0000-0000-0000-000000000000, UID in object meta: " + uid
    )


async def test_a_version_that_is_no_number_is_refused(api, namespace):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a"))).ok()
    refused = (await maps.update(config_map("a", {"k": "v"}, resourceVersion="new"))).refused
    assert refused.code == 500
    assert refused.message == 'strconv.ParseUint: parsing "new": invalid syntax'


async def test_generation_counts_changes_of_the_spec_only(api, namespace):
    deployments = api.of("deployments", namespace)
    assert (await deployments.create(deployment("a", 0))).ok()["metadata"]["generation"] == 1
    labelled = (await deployments.merge("a", {"metadata": {"labels": {"l": "1"}}})).ok()
    assert labelled["metadata"]["generation"] == 1
    paused = (await deployments.merge("a", {"spec": {"paused": True}})).ok()
    assert paused["metadata"]["generation"] == 2
    changed = (await deployments.merge("a", {"status": {"observedGeneration": 7}}, "status")).ok()
    assert changed["metadata"]["generation"] == 2


async def test_kinds_without_a_controller_have_no_generation(api, namespace):
    made = (await api.of("configmaps", namespace).create(config_map("a"))).ok()
    assert "generation" not in made["metadata"]
