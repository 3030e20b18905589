"""Requests that wait for webhooks: run again from the start, with the same draws, while others go on."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin
from kubewright.twin.webhooks.questions import Draws, HttpAnswer, NoWay, Question, UnreachableError
from tests.unit.twin.server.calls import DEPLOYMENTS, MAPS, Caller, config_map, on_server

ROOT = "/apis/admissionregistration.k8s.io/v1"
Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Webhooks:
    """Answers by a function, in virtual time; remembers what it was asked."""

    def __init__(self, handler: Handler) -> None:
        self.asked: list[dict[str, Any]] = []
        self.handler = handler

    async def post(self, question: Question, body: bytes) -> HttpAnswer:
        review = json.loads(body)
        self.asked.append(review["request"])
        response = {"uid": review["request"]["uid"], **await self.handler(review["request"])}
        return HttpAnswer(200, json.dumps({**review, "response": response}).encode())


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def configuration(kind: str, *names: str, **more: Any) -> dict[str, Any]:
    rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["configmaps"]}
    hooks = [
        {
            "name": f"{name}.example.com",
            "clientConfig": {"url": f"https://hooks/{name}"},
            "rules": [rule],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            **more,
        }
        for name in names
    ]
    return {"metadata": {"name": "c"}, "webhooks": hooks}


async def configured(api: Caller, kind: str, handler: Handler, *names: str, **more: Any) -> Webhooks:
    webhooks = Webhooks(handler)
    api.server.webhooks = webhooks
    made = await api.post(f"{ROOT}/{kind}webhookconfigurations", configuration(kind, *(names or ("a",)), **more))
    assert made.code == 201, made.body
    return webhooks


async def allow(_request: dict[str, Any]) -> dict[str, Any]:
    return {"allowed": True}


async def slowly(_request: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(3)
    return {"allowed": True}


def test_what_a_webhook_was_shown_is_what_is_stored():
    async def scenario(api: Caller) -> None:
        webhooks = await configured(api, "validating", slowly, "a", "b")
        made = await api.post(MAPS, {"metadata": {"generateName": "x-"}})
        assert made.code == 201
        for asked in webhooks.asked:
            assert asked["name"] == made.metadata["name"]
            assert asked["object"]["metadata"]["uid"] == made.metadata["uid"]
            assert asked["object"]["metadata"]["creationTimestamp"] == made.metadata["creationTimestamp"]
        assert len(webhooks.asked) == 2

    on_server(scenario)


def test_requests_that_wait_do_not_draw_what_others_drew():
    async def scenario(api: Caller) -> None:
        await configured(api, "validating", slowly)
        answers = await asyncio.gather(*(api.post(MAPS, {"metadata": {"generateName": "x-"}}) for _ in range(20)))
        assert [each.code for each in answers] == [201] * 20
        assert len({each.metadata["uid"] for each in answers}) == 20
        assert len({each.metadata["name"] for each in answers}) == 20

    on_server(scenario)


def test_a_request_decides_by_what_is_there_after_it_waited():
    async def scenario(api: Caller) -> None:
        await configured(api, "validating", slowly, matchConditions=[])
        first, second = await asyncio.gather(api.post(MAPS, config_map("same")), api.post(MAPS, config_map("same")))
        assert sorted((first.code, second.code)) == [201, 409]

    on_server(scenario)


def test_an_object_that_changed_in_between_is_asked_about_anew():
    async def scenario(api: Caller) -> None:
        await api.post(MAPS, {**config_map("a"), "data": {"own": "1"}})
        webhooks = await configured(api, "validating", slowly)
        async with asyncio.TaskGroup() as group:
            slow = group.create_task(api.patch(f"{MAPS}/a", {"data": {"mine": "1"}}))
            await asyncio.sleep(1)
            webhooks.handler = allow
            assert (await api.patch(f"{MAPS}/a", {"data": {"yours": "1"}})).code == 200
        done = slow.result()
        assert done.body["data"] == {"own": "1", "mine": "1", "yours": "1"}
        shown = [asked["object"]["data"] for asked in webhooks.asked]
        assert shown == [{"own": "1", "mine": "1"}, {"own": "1", "yours": "1"}, {"own": "1", "mine": "1", "yours": "1"}]

    on_server(scenario)


def test_an_object_that_never_stays_the_same_ends_in_a_timeout():
    async def scenario(api: Caller) -> None:
        count = 0

        async def meddling(request: dict[str, Any]) -> dict[str, Any]:
            nonlocal count
            count += 1
            bucket, key = ("", "configmaps"), next(iter(api.store.list(("", "configmaps"))[0])).key
            stored = api.store.get(bucket, key)
            assert stored is not None
            api.store.update(bucket, key, {**stored.obj, "data": {"count": str(count)}})
            return {"allowed": True}

        await api.post(MAPS, config_map("a"))
        await configured(api, "validating", meddling)
        refused = await api.patch(f"{MAPS}/a", {"metadata": {"labels": {"a": "b"}}})
        assert (refused.code, refused.body["reason"]) == (504, "Timeout")
        assert count == 100

    on_server(scenario)


def test_a_webhook_that_is_silent_is_given_its_seconds():
    async def scenario(api: Caller) -> None:
        async def silent(_request: dict[str, Any]) -> dict[str, Any]:
            await asyncio.sleep(60)
            return {"allowed": True}

        await configured(api, "mutating", silent, timeoutSeconds=7)
        loop = asyncio.get_running_loop()
        began = loop.time()
        refused = await api.post(MAPS, config_map("a"))
        assert loop.time() - began == 7
        assert refused.body["message"] == (
            'Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: '
            'Post "https://hooks/a?timeout=7s": context deadline exceeded'
        )

    on_server(scenario)


def test_mutating_webhooks_see_what_those_before_them_did():
    async def scenario(api: Caller) -> None:
        async def counting(request: dict[str, Any]) -> dict[str, Any]:
            data = request["object"].get("data", {})
            return patch({"op": "add", "path": "/data", "value": {**data, str(len(data)): "x"}})

        webhooks = await configured(api, "mutating", counting, "a", "b", "c")
        made = await api.post(MAPS, config_map("m"))
        assert made.body["data"] == {"0": "x", "1": "x", "2": "x"}
        assert len(webhooks.asked) == 3

    on_server(scenario)


def test_a_twin_without_a_way_to_webhooks_says_so():
    async def scenario(api: Caller) -> None:
        await configured(api, "validating", allow)
        api.server.webhooks = NoWay()
        refused = await api.post(MAPS, config_map("a"))
        assert refused.code == 500
        assert refused.body["message"].endswith("the twin has no way to call webhooks")

    on_server(scenario)


def test_a_service_is_called_where_its_annotation_says():
    async def scenario(api: Caller) -> None:
        dialled: list[Question] = []

        class Refusing:
            async def post(self, question: Question, body: bytes) -> HttpAnswer:
                dialled.append(question)
                raise UnreachableError("EOF")

        api.server.webhooks = Refusing()
        metadata = {"name": "s", "annotations": {"twin.kubewright.dev/endpoint": "127.0.0.1:9443"}}
        service = {"metadata": metadata, "spec": {"ports": [{"port": 443}]}}
        await api.post("/api/v1/namespaces/default/services", service)
        client = {"service": {"namespace": "default", "name": "s", "path": "/p"}}
        made = configuration("validating", "a")
        made["webhooks"][0]["clientConfig"] = client
        await api.post(f"{ROOT}/validatingwebhookconfigurations", made)
        refused = await api.post(MAPS, config_map("a"))
        assert refused.body["message"].endswith('Post "https://s.default.svc:443/p?timeout=10s": EOF')
        assert dialled[0].address.dial == "127.0.0.1:9443"

    on_server(scenario)


def test_the_twins_own_controllers_are_asked_about_and_a_seed_gives_one_log():
    def log() -> list[tuple[str, str, str]]:
        async def scenario() -> list[tuple[str, str, str]]:
            webhooks = Webhooks(allow)
            async with Twin(Clock.virtual(), nodes=2, seed=5, webhooks=webhooks) as twin:
                api = Caller(store=twin.server.store)
                api.server = twin.server
                made = configuration("validating", "a")
                made["webhooks"][0]["rules"][0]["resources"] = ["pods/*", "replicasets"]
                await api.post(f"{ROOT}/validatingwebhookconfigurations", made)
                template = {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": [{"name": "c", "image": "i"}]},
                }
                spec = {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template}
                await api.post(DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": spec})
                await asyncio.sleep(60)
                pods = (await api.get("/api/v1/namespaces/default/pods")).body["items"]
                assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 2
            return [(each["uid"], each["operation"], each.get("name", "")) for each in webhooks.asked]

        return run_virtual(scenario())

    first = log()
    assert {operation for _, operation, _ in first} >= {"CREATE", "UPDATE"}
    assert first == log()


def test_draws_are_repeated_until_the_order_changes():
    draws, plain = Draws(1), Draws(1)
    log: list[tuple[int, float]] = []
    with draws.repeating(log):
        first = (draws.random(), draws.getrandbits(128))
    assert first == (plain.random(), plain.getrandbits(128))
    between = draws.getrandbits(64)
    with draws.repeating(log):
        assert (draws.random(), draws.getrandbits(128)) == first
        later = draws.random()
    assert (between, later) == (plain.getrandbits(64), plain.random())
    with draws.repeating(log):
        draws.random()
        assert draws.getrandbits(64) == plain.getrandbits(64)
        assert draws.getrandbits(128) == plain.getrandbits(128)
