"""Faults of pods: what their containers do, what the pods say, and that they do well when the fault is lifted."""

import asyncio

import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import EVENTS
from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import PatchType
from tests.sim.build import deployment, run
from tests.sim.faulty import inject, lift, status

PROBE = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 5, "failureThreshold": 2}
WEB = {"pods": {"labelSelector": {"matchLabels": {"app": "web"}}}}


async def messages(day, reason):
    return [each.message for each in (await day.client.list(EVENTS)).items if each.reason == reason]


async def living(day, name="web"):
    return [pod for pod in await day.pods(name) if not pod.is_terminating]


async def waiting(day, name="web"):
    pods = await living(day, name)
    states = [each.state.waiting for pod in pods for each in pod.status.container_statuses]
    return {each.reason for each in states if each is not None}


async def restarts(day, name="web"):
    return [pod.restart_count for pod in await living(day, name)]


async def deployed(day, **options):
    for name in ("web", "db"):
        await day.deploy(name, **options)
        await day.until_complete(name)


async def recovered(day):
    await day.until_complete("web", 400)
    pods = await living(day)
    assert all(pod.is_ready and pod.status.phase == "Running" for pod in pods)


@pytest.mark.parametrize("exit_code", [137, 1])
def test_a_crash_ends_one_run_and_no_more(exit_code):
    async def day(day):
        await deployed(day)
        await inject(day, "crash", "ContainerCrash", {**WEB, "count": 2}, containerCrash={"exitCode": exit_code})
        hit = (await status(day, "crash")).targets
        await asyncio.sleep(120)
        pods = await day.pods("web")
        assert [str(each.key) for each in pods if each.restart_count] == list(hit)
        ended = [each.last_state.terminated for pod in pods for each in pod.status.container_statuses]
        assert [each.exit_code for each in ended if each is not None] == [exit_code] * 2
        assert sum(await restarts(day, "db")) == 0
        await recovered(day)

    run(day)


def test_a_crash_by_schedule_comes_again_each_time():
    async def day(day):
        await deployed(day)
        schedule = {"durationSeconds": 1, "periodSeconds": 100, "times": 3}
        await inject(day, "crash", "ContainerCrash", WEB, schedule=schedule)
        await asyncio.sleep(400)
        assert await restarts(day) == [3, 3, 3]

    run(day)


def test_a_crash_loop_backs_off_until_it_is_lifted():
    async def day(day):
        await deployed(day)
        await inject(day, "loop", "CrashLoop", WEB, crashLoop={"afterSeconds": 3, "exitCode": 2})
        await asyncio.sleep(100)
        assert await waiting(day) == {"CrashLoopBackOff"}
        assert min(await restarts(day)) >= 3
        assert await messages(day, "BackOff")
        assert await waiting(day, "db") == set()
        await lift(day, "loop")
        await recovered(day)

    run(day)


@pytest.mark.parametrize(("reason", "words"), [("NotFound", "not found"), ("Unauthorized", "authentication required")])
def test_an_image_that_cannot_be_pulled_keeps_new_pods_waiting(reason, words):
    async def day(day):
        await deployed(day)
        target = {"pods": {"images": ["shop/web:2"]}}
        await inject(day, "pull", "ImagePullFailure", target, imagePullFailure={"reason": reason})
        assert (await status(day, "pull")).conditions[1].reason == "NothingMatches"
        await day.new_image("web", "shop/web:2")
        await asyncio.sleep(60)
        assert await waiting(day) & {"ImagePullBackOff", "ErrImagePull"}
        assert any(words in each for each in await messages(day, "Failed"))
        assert (await status(day, "pull")).matched == 1
        assert len(await day.ready("web")) == 3, "the old pods go on"
        await lift(day, "pull")
        await recovered(day)
        assert {pod.spec.containers[0].image for pod in await living(day)} == {"shop/web:2"}

    run(day)


def test_a_bad_release_crashes_some_time_after_it_has_started():
    async def day(day):
        await deployed(day)
        release = {"mode": "Crash", "afterSeconds": 30}
        await inject(day, "bad", "BadRelease", {"pods": {"images": ["shop/web:2"]}}, badRelease=release)
        await day.new_image("web", "shop/web:2")
        await day.until_complete("web", 60)
        assert sum(await restarts(day)) == 0
        await asyncio.sleep(90)
        assert min(await restarts(day)) >= 1
        await day.new_image("web", "shop/web:1")
        await recovered(day)
        assert sum(await restarts(day)) == 0

    run(day)


def test_a_fork_has_the_faults_of_its_origin_and_lifts_them_for_itself():
    async def day(day):
        await deployed(day)
        await inject(day, "loop", "CrashLoop", WEB)
        await asyncio.sleep(60)
        async with day.twin.fork() as forked:
            other = type(day)(forked)
            assert (await status(other, "loop")).phase == "InForce"
            await lift(other, "loop")
            await recovered(other)
            counts = await restarts(other), await restarts(day)
            await asyncio.sleep(400)
            assert (await restarts(other), sum(await restarts(day))) == (counts[0], sum(counts[1]) + 6)
            assert (await status(day, "loop")).phase == "InForce"

    run(day)


def test_the_same_faults_twice_leave_the_same_log():
    async def day(day):
        await deployed(day)
        await inject(day, "loop", "CrashLoop", {**WEB, "percent": 50}, seed=5)
        await inject(day, "down", "NodeDown", {"nodes": {}, "count": 1}, schedule={"startAfterSeconds": 30})
        await asyncio.sleep(100)
        await lift(day, "loop")
        await lift(day, "down")
        await asyncio.sleep(100)

    first, second = run(day), run(day)
    assert len(first) > 100
    assert first == second


async def probed(day, name="web", probe="readinessProbe"):
    containers = [{"name": "main", "image": "shop/web:1", probe: PROBE}]
    manifest = deployment(name)
    manifest["spec"]["template"]["spec"]["containers"] = containers
    await day.create(DEPLOYMENTS, manifest)
    await day.until_complete(name)


def test_a_readiness_probe_that_fails_takes_pods_out_of_service_until_it_is_lifted():
    async def day(day):
        await probed(day)
        await day.expose("web")
        await inject(day, "probe", "ProbeFailure", {**WEB, "count": 2})
        await asyncio.sleep(30)
        assert len(await day.ready("web")) == 1
        assert any("Readiness probe failed" in each for each in await messages(day, "Unhealthy"))
        assert sum(await restarts(day)) == 0
        await lift(day, "probe")
        await recovered(day)

    run(day)


def test_a_liveness_probe_that_fails_has_containers_restarted_until_it_is_lifted():
    async def day(day):
        await probed(day, probe="livenessProbe")
        await inject(day, "probe", "ProbeFailure", WEB, probeFailure={"probe": "Liveness"})
        await asyncio.sleep(60)
        assert min(await restarts(day)) >= 1
        await lift(day, "probe")
        await recovered(day)
        counts = await restarts(day)
        await asyncio.sleep(400)
        assert await restarts(day) == counts

    run(day)


def test_a_bad_release_turns_unready_some_time_after_it_has_started():
    async def day(day):
        await probed(day)
        release = {"mode": "NotReady", "afterSeconds": 60}
        await inject(day, "bad", "BadRelease", {"pods": {"images": ["shop/web:2"]}}, badRelease=release)
        change = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "shop/web:2"}]
        await day.client.patch(DEPLOYMENTS, ObjectKey("default", "web"), change, PatchType.JSON)
        await day.until_complete("web", 55)
        await asyncio.sleep(90)
        assert await day.ready("web") == []
        await lift(day, "bad")
        await recovered(day)

    run(day)


def test_a_crash_loop_that_is_lifted_spares_the_run_that_was_about_to_end():
    async def day(day):
        await deployed(day)
        await inject(day, "loop", "CrashLoop", WEB, crashLoop={"afterSeconds": 3600})
        await asyncio.sleep(1800)
        await lift(day, "loop")
        await asyncio.sleep(7200)
        assert sum(await restarts(day)) == 0

    run(day)


def test_names_that_do_not_resolve_keep_dependants_from_being_ready():
    async def day(day):
        await probed(day)
        await probed(day, "db")
        await inject(day, "dns", "DnsFailure", WEB)
        await asyncio.sleep(30)
        assert (len(await day.ready("web")), len(await day.ready("db"))) == (0, 3)
        await lift(day, "dns")
        await recovered(day)

    run(day)


async def limited(day, name="web"):
    manifest = deployment(name)
    resources = {"requests": {"memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    manifest["spec"]["template"]["spec"]["containers"] = [
        {"name": "main", "image": "shop/web:1", "resources": resources}
    ]
    await day.create(DEPLOYMENTS, manifest)
    await day.until_complete(name)


async def killed(day):
    pods = await living(day)
    ended = [each.last_state.terminated for pod in pods for each in pod.status.container_statuses]
    return [(each.exit_code, each.reason) for each in ended if each is not None]


def test_a_leak_ends_in_the_out_of_memory_killer_again_and_again_until_it_is_lifted():
    async def day(day):
        await limited(day)
        leak = {"bytesPerSecond": "4Mi"}
        await inject(day, "leak", "MemoryLeak", {**WEB, "count": 1}, memoryLeak=leak)
        await asyncio.sleep(30)
        assert await killed(day) == []
        await asyncio.sleep(170)
        assert await killed(day) == [(137, "OOMKilled")]
        assert sorted(await restarts(day))[:2] == [0, 0]
        assert max(await restarts(day)) >= 2
        await lift(day, "leak")
        await recovered(day)
        counts = await restarts(day)
        await asyncio.sleep(600)
        assert await restarts(day) == counts

    run(day)


def test_a_fork_leaks_on_as_its_origin_does():
    async def day(day):
        await limited(day)
        await inject(day, "leak", "MemoryLeak", WEB, memoryLeak={"bytesPerSecond": "2Mi"})
        await asyncio.sleep(60)
        async with day.twin.fork() as forked:
            other = type(day)(forked)
            counts = []
            for _ in range(60):
                await asyncio.sleep(3)
                counts.append((await restarts(day), await restarts(other)))
        assert all(sum(mine) == sum(theirs) for mine, theirs in counts[::10])
        assert sum(counts[-1][0]) >= 3

    run(day)
