"""Who asks, what is open, and the HTTP side of the server."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from kubewright.clock import Clock, run_virtual
from kubewright.twin.asgi import AsgiApp
from kubewright.twin.call import ADMIN
from kubewright.twin.kinds import KindTable
from kubewright.twin.serve import serving
from kubewright.twin.server import ApiServer
from tests.unit.twin.server.calls import MAPS, Caller, config_map, on_server


async def _ask(caller: Caller, path: str, token: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send one GET through the ASGI application."""
    sent: list[dict[str, Any]] = []
    path, _, query = path.partition("?")
    named = {**({"authorization": f"Bearer {token}"} if token else {}), **headers}
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
    }

    async def receive() -> dict[str, Any]:
        if sent:
            await asyncio.sleep(1000)
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await AsgiApp(caller.server)(scope, receive, send)
    headers_sent = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers_sent, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize(
    ("path", "token", "code"),
    [
        pytest.param("/readyz", "", 200, id="health is open"),
        pytest.param("/version/", "", 200, id="so is the version, with a slash"),
        pytest.param(MAPS, "", 403, id="resources are not"),
        pytest.param(MAPS, "wrong", 401, id="an unknown token is nobody"),
        pytest.param("/readyz", "wrong", 401, id="not even for health"),
        pytest.param(MAPS, "right", 200, id="a known token is let in"),
    ],
)
def test_who_is_let_in(path: str, token: str, code: int):
    async def scenario(api: Caller) -> None:
        for name in ("kube-system", "kube-public"):
            await api.post("/api/v1/namespaces", {"metadata": {"name": name}})
        api.server.bootstrap()
        api.server.tokens.accept("right", ADMIN)
        status, _, body = await _ask(api, path, token)
        assert status == code
        if code == 401:
            assert json.loads(body)["reason"] == "Unauthorized"

    on_server(scenario)


def test_an_issued_token_is_accepted_until_it_expires():
    async def scenario(api: Caller) -> None:
        accounts = "/api/v1/namespaces/default/serviceaccounts"
        await api.post(accounts, {"metadata": {"name": "robot"}})
        answer = await api.post(f"{accounts}/robot/token", {"spec": {"expirationSeconds": 600}})
        token = answer.body["status"]["token"]
        review = {"spec": {"token": token}}
        reviewed = await api.post("/apis/authentication.k8s.io/v1/tokenreviews", review)
        assert reviewed.body["status"]["user"]["username"] == "system:serviceaccount:default:robot"
        assert (await _ask(api, MAPS, token))[0] == 403, "known, but without any right"
        await asyncio.sleep(601)
        assert (await _ask(api, MAPS, token))[0] == 401

    on_server(scenario)


def test_large_answers_are_compressed_for_those_who_ask():
    async def scenario(api: Caller) -> None:
        api.server.tokens.accept("t", ADMIN)
        await api.post(MAPS, config_map("a", k="x" * 200_000))
        _, headers, body = await _ask(api, MAPS, "t", accept_encoding="gzip")
        assert headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(body))["items"][0]["data"]["k"] == "x" * 200_000
        _, headers, body = await _ask(api, MAPS, "t")
        assert "content-encoding" not in headers

    on_server(scenario)


def test_a_watch_is_sent_line_by_line():
    async def scenario(api: Caller) -> None:
        api.server.tokens.accept("t", ADMIN)
        await api.post(MAPS, config_map("a"))
        _, _, body = await _ask(api, f"{MAPS}?watch=1&timeoutSeconds=5", "t")
        assert [json.loads(line)["type"] for line in body.splitlines()] == ["ADDED"]

    on_server(scenario)


def test_the_server_on_a_socket_is_reached_by_its_kubeconfig(tmp_path: Path):
    async def main() -> None:
        server = ApiServer(Clock.wall(), KindTable.builtin())
        path = tmp_path / "config"
        async with serving(server, path) as endpoint:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            config = yaml.safe_load(path.read_text())
            token = config["users"][0]["user"]["token"]
            trust = ssl.create_default_context(cadata=endpoint.authority.decode())
            url = f"{config['clusters'][0]['cluster']['server']}/api/v1/namespaces"
            async with aiohttp.ClientSession() as session:
                async with session.get(url, ssl=trust) as refused:
                    assert refused.status == 403
                async with session.get(url, ssl=trust, headers={"Authorization": f"Bearer {token}"}) as answer:
                    assert (await answer.json())["kind"] == "NamespaceList"

    asyncio.run(main())


def test_what_the_twin_has_not_is_said():
    async def scenario(api: Caller) -> None:
        answer = await api.post("/api/v1/namespaces/default/pods/p/exec", {})
        assert (answer.code, answer.body["message"]) == (501, "the twin does not model running commands in containers")

    on_server(scenario)


def test_two_servers_of_one_seed_are_alike():
    bodies: list[Any] = []

    async def main() -> None:
        caller = Caller()
        bodies.append((await caller.post("/api/v1/namespaces", {"metadata": {"name": "a"}})).body)

    run_virtual(main())
    run_virtual(main())
    assert bodies[0] == bodies[1]
