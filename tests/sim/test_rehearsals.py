"""Releases that are tried on a copy of the cluster before they are started, under virtual time."""

import asyncio

from kubewright.api.core import CONFIG_MAPS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.api.quotas import RESOURCE_QUOTAS
from kubewright.api.volumes import STORAGE_CLASSES
from kubewright.workloads.rollout.orders import PROMOTE, word
from tests.sim.releases import HEALTHY, app, run

NEXT = "shop/web:1.1"
CANARY = {"strategy": "canary", "rehearse": True}
DISKS = {
    "metadata": {"name": "disks", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "twin.kubewright.dev/disk",
}
HUGE = {"requests": {"cpu": "64"}, "limits": {"cpu": "64"}}


async def maps(shop):
    listing = await shop.client.list(CONFIG_MAPS, namespace="default")
    return [each.metadata.name for each in listing.items if each.metadata.name.startswith("web")]


async def rehearsed(shop):
    return (await shop.conditions())["Rehearsed"]


def test_a_release_that_would_arrive_is_started_and_what_it_does_is_told_before():
    async def scenario(shop):
        await shop.create(rollout=CANARY)
        await shop.change(image=NEXT, files={"/etc/web.yaml": "a: 1"})
        await shop.phase("Progressing", 60)
        condition = await rehearsed(shop)
        await shop.phase("Stable")
        return condition, await shop.events(), await shop.images()

    condition, events, images = run(scenario)
    assert condition.status == "True"
    assert condition.message.startswith("all 4 pods find a place and come up; it creates ConfigMap web-files-")
    assert condition.message.endswith(", changes Deployment")
    assert {"RehearsalStarted", "Rehearsed", "RolloutStarted"} <= set(events)
    assert images == {NEXT: 4}


def test_a_release_that_fits_nowhere_is_held_with_the_reason_and_nothing_of_it_is_made():
    async def scenario(shop):
        await shop.create(rollout=CANARY)
        before = await shop.deployments()
        await shop.change(image=NEXT, resources=HUGE, files={"/etc/web.yaml": "a: 1"})
        held = await shop.until(lambda state: state.reason == "RehearsalFailed", 120)
        await asyncio.sleep(200)
        assert await shop.state() == held
        found = held, await shop.conditions(), before["web"].spec == (await shop.deployments())["web"].spec
        return *found, await maps(shop), await shop.images(), await shop.events()

    held, conditions, unchanged, found, images, events = run(scenario)
    assert held.phase == "Rehearsing"
    assert conditions["Rehearsed"].status == "False"
    assert "Unschedulable: no node for its pods: 0/3 nodes are available: 3 Insufficient cpu" in held.message
    assert (conditions["Stalled"].status, conditions["Ready"].reason) == ("True", "RehearsalFailed")
    assert unchanged
    assert found == []
    assert images == {HEALTHY: 4}
    assert events.count("RehearsalFailed") == 1


def test_a_held_release_starts_by_itself_when_the_cluster_has_room_for_it():
    async def scenario(shop):
        await shop.create(rollout=CANARY)
        quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "4"}}}
        await shop.client.create(RESOURCE_QUOTAS, quota, namespace="default")
        await asyncio.sleep(5)
        await shop.change(image=NEXT)
        held = await shop.until(lambda state: state.reason == "RehearsalFailed", 120)
        await shop.client.patch(RESOURCE_QUOTAS, ObjectKey("default", "few"), {"spec": {"hard": {"pods": "9"}}})
        await shop.phase("Progressing", 90)
        return held, await rehearsed(shop)

    held, condition = run(scenario)
    assert held.message.startswith("QuotaExceeded: no pods may be made: exceeded quota: few")
    assert condition.status == "True"


def test_somebody_starts_a_held_release_and_skips_none_of_its_steps():
    async def scenario(shop):
        await shop.create(rollout=CANARY)
        await shop.change(image=NEXT, resources=HUGE)
        held = await shop.until(lambda state: state.reason == "RehearsalFailed", 120)
        await shop.tell(**{PROMOTE: word(PROMOTE, held)})
        begun = await shop.phase("Progressing", 20)
        await asyncio.sleep(60)
        return begun, await shop.state(), await shop.events()

    begun, later, events = run(scenario)
    assert (begun.step, begun.weight) == (later.step, later.weight) == (0, 5)
    assert later.reason == "Unschedulable"
    assert {"Rehearsed", "RolloutStarted"} <= set(events)


def test_a_spec_that_is_taken_back_or_not_rehearsed_any_more_is_not_held():
    async def scenario(shop):
        await shop.create(rollout=CANARY)
        await shop.change(image=NEXT, resources=HUGE)
        await shop.until(lambda state: state.reason == "RehearsalFailed", 120)
        await shop.change(image=HEALTHY, resources=None)
        back = await shop.phase("Stable", 20)
        await shop.change(image=NEXT, resources=HUGE)
        await shop.until(lambda state: state.reason == "RehearsalFailed", 120)
        await shop.change(rollout={"rehearse": False})
        await shop.phase("Progressing", 20)
        return back, await shop.conditions()

    back, conditions = run(scenario)
    assert back.release == back.stable
    assert "Rehearsed" not in conditions


def test_a_stateful_release_is_rehearsed_with_its_volumes_and_arrives():
    async def scenario(shop):
        await shop.client.create(STORAGE_CLASSES, DISKS)
        claim = {"name": "data", "mountPath": "/data", "template": {"size": "1Gi"}}
        await shop.create(kind="stateful", replicas=2, rollout=CANARY, volumes=[claim])
        await shop.change(image=NEXT)
        await shop.phase("Progressing", 120)
        condition = await rehearsed(shop)
        await shop.change(resources=HUGE)
        held = await shop.until(lambda state: state.reason == "RehearsalFailed", 200)
        return condition, held, await shop.images()

    condition, held, images = run(scenario)
    assert condition.message == "all 2 pods find a place and come up; it changes StatefulSet"
    assert "Insufficient cpu" in held.message
    assert set(images) <= {HEALTHY, NEXT}


def test_a_first_release_that_fits_nowhere_is_held_until_it_does_and_then_comes_up():
    async def scenario(shop):
        spec = app(rollout=CANARY, resources=HUGE, files={"/etc/web.yaml": "a: 1"})
        await shop.client.create(APP_SERVICES, spec, namespace="default")
        held = await shop.until(lambda state: state is not None and state.reason == "RehearsalFailed", 60)
        await asyncio.sleep(90)
        made = await maps(shop), set(await shop.deployments()), (await shop.conditions())["Stalled"].status
        await shop.change(resources=None)
        stable = await shop.phase("Stable", 120)
        return held, made, stable, await rehearsed(shop), await shop.images()

    held, made, stable, condition, images = run(scenario)
    assert (held.phase, held.stable) == ("Rehearsing", "")
    assert "Insufficient cpu" in held.message
    assert made == ([], set(), "True")
    assert stable.stable == stable.release
    assert condition.message.startswith("all 4 pods find a place and come up; it creates")
    assert images == {HEALTHY: 4}


def test_a_first_release_that_is_held_starts_when_somebody_promotes_it():
    async def scenario(shop):
        await shop.client.create(APP_SERVICES, app(rollout=CANARY, resources=HUGE), namespace="default")
        held = await shop.until(lambda state: state is not None and state.reason == "RehearsalFailed", 60)
        await shop.tell(**{PROMOTE: word(PROMOTE, held)})
        started = await shop.phase("Progressing", 60)
        await asyncio.sleep(30)
        return started, set(await shop.deployments()), (await shop.conditions())["Ready"].reason

    started, deployments, reason = run(scenario)
    assert started.stable == ""
    assert deployments == {"web"}
    assert reason == "Unschedulable"
