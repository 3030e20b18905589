"""Rollouts of stateful applications under virtual time: by partition, gated and taken back as those of services are."""

import asyncio

import pytest

from kubewright.api.apps import STATEFUL_SETS
from kubewright.api.crds.appservice import APP_SERVICES
from tests.sim.releases import HEALTHY, SICK, WEB, app, crashing, run

NEXT = "shop/web:1.1"


async def ordinals(shop, image):
    """Return the numbers of the pods that run an image."""
    return sorted(int(pod.metadata.name[-1]) for pod in await shop.pods() if pod.spec.containers[0].image == image)


def test_a_good_canary_is_the_last_pods_and_takes_over_in_order():
    async def scenario(shop):
        await shop.create(kind="stateful")
        await shop.change(image=NEXT)
        seen = []
        while (state := await shop.state()).phase in {"Stable", "Progressing"}:
            new = tuple(await ordinals(shop, NEXT))
            seen += [(state.weight, new)] if state.phase == "Progressing" and (state.weight, new) not in seen else []
            await asyncio.sleep(1)
        stable = await shop.phase("Stable")
        partition = (await shop.client.get(STATEFUL_SETS, WEB)).spec.update_strategy.rolling_update.partition
        return seen, stable, partition, await shop.images(), set(await shop.deployments()), await shop.events()

    seen, stable, partition, images, deployments, events = run(scenario)
    assert dict(seen) == {5: (3,), 25: (3,), 50: (2, 3)}  # what each step came to
    assert {new for _, new in seen} <= {(), (3,), (2, 3)}
    assert stable.release == stable.stable
    assert partition == 0
    assert images == {NEXT: 4}
    assert deployments == set()
    assert "RolloutSucceeded" in events


@pytest.mark.parametrize("strategy", ["rolling", "canary"])
def test_a_release_that_crashes_is_taken_back_though_its_pod_never_gets_ready(strategy):
    async def scenario(shop):
        await shop.create(kind="stateful", rollout={"strategy": strategy})
        await shop.change(image=SICK)
        state = await shop.phase("RolledBack", 200)
        await asyncio.sleep(60)
        return state, await shop.images(), await ordinals(shop, SICK), await shop.events()

    state, images, sick, events = run(scenario, measured=False, faults=[crashing(SICK)])
    assert state.reason == "Crashing"
    assert images == {HEALTHY: 4}
    assert sick == []
    assert "PodReplaced" in events


def test_a_canary_that_answers_with_errors_is_taken_back():
    async def scenario(shop):
        await shop.create(kind="stateful")
        await shop.change(image=SICK)
        state = await shop.phase("RolledBack")
        await asyncio.sleep(60)
        return state, await shop.images()

    state, images = run(scenario, usage={SICK: {"error-rate": "50%"}})
    assert state.reason == "BudgetBurns"
    assert images == {HEALTHY: 4}


def test_a_first_release_that_never_came_up_is_replaced_by_one_that_does():
    async def scenario(shop):
        spec = {"image": SICK, "replicas": 2, "kind": "stateful"}
        await shop.client.create(APP_SERVICES, app(**spec), namespace="default")
        await asyncio.sleep(120)
        before = await shop.images()
        await shop.change(image=NEXT)
        await shop.until(lambda state: state is not None and state.phase == "Stable", 120)
        return before, await shop.images()

    before, images = run(scenario, measured=False, faults=[crashing(SICK)])
    assert before == {}
    assert images == {NEXT: 2}


def test_an_earlier_revision_runs_again_and_stays():
    async def scenario(shop):
        await shop.create(kind="stateful", rollout={"strategy": "rolling"})
        await shop.change(image=NEXT)
        await shop.phase("Verifying")
        await shop.phase("Stable")
        await shop.change(rollout={"undo": 1})
        await shop.phase("Verifying")
        undone = await shop.phase("Stable")
        await asyncio.sleep(120)
        return undone, await shop.state(), await shop.images(), await shop.conditions()

    undone, later, images, conditions = run(scenario, measured=False)
    assert images == {HEALTHY: 4}
    assert later == undone
    assert conditions["Ready"].status == "True"
