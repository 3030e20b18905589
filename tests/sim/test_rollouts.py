"""Whole rollouts under virtual time: good ones arrive, bad ones are taken back by themselves."""

import asyncio
from collections import Counter

import pytest

from kubewright.api.core import PODS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.api.quotas import RESOURCE_QUOTAS
from kubewright.workloads.rollout.orders import ABORT, PROMOTE, RETRY, word
from tests.sim.releases import HEALTHY, SICK, app, crashing, run


def test_a_good_canary_goes_step_by_step_and_takes_over():
    async def scenario(shop):
        await shop.create()
        await shop.change(image="shop/web:1.1")
        first = await shop.until(lambda state: state.phase == "Progressing" and state.weight == 5)
        await asyncio.sleep(20)
        beside = await shop.images()
        weights = [first.weight]
        while (state := await shop.state()).phase == "Progressing":
            weights += [state.weight] if state.weight != weights[-1] else []
            await asyncio.sleep(1)
        await shop.phase("Verifying")
        await asyncio.sleep(5)
        ready = (await shop.conditions())["Ready"].status
        state = await shop.phase("Stable")
        return weights, beside, ready, state, await shop.images(), set(await shop.deployments()), await shop.events()

    weights, beside, ready, state, images, deployments, events = run(scenario)
    assert weights == [5, 25, 50]
    assert beside == {HEALTHY: 4, "shop/web:1.1": 1}
    assert ready == "True"
    assert state.stable == state.release
    assert images == {"shop/web:1.1": 4}
    assert deployments == {"web"}
    assert {"RolloutStarted", "RolloutProgressed", "RolloutSucceeded"} <= set(events)


def test_a_canary_that_answers_with_errors_is_taken_back_and_not_tried_again():
    async def scenario(shop):
        await shop.create()
        good = (await shop.state()).release
        await shop.change(image=SICK)
        state = await shop.phase("RolledBack")
        await asyncio.sleep(60)
        conditions, images = await shop.conditions(), await shop.images()
        await shop.change(replicas=5)
        await asyncio.sleep(60)
        assert (await shop.state()) == state
        assert await shop.images() == {HEALTHY: 5}
        return state, good, conditions, images, set(await shop.deployments()), await shop.events()

    state, good, conditions, images, deployments, events = run(scenario, usage={SICK: {"error-rate": "50%"}})
    assert state.reason == "BudgetBurns"
    assert state.stable == good != state.release
    assert images == {HEALTHY: 4}
    assert deployments == {"web"}
    assert conditions["Stalled"].status == "True"
    assert (conditions["Ready"].reason, conditions["Ready"].status) == ("RolledBack", "False")
    assert "errors" in conditions["Ready"].message
    assert "RolledBack" in events


@pytest.mark.parametrize("strategy", ["rolling", "canary", "blueGreen"])
def test_a_release_that_crashes_is_taken_back_by_pods_health_alone(strategy):
    async def scenario(shop):
        await shop.create(rollout={"strategy": strategy})
        await shop.change(command=["crash"], image=SICK)
        state = await shop.phase("RolledBack", 120)
        await asyncio.sleep(30)
        return state, await shop.images(), await shop.conditions()

    state, images, conditions = run(scenario, measured=False, faults=[crashing(SICK)])
    assert state.reason == "Crashing"
    assert images == {HEALTHY: 4}
    assert conditions["Stalled"].status == "True"


def test_an_old_pod_that_starts_again_meanwhile_reads_the_old_files():
    async def scenario(shop):
        await shop.create(files={"/etc/web.yaml": "colour: blue"}, rollout={"strategy": "canary", "paused": True})
        await shop.change(files={"/etc/web.yaml": "colour: red"})
        await shop.until(lambda state: state.reason == "Paused")
        victim = next(pod for pod in await shop.pods() if pod.metadata.labels["app.example.com/track"] == "stable")
        await shop.client.delete(PODS, victim.key)
        await asyncio.sleep(60)
        return [(pod.is_ready, *files_of(pod)) for pod in await shop.pods()]

    def files_of(pod):
        return [each.config_map.name for each in pod.spec.volumes if each.config_map is not None]

    pods = run(scenario)
    assert all(ready for ready, _ in pods)
    assert sorted(Counter(name for _, name in pods).values()) == [1, 4]


def test_blue_green_switches_all_traffic_at_once_and_keeps_the_old_pods_for_a_while():
    async def scenario(shop):
        await shop.create(rollout={"strategy": "blueGreen", "keepOldSeconds": 60})
        before = (await shop.services())["web"].spec.selector
        await shop.change(image="shop/web:1.1")
        await shop.phase("Switched")
        await asyncio.sleep(5)
        switched = (await shop.services())["web"].spec.selector, await shop.images()
        await shop.phase("Verifying")
        await asyncio.sleep(10)
        after = (await shop.services())["web"].spec.selector, await shop.images(), set(await shop.deployments())
        return before, switched, after, set(await shop.services())

    before, switched, after, services = run(scenario)
    assert before["app.example.com/track"] == after[0]["app.example.com/track"] == "stable"
    assert switched[0]["app.example.com/track"] == "trial"
    assert switched[1] == {HEALTHY: 4, "shop/web:1.1": 4}
    assert after[1:] == ({"shop/web:1.1": 4}, {"web"})
    assert services == {"kubernetes", "web"}


def test_a_blue_green_release_that_fails_under_load_gives_the_traffic_back_at_once():
    async def scenario(shop):
        await shop.create(rollout={"strategy": "blueGreen"})
        await shop.change(image=SICK)
        switched = await shop.phase("Switched")
        state = await shop.phase("RolledBack", 60)
        await asyncio.sleep(2)
        return switched, state, (await shop.services())["web"].spec.selector

    switched, state, selector = run(scenario, usage={SICK: {"error-rate": "20%"}})
    assert parse_time(state.since) - parse_time(switched.since) <= 30
    assert selector["app.example.com/track"] == "stable"


def test_a_rolling_release_that_passes_and_fails_afterwards_is_taken_back():
    async def scenario(shop):
        await shop.create(rollout={"strategy": "rolling"}, resources={"limits": {"memory": "128Mi"}})
        await shop.change(image=SICK)
        await shop.phase("Verifying", 60)
        state = await shop.phase("RolledBack")
        await asyncio.sleep(60)
        return state, await shop.images(), await shop.conditions()

    state, images, _ = run(scenario, usage={SICK: {"memory": "32Mi +1Mi/s"}})
    assert state.reason == "OutOfMemory"
    assert images == {HEALTHY: 4}


def test_people_pause_resume_promote_and_abort():
    async def scenario(shop):
        await shop.create(rollout={"strategy": "canary", "steps": [{"weight": 10, "pauseSeconds": 20}], "manual": True})
        await shop.change(image="shop/web:1.1", rollout={"paused": True})
        await shop.until(lambda state: state.reason == "Paused")
        await asyncio.sleep(120)
        assert (await shop.conditions())["Ready"].reason == "Paused"
        await shop.change(rollout={"paused": False})
        waiting = await shop.until(lambda state: state.reason == "AwaitingPromotion")
        await asyncio.sleep(630)
        assert await shop.state() == waiting
        await shop.tell(**{PROMOTE: waiting.release})
        await shop.phase("Verifying")
        first = await shop.images()
        await shop.phase("Stable")
        await shop.change(image="shop/web:1.2")
        begun = await shop.until(lambda state: state.phase == "Progressing")
        await shop.tell(**{ABORT: begun.release})
        aborted = await shop.phase("RolledBack")
        await asyncio.sleep(30)
        second = await shop.images()
        await shop.tell(**{RETRY: word(RETRY, aborted), ABORT: None})
        again = await shop.phase("Progressing", 10)
        return first, aborted, second, again.release == begun.release

    first, aborted, second, again = run(scenario)
    assert first == second == {"shop/web:1.1": 4}
    assert aborted.reason == "Aborted"
    assert again


def test_an_earlier_revision_is_run_again_and_one_that_is_not_kept_is_told_of():
    async def scenario(shop):
        await shop.create(rollout={"strategy": "canary", "steps": [{"weight": 50, "pauseSeconds": 5}]})
        await shop.change(image="shop/web:1.1")
        await shop.phase("Verifying")
        await shop.phase("Stable")
        await shop.change(rollout={"undo": 1})
        await shop.phase("Verifying")
        undone = await shop.images()
        await shop.phase("Stable")
        await shop.change(rollout={"undo": 77})
        await asyncio.sleep(40)
        ready = (await shop.conditions())["Ready"]
        still = await shop.images()
        await shop.change(rollout={"undo": 0})
        await shop.phase("Verifying")
        return undone, ready, still, await shop.images()

    undone, ready, still, again = run(scenario)
    assert undone == still == {HEALTHY: 4}
    assert ready.reason == "NoSuchRevision"
    assert again == {"shop/web:1.1": 4}


def test_what_the_server_refuses_is_told_of_at_once_and_made_within_a_minute_of_being_allowed():
    async def scenario(shop):
        quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/services": "0"}}}
        await shop.client.create(RESOURCE_QUOTAS, quota, namespace="default")
        await asyncio.sleep(2)
        await shop.client.create(APP_SERVICES, app(), namespace="default")
        await asyncio.sleep(1)
        told = (await shop.conditions())["Stalled"]
        await asyncio.sleep(600)
        await shop.client.delete(RESOURCE_QUOTAS, ObjectKey("default", "none"))
        await asyncio.sleep(75)
        return told, set(await shop.services()), (await shop.conditions())["Ready"].status

    told, services, ready = run(scenario, measured=False)
    assert (told.status, told.reason) == ("True", "Refused")
    assert "exceeded quota" in told.message
    assert "web" in services
    assert ready == "True"


def test_a_release_that_is_of_another_kind_has_nothing_to_go_back_to_and_is_as_the_first():
    async def scenario(shop):
        await shop.create()
        await shop.change(kind="stateful", image="shop/web:1.1")
        await shop.until(lambda state: state is None, 10)
        stable = await shop.until(lambda state: state is not None, 120)
        return stable, await shop.images(), set(await shop.deployments()), await shop.conditions()

    stable, images, deployments, conditions = run(scenario, measured=False)
    assert (stable.phase, stable.release) == ("Stable", stable.stable)
    assert images == {"shop/web:1.1": 4}
    assert deployments == set()
    assert conditions["Ready"].status == "True"


def test_without_measurements_where_there_should_be_some_nothing_is_promoted():
    async def scenario(shop):
        await shop.create()
        await shop.change(image="shop/web:1.1")
        held = await shop.until(lambda state: state.reason == "NotMeasured")
        await asyncio.sleep(900)
        return held, await shop.state(), (await shop.conditions())["Reconciling"]

    held, later, reconciling = run(scenario, usage={"shop/web:1.1": {"requests-per-second": None}})
    assert (later.phase, later.step) == (held.phase, held.step) == ("Progressing", 0)
    assert reconciling.status == "True"
    assert "nothing is measured of the new pods" in reconciling.message


def test_an_application_without_traffic_goes_by_pods_health_and_says_so():
    async def scenario(shop):
        await shop.create()
        await shop.change(image="shop/web:1.1")
        noted = await shop.until(lambda state: "health alone" in state.message)
        await shop.phase("Stable")
        return noted, await shop.images()

    noted, images = run(scenario, usage={image: {"requests-per-second": None} for image in (HEALTHY, "shop/web:1.1")})
    assert noted.phase == "Progressing"
    assert images == {"shop/web:1.1": 4}


def test_trouble_that_the_old_pods_have_as_well_is_not_the_releases():
    async def scenario(shop):
        await shop.create()
        await shop.change(image="shop/web:1.1")
        await shop.phase("Progressing")
        await shop.phase("Stable")
        return await shop.images()

    sick = {"error-rate": "5%"}
    assert run(scenario, usage={HEALTHY: sick, "shop/web:1.1": sick}) == {"shop/web:1.1": 4}
