"""HttpTransport against a server on loopback: what goes over the wire, and what becomes of connections."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.client.auth.credentials import Identity
from kubewright.client.config import (
    Basic,
    ClientCertificate,
    ConnectionConfig,
    Impersonation,
    Token,
    TokenFile,
)
from kubewright.client.connection_errors import Timeouts
from kubewright.client.http import HttpTransport
from kubewright.client.rest import RestClient
from kubewright.client.transport import Request
from kubewright.errors import ErrorKind, OpError
from tests.timing import put_forward

PODS = Resource("", "v1", "pods", "Pod", KubeObject)
KEY = ObjectKey("shop", "web")
POD = {"metadata": {"name": "web", "namespace": "shop"}}


async def echo(request: web.Request) -> web.Response:
    headers = [[name.lower(), value] for name, value in request.headers.items()]
    body = (await request.read()).decode()
    return web.json_response({"method": request.method, "path": request.raw_path, "headers": headers, "body": body})


async def echoed(config: ConnectionConfig, request: Request) -> dict[str, Any]:
    transport = HttpTransport(config)
    try:
        return json.loads((await transport.send(request)).body)
    finally:
        await transport.close()


def client_of(config: ConnectionConfig, **options: Any) -> RestClient:
    return RestClient(HttpTransport(config, **options))


SENT = [
    ("a token is a bearer", {"auth": Token("secret")}, [["authorization", "Bearer secret"]]),
    ("user name and password are basic", {"auth": Basic("ann", "pw")}, [["authorization", "Basic YW5uOnB3"]]),
    ("large answers may come compressed", {}, [["accept-encoding", "gzip"]]),
    ("unless the kubeconfig forbids it", {"compression": False}, [["accept-encoding", "identity"]]),
    (
        "impersonation names user, uid, groups and extras",
        {
            "impersonation": Impersonation("ann", "u1", ("dev", "ops"), {"example.com/Team": ("blue", "red")}),
        },
        [
            ["impersonate-user", "ann"],
            ["impersonate-uid", "u1"],
            ["impersonate-group", "dev"],
            ["impersonate-group", "ops"],
            ["impersonate-extra-example.com%2fteam", "blue"],
            ["impersonate-extra-example.com%2fteam", "red"],
        ],
    ),
]


@pytest.mark.parametrize(("settings", "expected"), [s[1:] for s in SENT], ids=[s[0] for s in SENT])
async def test_headers(serve: Any, settings: dict[str, Any], expected: list[list[str]]) -> None:
    async with serve(echo) as url:
        seen = await echoed(replace(ConnectionConfig(url), **settings), Request("GET", "/api"))
    for header in expected:
        assert header in seen["headers"]


async def test_path_and_query_are_escaped_behind_the_servers_own_path(serve: Any) -> None:
    request = Request("GET", "/api/v1/users/system:node a", {"labelSelector": "a in (b, c)&x"})
    async with serve(echo) as url:
        seen = await echoed(ConnectionConfig(f"{url}/k8s/clusters/c-1/"), request)
    expected = "/k8s/clusters/c-1/api/v1/users/system:node%20a?labelSelector=a+in+%28b%2C+c%29%26x"
    assert seen["path"] == expected


async def test_a_body_goes_out_with_its_type(serve: Any) -> None:
    request = Request("PATCH", "/x", headers={"content-type": "application/merge-patch+json"}, body=b'{"a":1}')
    async with serve(echo) as url:
        seen = await echoed(ConnectionConfig(url), request)
    assert seen["body"] == '{"a":1}'
    assert ["content-type", "application/merge-patch+json"] in seen["headers"]


async def test_a_compressed_list_is_unpacked(serve: Any) -> None:
    async def compressed(request: web.Request) -> web.Response:
        response = web.json_response({"metadata": {}, "items": [POD] * 500})
        response.enable_compression()
        assert request.headers["accept-encoding"] == "gzip"
        return response

    async with serve(compressed) as url:
        client = client_of(ConnectionConfig(url))
        assert len((await client.list(PODS)).items) == 500
        await client.close()


async def test_connections_are_kept(serve: Any) -> None:
    peers: set[Any] = set()

    async def one(request: web.Request) -> web.Response:
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response(POD)

    async with serve(one) as url:
        client = client_of(ConnectionConfig(url))
        for _ in range(5):
            await client.get(PODS, KEY)
        await client.close()
    assert len(peers) == 1


async def test_a_redirect_is_not_followed_with_the_credentials(serve: Any) -> None:
    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://elsewhere.invalid/")

    async with serve(away) as url:
        client = client_of(ConnectionConfig(url, auth=Token("secret")))
        with pytest.raises(OpError, match="HTTP 302"):
            await client.get(PODS, KEY)
        await client.close()


class Losing:
    """Drops the first connections without an answer."""

    def __init__(self, losses: int) -> None:
        self.losses = losses
        self.requests = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.requests += 1
        await request.read()
        if self.requests <= self.losses:
            request.transport.abort()
            await asyncio.sleep(0)
        return web.json_response(POD)


async def apply(client: RestClient) -> Any:
    return await client.apply(PODS, POD, field_manager="m")


async def get(client: RestClient) -> Any:
    return await client.get(PODS, KEY)


async def create(client: RestClient) -> Any:
    return await client.create(PODS, POD)


REPEATED = [("a read", get, 1, 2, True), ("an apply", apply, 1, 2, True), ("an apply only once", apply, 2, 2, False)]
REPEATED += [("a create never, for it may have happened", create, 1, 1, False)]


@pytest.mark.parametrize(
    ("call", "losses", "requests", "succeeds"), [r[1:] for r in REPEATED], ids=[r[0] for r in REPEATED]
)
async def test_after_a_lost_connection_is_repeated(
    serve: Any, call: Any, losses: int, requests: int, succeeds: bool
) -> None:
    server = Losing(losses)
    async with serve(server.handle) as url:
        client = client_of(ConnectionConfig(url))
        if succeeds:
            assert (await call(client)).key == KEY
        else:
            with pytest.raises(OpError, match="was lost") as caught:
                await call(client)
            assert caught.value.kind is ErrorKind.UNAVAILABLE
        await client.close()
    assert server.requests == requests


def event(name: str) -> bytes:
    return json.dumps({"type": "ADDED", "object": {"metadata": {"name": name}}}).encode() + b"\n"


async def watched(config: ConnectionConfig, **options: Any) -> list[str]:
    client = client_of(config, **options)
    try:
        return [event.obj.metadata.name async for event in client.watch(PODS) if event.obj]
    finally:
        await client.close()


async def test_a_watch_streams_until_the_server_ends_it_and_is_not_compressed(serve: Any) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        assert request.headers["accept-encoding"] == "identity"
        response = web.StreamResponse()
        await response.prepare(request)
        for name in ("a", "b"):
            await response.write(event(name))
        return response

    async with serve(stream) as url:
        assert await watched(ConnectionConfig(url)) == ["a", "b"]


async def test_a_refused_watch_is_an_error(serve: Any) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "code": 410, "reason": "Expired", "message": "old"}, status=410)

    async with serve(refuse) as url:
        with pytest.raises(OpError) as caught:
            await watched(ConnectionConfig(url))
    assert caught.value.kind is ErrorKind.EXPIRED


async def test_a_watch_whose_connection_breaks_is_unavailable(serve: Any) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(event("a"))
        request.transport.abort()
        return response

    async with serve(break_off) as url:
        with pytest.raises(OpError, match="was lost") as caught:
            await watched(ConnectionConfig(url))
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert caught.value.op == "client.watch"


async def silent(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(event("a"))
    await asyncio.Event().wait()
    return response


async def test_a_watch_that_is_silent_ends_for_its_kind_may_be_quiet(serve: Any) -> None:
    seen: list[str] = []
    async with serve(silent) as url:
        client = client_of(ConnectionConfig(url))
        async for each in client.watch(PODS):
            seen.append(each.obj.metadata.name)
            put_forward(Timeouts().silence_seconds)
        await client.close()
    assert seen == ["a"]


async def mute(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_watch_that_is_not_even_opened_is_unavailable(serve: Any) -> None:
    async with serve(mute) as url:
        with pytest.raises(OpError, match="was silent for") as caught:
            await watched(ConnectionConfig(url), timeouts=Timeouts(silence_seconds=0.01))
    assert caught.value.kind is ErrorKind.UNAVAILABLE


async def test_a_request_without_an_answer_is_a_timeout(serve: Any) -> None:
    async with serve(silent) as url:
        client = client_of(ConnectionConfig(url), timeouts=Timeouts(request_seconds=0.01))
        with pytest.raises(OpError, match="no answer within") as caught:
            await client.get(PODS, KEY)
        await client.close()
    assert caught.value.kind is ErrorKind.TIMEOUT


def accepting(*tokens: str) -> Any:
    async def handle(request: web.Request) -> web.Response:
        known = request.headers.get("authorization", "").removeprefix("Bearer ") in tokens
        status = {"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "Unauthorized"}
        return web.json_response(POD) if known else web.json_response(status, status=401)

    return handle


async def test_a_rejected_token_file_is_read_again_and_the_request_repeated(serve: Any, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    async with serve(accepting("new")) as url:
        client = client_of(ConnectionConfig(url, auth=TokenFile(file)))
        with pytest.raises(OpError) as caught:
            await client.get(PODS, KEY)
        assert caught.value.kind is ErrorKind.UNAUTHORIZED
        file.write_text("new\n")
        assert (await client.get(PODS, KEY)).key == KEY
        await client.close()


class Renewing:
    """Credentials that are renewed when they are rejected."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.renewals = 0

    async def identity(self, rejected: Identity | None = None) -> Identity:
        current = Identity({"authorization": f"Bearer {self.tokens[self.renewals]}"})
        if rejected == current:
            self.renewals += 1
        return Identity({"authorization": f"Bearer {self.tokens[self.renewals]}"})


async def test_a_watch_is_opened_with_renewed_credentials_too(serve: Any) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        if request.headers["authorization"] != "Bearer second":
            return web.json_response({}, status=401)
        return web.Response(body=event("a"))

    async with serve(stream) as url:
        credentials = Renewing("first", "second")
        assert await watched(ConnectionConfig(url), credentials=credentials) == ["a"]
    assert credentials.renewals == 1


async def test_a_client_certificate_is_shown(serve: Any, authority: Any) -> None:
    async def who(request: web.Request) -> web.Response:
        subject = request.transport.get_extra_info("peercert")["subject"]
        return web.json_response({"metadata": {"name": dict(subject[0])["commonName"]}})

    mine = authority.issue(["ann"])
    context = authority.issue().server_context(client_ca=authority.pem)
    async with serve(who, context) as url:
        certificate = ClientCertificate(mine.cert_pem, mine.key_pem)
        client = client_of(ConnectionConfig(url, ca_pem=authority.pem, certificate=certificate))
        assert (await client.get(PODS, KEY)).metadata.name == "ann"
        await client.close()


async def test_tls_server_name_is_the_name_that_is_verified(serve: Any, authority: Any) -> None:
    context = authority.issue(["cluster.example"]).server_context()
    async with serve(echo, context) as url:
        config = ConnectionConfig(url, ca_pem=authority.pem, tls_server_name="cluster.example")
        assert (await echoed(config, Request("GET", "/api")))["path"] == "/api"


async def test_verification_can_be_skipped(serve: Any, authority: Any) -> None:
    async with serve(echo, authority.issue(["other.example"]).server_context()) as url:
        config = ConnectionConfig(url, insecure_skip_tls_verify=True)
        assert (await echoed(config, Request("GET", "/api")))["path"] == "/api"


async def test_a_proxy_is_asked_for_the_whole_address(serve: Any) -> None:
    async with serve(echo) as proxy:
        config = ConnectionConfig("http://cluster.invalid:8080", proxy_url=proxy)
        seen = await echoed(config, Request("GET", "/api"))
    assert ["host", "cluster.invalid:8080"] in seen["headers"]


async def test_a_kind_of_proxy_that_is_not_spoken_is_named() -> None:
    client = client_of(ConnectionConfig("https://cluster.invalid", proxy_url="socks5://proxy.invalid"))
    with pytest.raises(OpError, match="socks5 proxies are not supported") as caught:
        await client.get(PODS, KEY)
    assert caught.value.kind is ErrorKind.INVALID
