"""Owners and what they own, deleted in each of the three ways."""

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import config_map, owned_by


@pytest.fixture
def maps(api, namespace):
    return api.of("configmaps", namespace)


@pytest.fixture
async def family(maps):
    owner = (await maps.create(config_map("owner"))).ok()
    (await maps.create(owned_by(owner, config_map("child")))).ok()
    return owner


async def test_in_the_background_the_owner_goes_first_and_its_children_follow(maps, family):
    (await maps.delete("owner", {"propagationPolicy": "Background"})).ok()
    assert (await maps.get("owner")).status == 404
    await maps.gone("child")


async def test_in_the_foreground_the_owner_waits_for_its_children(maps, family):
    (await maps.merge("child", {"metadata": {"finalizers": ["example.com/hold"]}})).ok()
    marked = (await maps.delete("owner", {"propagationPolicy": "Foreground"})).ok()
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    await maps.becomes("child", lambda it: it["metadata"].get("deletionTimestamp"))
    assert (await maps.get("owner")).status == 200
    (await maps.merge("child", {"metadata": {"finalizers": None}})).ok()
    await maps.gone("child")
    await maps.gone("owner")


async def test_orphans_stay_and_forget_their_owner(maps, family):
    (await maps.delete("owner", {"propagationPolicy": "Orphan"})).ok()
    await maps.gone("owner")
    child = await maps.becomes("child", lambda it: not it["metadata"].get("ownerReferences"))
    assert "deletionTimestamp" not in child["metadata"]


async def test_a_child_of_an_absent_owner_is_collected(maps, family):
    (await maps.delete("owner")).ok()
    (await maps.create(owned_by(family, config_map("late")))).ok()
    await maps.gone("late")


async def test_a_namesake_of_the_owner_owns_nothing(maps, family):
    (await maps.delete("owner")).ok()
    (await maps.create(config_map("owner"))).ok()
    await maps.gone("child")
    assert (await maps.get("owner")).status == 200


async def test_a_child_of_two_owners_stays_with_the_other(maps, family):
    other = (await maps.create(config_map("other"))).ok()
    references = [*owners(owned_by(family, config_map("x"))), *owners(owned_by(other, config_map("x")))]
    (await maps.create(config_map("shared", ownerReferences=references))).ok()
    (await maps.delete("owner")).ok()
    left = await maps.becomes("shared", lambda it: len(it["metadata"]["ownerReferences"]) == 1)
    assert left["metadata"]["ownerReferences"][0]["name"] == "other"
    (await maps.delete("other")).ok()
    await maps.gone("shared")


def owners(document):
    return document["metadata"]["ownerReferences"]


async def test_grandchildren_go_too(maps, family):
    child = (await maps.get("child")).ok()
    (await maps.create(owned_by(child, config_map("grandchild")))).ok()
    (await maps.delete("owner", {"propagationPolicy": "Background"})).ok()

    async def gone():
        return set(await maps.names()) == {"kube-root-ca.crt"}

    await eventually(gone, maps.list)
