"""Faults of the API server: what the chosen client sees, that no other does, and that all is well afterwards."""

import asyncio
import itertools

import pytest

from kubewright.api.core import CONFIG_MAPS, PODS
from kubewright.api.meta import ObjectKey
from kubewright.client.transport import Request
from kubewright.errors import ErrorKind
from kubewright.runtime.informer import Informer
from kubewright.twin.access.users import ADMIN, User
from kubewright.twin.faults.fault import FAULTS
from tests.sim.build import run
from tests.sim.faulty import client_called, inject, lift, refusal, status

KEY = ObjectKey("default", "settings")
OF_VICTIM = {"clients": {"userAgents": ["victim/*"]}}


async def ask(day, method="GET", path="/api/v1/namespaces/default/configmaps/settings", agent="victim/1", body=b""):
    headers = {"user-agent": agent, "content-type": "application/merge-patch+json"}
    return await day.twin.server.handle(Request(method, path, {}, headers, body), ADMIN)


async def settings(day):
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}
    await day.client.create(CONFIG_MAPS, manifest, namespace="default")
    return client_called(day, "victim/1.0"), client_called(day, "bystander/1.0")


@pytest.mark.parametrize(
    ("code", "reason", "retry_after"),
    [(500, "InternalError", None), (503, "ServiceUnavailable", "7"), (504, "Timeout", "7")],
)
def test_errors_go_to_the_chosen_client_alone(code, reason, retry_after):
    async def day(day):
        await settings(day)
        await inject(day, "errors", "ApiError", OF_VICTIM, apiError={"code": code, "retryAfterSeconds": 7})
        answer = await ask(day)
        assert answer.status == code
        assert f'"reason":"{reason}"'.encode() in answer.body
        assert answer.headers.get("retry-after") == retry_after
        assert (await ask(day, agent="bystander/1")).status == 200
        assert (await ask(day, path="/api/v1")).status == 200, "discovery is not hit unless paths say so"
        await lift(day, "errors")
        assert (await ask(day)).status == 200

    run(day)


def test_too_many_requests_look_like_those_of_a_busy_server():
    async def day(day):
        await settings(day)
        await inject(day, "busy", "ApiError", OF_VICTIM, apiError={"code": 429, "retryAfterSeconds": 3})
        answer = await ask(day)
        assert (answer.status, answer.headers["retry-after"]) == (429, "3")
        assert answer.body == b"Too many requests, please try again later.\n"

    run(day)


def test_conflicts_hit_updates_and_patches_only():
    async def day(day):
        victim, bystander = await settings(day)
        await inject(day, "stale", "ApiError", OF_VICTIM, apiError={"code": 409})
        error = await refusal(victim.patch(CONFIG_MAPS, KEY, {"data": {"k": "v"}}))
        assert error.kind is ErrorKind.CONFLICT
        assert error.detail.startswith('Operation cannot be fulfilled on configmaps "settings": the object has been')
        assert (await victim.get(CONFIG_MAPS, KEY)).data == {}
        await bystander.patch(CONFIG_MAPS, KEY, {"data": {"k": "v"}})
        await lift(day, "stale")
        await victim.patch(CONFIG_MAPS, KEY, {"data": {"k": "w"}})

    run(day)


def test_of_many_requests_a_share_or_the_first_ones_are_hit_and_counted():
    async def codes(day, name, **share):
        await inject(day, name, "ApiError", {**OF_VICTIM, **share}, apiError={"code": 500}, seed=3)
        found = [(await ask(day)).status for _ in range(200)]
        await asyncio.sleep(10)
        shown = await status(day, name)
        assert (shown.matched, shown.hit) == (200, found.count(500))
        await lift(day, name)
        return found

    async def day(day):
        await settings(day)
        assert await codes(day, "first", count=3) == [500] * 3 + [200] * 197
        share = await codes(day, "share", percent=25)
        assert 30 < share.count(500) < 70
        assert share == await codes(day, "share", percent=25), "one seed, one fate"

    run(day)


def test_answers_wait_and_only_the_chosen_client_notices():
    async def day(day):
        victim, bystander = await settings(day)
        loop = asyncio.get_running_loop()
        await inject(day, "slow", "ApiLatency", OF_VICTIM, apiLatency={"milliseconds": 1500})
        await inject(day, "slower", "ApiLatency", OF_VICTIM, apiLatency={"milliseconds": 500})
        began = loop.time()
        await victim.get(CONFIG_MAPS, KEY)
        assert loop.time() - began == pytest.approx(2.0), "the waits of two faults add up"
        began = loop.time()
        await bystander.get(CONFIG_MAPS, KEY)
        assert loop.time() == began
        await lift(day, "slow")
        await lift(day, "slower")
        began = loop.time()
        await victim.get(CONFIG_MAPS, KEY)
        assert loop.time() == began

    run(day)


@pytest.mark.parametrize(("when", "written"), [("Before", {}), ("After", {"k": "v"})])
def test_a_reset_loses_the_request_or_only_its_answer(when, written):
    async def day(day):
        victim, bystander = await settings(day)
        await inject(day, "cut", "ApiReset", OF_VICTIM, apiReset={"when": when})
        error = await refusal(victim.patch(CONFIG_MAPS, KEY, {"data": {"k": "v"}}))
        assert error.kind is ErrorKind.UNAVAILABLE
        assert "connection reset by peer" in error.detail
        assert (await bystander.get(CONFIG_MAPS, KEY)).data == written

    run(day)


def test_clients_are_chosen_by_user_verb_resource_and_namespace():
    async def day(day):
        await settings(day)
        clients = {"users": ["eve"], "verbs": ["get"], "resources": ["configmaps"], "namespaces": ["default"]}
        await inject(day, "errors", "ApiError", {"clients": clients}, apiError={"code": 500})
        eve, admin = client_called(day, "x", User("eve")), client_called(day, "x")
        assert (await refusal(eve.get(CONFIG_MAPS, KEY))).detail.startswith("Internal error occurred: etcdserver")
        assert await refusal(eve.list(CONFIG_MAPS)) is None
        assert await refusal(eve.list(PODS)) is None
        assert await refusal(admin.get(CONFIG_MAPS, KEY)) is None

    run(day)


def test_an_expired_certificate_is_unauthorized():
    async def day(day):
        victim, _ = await settings(day)
        await inject(day, "expired", "CertificateExpiry", {"clients": {"users": ["system:admin"]}})
        assert (await refusal(victim.get(CONFIG_MAPS, KEY))).kind is ErrorKind.UNAUTHORIZED
        await lift(day, "expired")
        await victim.get(CONFIG_MAPS, KEY)

    run(day)


def test_a_fault_of_everybody_keeps_nobody_from_lifting_it_and_leaves_the_twin_itself_alone():
    async def day(day):
        await inject(day, "all", "ApiError", {"clients": {}}, apiError={"code": 503})
        assert await refusal(day.client.list(PODS, namespace="default")) is not None
        assert [each.metadata.name for each in (await day.client.list(FAULTS)).items] == ["all"]
        await lift(day, "all")
        await day.deploy("web")
        await day.until_complete("web")

    run(day)


def test_the_twins_own_controllers_recover_from_a_server_that_fails_them():
    async def day(day):
        await day.deploy("web", replicas=3)
        components = {"clients": {"userAgents": ["kubewright-twin/*"]}}
        await inject(day, "errors", "ApiError", {**components, "percent": 60}, apiError={"code": 500})
        await inject(day, "drops", "WatchDrop", components, watchDrop={"expired": True, "afterSeconds": 2})
        await day.change("web", replicas=6)
        await asyncio.sleep(30)
        await lift(day, "errors")
        await lift(day, "drops")
        await day.until_complete("web", 120)

    run(day)


def put(day, value):
    return day.client.patch(CONFIG_MAPS, KEY, {"data": {"k": value}})


async def informed(day, scenario):
    """Run a scenario with the victim's informer, and return how many of its watches began."""
    victim, _ = await settings(day)
    informer = Informer(victim, CONFIG_MAPS, namespace="default")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(informer.run())
        await informer.wait_synced()
        try:
            await scenario(lambda: informer.index.get(KEY).data.get("k"))
        finally:
            running.cancel()


@pytest.mark.parametrize("expired", [False, True])
def test_a_dropped_watch_is_taken_up_again_and_misses_nothing(expired):
    async def day(day):
        async def scenario(seen):
            await put(day, "1")
            await asyncio.sleep(1)
            assert seen() == "1"
            await inject(day, "drop", "WatchDrop", OF_VICTIM, watchDrop={"expired": expired, "afterSeconds": 3})
            await asyncio.sleep(60)
            shown = await status(day, "drop")
            assert shown.hit > 3, "each watch that begins is dropped, too"
            await lift(day, "drop")
            await put(day, "2")
            await asyncio.sleep(30)
            assert seen() == "2"

        await informed(day, scenario)

    run(day)


def test_a_stale_watch_says_nothing_until_the_fault_is_lifted():
    async def day(day):
        async def scenario(seen):
            await put(day, "1")
            await asyncio.sleep(1)
            await inject(day, "stale", "WatchStale", OF_VICTIM)
            await put(day, "2")
            await asyncio.sleep(20)
            assert seen() == "1"
            await lift(day, "stale")
            assert seen() == "2"

        await informed(day, scenario)

    run(day)


def test_after_a_compaction_an_old_watch_is_expired():
    async def day(day):
        victim, _ = await settings(day)
        version = (await victim.list(CONFIG_MAPS)).resource_version
        await put(day, "1")
        await inject(day, "compaction", "Compaction")
        error = await refusal(anext(aiter(victim.watch(CONFIG_MAPS, resource_version=version))))
        assert error.kind is ErrorKind.EXPIRED

    run(day)


def test_a_fault_comes_and_goes_by_its_schedule():
    async def day(day):
        await settings(day)
        schedule = {"startAfterSeconds": 10, "durationSeconds": 5, "periodSeconds": 20, "times": 2}
        await inject(day, "errors", "ApiError", OF_VICTIM, apiError={"code": 500}, schedule=schedule)
        codes = []
        for _ in range(60):
            codes.append((await ask(day)).status)
            await asyncio.sleep(1)
        changes = [second for second in range(1, 60) if codes[second] != codes[second - 1]]
        assert codes[0] == codes[-1] == 200
        assert [later - earlier for earlier, later in itertools.pairwise(changes)] == [5, 15, 5]
        shown = await status(day, "errors")
        assert (shown.phase, shown.occurrence, shown.until, shown.next_start) == ("Over", 2, None, None)

    run(day)
