"""Who the dashboard lets in, what they see of it and what they may do, asked without a browser."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest

from kubewright.api.core import NAMESPACES, NODES
from kubewright.api.meta import ObjectKey
from kubewright.api.rbac import CLUSTER_ROLES
from kubewright.cli.dashboardcalls import OnePerson, beside
from kubewright.clock import Clock
from kubewright.dashboard import access
from kubewright.dashboard.app import STATIC
from kubewright.dashboard.sealing import Sealer, Session
from kubewright.tenancy.kinds import CLUSTER_ROLE_BINDINGS
from kubewright.twin.cluster import Twin
from tests.e2e.dashboards import OWNER, STRANGER, VIEWER, dashboard

needs_pages = pytest.mark.skipif(not (STATIC / "index.html").is_file(), reason="needs the front end: make web")
OURS = {"x-kubewright": "1"}
VIEW = {"rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}]}
NODE = ObjectKey("", "node-01")


@asynccontextmanager
async def session(shown, **given):
    """Somebody's way in, with cookies for an address that is a number."""
    async with aiohttp.ClientSession(shown.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        if given:
            async with http.post("/api/session", json=given, headers=OURS) as answer:
                assert answer.status == 204, await answer.text()
        yield http


async def letting_view(client):
    await client.create(CLUSTER_ROLES, {"metadata": {"name": "looker"}, **VIEW})
    group = {"kind": "Group", "name": "viewers", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "ClusterRole", "name": "looker", "apiGroup": "rbac.authorization.k8s.io"}
    await client.create(CLUSTER_ROLE_BINDINGS, {"metadata": {"name": "lookers"}, "subjects": [group], "roleRef": role})


async def first_events(http, topics):
    """What a stream says at once: the hello, and a whole table for each topic that is seen."""
    found = {}
    async with http.get("/api/stream", params={"topics": topics}) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        buffer = b""
        async with asyncio.timeout(30):
            while True:
                buffer += await answer.content.readany()
                for block in buffer.decode().split("\n\n")[:-1]:
                    lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
                    if "event" in lines:
                        found.setdefault(lines["event"], msgspec.json.decode(lines["data"]))
                refused = found.get("hello", {}).get("refused", [])
                if "hello" in found and all(topic in found or topic in refused for topic in topics.split(",")):
                    return found


async def test_nobody_sees_or_does_anything_without_a_session(tmp_path):
    async with dashboard(tmp_path) as shown, session(shown) as http:
        for path in ("/api/me", "/api/stream?topics=fleet", "/api/nodes/node-01", "/api/why/a/b"):
            async with http.get(path) as answer:
                assert answer.status == 401
        async with http.post("/api/actions/cordon", json={"name": "node-01"}, headers=OURS) as answer:
            assert answer.status == 401
        for given in ({"token": "made-up"}, {"token": ""}, {"key": "made-up"}, {}):
            async with http.post("/api/session", json=given, headers=OURS) as answer:
                assert answer.status == 401
        for cookie in (
            "",
            "x",
            "gAAAAA==",
            Sealer(b"another key, as long", Session).seal(Session(owner=True, since=2e9)),
        ):
            async with http.get("/api/me", headers={"cookie": f"kubewright={cookie}"}) as answer:
                assert answer.status == 401


async def test_other_sites_change_nothing_and_frame_nothing(tmp_path):
    async with dashboard(tmp_path) as shown, session(shown, key=OWNER) as http:
        forged = (
            {},
            {"x-kubewright": "1", "origin": "https://elsewhere.example"},
            {"x-kubewright": "1", "origin": "null"},
            {"x-kubewright": "1", "sec-fetch-site": "cross-site"},
            {"x-kubewright": "1", "sec-fetch-site": "same-site"},
        )
        for headers in forged:
            async with http.post("/api/actions/cordon", json={"name": "node-01"}, headers=headers) as answer:
                assert answer.status == 403
        assert not (await shown.client.get(NODES, NODE)).spec.unschedulable
        async with http.get("/api/me") as answer:
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            cookie = answer.request_info.headers["cookie"]
        assert OWNER not in cookie
        for cookie in http.cookie_jar:
            assert cookie["httponly"]
            assert cookie["samesite"] == "strict"


async def test_people_see_and_do_what_their_own_account_may(tmp_path):
    async with dashboard(tmp_path) as shown:
        await letting_view(shown.client)
        async with session(shown, token=VIEWER) as http:
            told = await first_events(http, "fleet,pending")
            assert told["hello"]["refused"] == ["pending"]
            assert [row["id"] for row in told["fleet"]["rows"]][:2] == ["node-01", "node-02"]
            async with http.post("/api/actions/cordon", json={"name": "node-01"}, headers=OURS) as answer:
                assert answer.status == 403
                assert "viewer may not patch nodes" in (await answer.json())["message"]
        async with session(shown, token=STRANGER) as http:
            told = await first_events(http, "fleet,pending")
            assert told["hello"]["refused"] == ["fleet", "pending"]
            async with http.get("/api/nodes/node-01") as answer:
                assert answer.status == 403
        assert not (await shown.client.get(NODES, NODE)).spec.unschedulable
        async with session(shown, key=OWNER) as http:
            async with http.post("/api/actions/cordon", json={"name": "node-01"}, headers=OURS) as answer:
                assert (await answer.json())["command"] == "kubectl cordon node-01"
            assert (await shown.client.get(NODES, NODE)).spec.unschedulable


async def test_a_twin_of_this_process_is_shown_to_whoever_has_its_link_while_it_lasts():
    async with Twin(Clock.wall(), nodes=2) as twin:
        async with beside(twin.client(), "127.0.0.1", OnePerson("a twin")) as link:
            url, _, key = link.partition("/#key=")
            async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
                async with http.post("/api/session", json={"key": key}, headers=OURS) as answer:
                    assert answer.status == 204
                async with asyncio.timeout(30):
                    while len((await first_events(http, "fleet"))["fleet"]["rows"]) < 2:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                    # Nobody has installed the platform here: that is said, and not that nothing is wrong.
                    while (await first_events(http, "incidents,fleet"))["hello"]["absent"] != ["incidents"]:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientConnectionError):
                await http.get(url)


async def test_a_read_only_dashboard_changes_nothing(tmp_path):
    async with dashboard(tmp_path, read_only=True) as shown, session(shown, key=OWNER) as http:
        async with http.post("/api/actions/cordon", json={"name": "node-01"}, headers=OURS) as answer:
            assert answer.status == 403
        assert not (await shown.client.get(NODES, NODE)).spec.unschedulable


async def test_a_session_ends_when_the_cluster_knows_its_token_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(access, "ASKED_AGAIN_SECONDS", 0.0)
    async with dashboard(tmp_path) as shown, session(shown, token=VIEWER) as http:
        async with http.get("/api/me") as answer:
            assert (await answer.json())["name"] == "viewer"
        shown.twin.server.tokens._known.pop(VIEWER)
        async with http.get("/api/me") as answer:
            assert answer.status == 401


async def test_bodies_that_are_none_are_refused(tmp_path):
    bodies = (b"{", b"[]", b'{"name": 1}', b'{"name": "' + b"x" * 70_000 + b'"}', b"\xff")
    async with dashboard(tmp_path) as shown, session(shown, key=OWNER) as http:
        for body in bodies:
            async with http.post("/api/actions/cordon", data=body, headers=OURS) as answer:
                assert answer.status == 422
        async with http.post("/api/actions/erase", json={"name": "x"}, headers=OURS) as answer:
            assert answer.status == 404
        # Without the plan that was looked at it is not known what would be approved.
        async with http.post("/api/actions/approve", json={"name": "x", "namespace": "shop"}, headers=OURS) as answer:
            assert answer.status == 422


async def test_a_change_reaches_who_looks(tmp_path):
    async with dashboard(tmp_path) as shown, session(shown, key=OWNER) as http:
        async with http.get("/api/stream", params={"topics": "fleet"}) as answer:
            await shown.client.patch(NODES, NODE, {"spec": {"unschedulable": True}})
            async with asyncio.timeout(30):
                async for line in answer.content:
                    if b'"cordoned"' in line:
                        break
        assert await shown.client.get(NAMESPACES, ObjectKey("", "default"))


@needs_pages
async def test_browsers_keep_files_that_never_change_and_ask_again_for_the_page(tmp_path):
    async with dashboard(tmp_path) as shown, session(shown) as http:
        async with http.get("/") as answer:
            assert "immutable" not in answer.headers.get("cache-control", "")
            script = (await answer.text()).partition('src="')[2].partition('"')[0]
        async with http.get(script) as answer:
            assert answer.status == 200
            assert answer.headers.getall("cache-control") == ["public, max-age=31536000, immutable"]
        async with http.get("/assets/made-up.js") as answer:
            assert answer.status == 404
            assert "cache-control" not in answer.headers
