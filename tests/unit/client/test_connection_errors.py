"""What users read when there is no connection: one line each, with what to do."""

from __future__ import annotations

import base64
import json
import re
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.client import connection_errors
from kubewright.client.config import Anonymous, AuthSource, ClientCertificate, ConnectionConfig, Token
from kubewright.client.http import HttpTransport
from kubewright.client.rest import RestClient
from kubewright.errors import ErrorKind, OpError

PODS = Resource("", "v1", "pods", "Pod", KubeObject)
LONG_AGO = datetime(2021, 3, 4, tzinfo=UTC)
FAR_AHEAD = datetime(2100, 3, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have certificates fetched however slow the machine is: what they say is part of what is told."""
    monkeypatch.setattr(connection_errors, "DIAGNOSIS_SECONDS", 60.0)


async def failure(config: ConnectionConfig) -> OpError:
    client = RestClient(HttpTransport(replace(config, origin="context 'c'")))
    with pytest.raises(OpError) as caught:
        await client.get(PODS, ObjectKey("shop", "web"))
    await client.close()
    text = str(caught.value)
    assert text.startswith("client.get Pod/shop/web: ")
    assert "\n" not in text
    return caught.value


async def ok(_: web.Request) -> web.Response:
    return web.json_response({"metadata": {}})


CERTIFICATES: list[tuple[str, dict[str, Any], str]] = [
    (
        "an expired certificate: when, and to renew it",
        {"ends": LONG_AGO},
        r"the certificate of https://127.0.0.1:\d+ expired on 2021-03-04; renew it",
    ),
    (
        "a certificate of the future: look at the clock",
        {"begins": FAR_AHEAD},
        "is not valid before 2100-03-04; check this machine's clock",
    ),
    (
        "another host's certificate: its names, and tls-server-name",
        {"names": ["a.example", "10.0.0.1"]},
        "is not for 127.0.0.1 but for a.example, 10.0.0.1; use such a name, or set tls-server-name",
    ),
]


@pytest.mark.parametrize(("issued", "text"), [c[1:] for c in CERTIFICATES], ids=[c[0] for c in CERTIFICATES])
async def test_refused_certificate(serve: Any, authority: Any, issued: dict[str, Any], text: str) -> None:
    async with serve(ok, authority.issue(**issued).server_context()) as url:
        error = await failure(ConnectionConfig(url, ca_pem=authority.pem))
    assert error.kind is ErrorKind.UNAVAILABLE
    assert re.search(text, error.detail), error.detail


async def test_a_certificate_of_another_ca_says_which_ca_was_expected(
    serve: Any, authority: Any, tmp_path_factory: Any
) -> None:
    other = type(authority)(tmp_path_factory.mktemp("other"))
    async with serve(ok, other.issue().server_context()) as url:
        error = await failure(ConnectionConfig(url, ca_pem=authority.pem))
    assert "is not signed by the CA in context 'c'; set certificate-authority-data" in error.detail


async def test_a_private_certificate_without_any_ca_asks_for_one(serve: Any, authority: Any) -> None:
    async with serve(ok, authority.issue().server_context()) as url:
        error = await failure(ConnectionConfig(url))
    assert "is not signed by a CA this system knows" in error.detail


async def test_a_server_that_does_not_listen() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        error = await failure(ConnectionConfig(f"http://127.0.0.1:{port}"))
    assert error.kind is ErrorKind.UNAVAILABLE
    assert error.detail == (
        f"cannot reach http://127.0.0.1:{port} (connection refused); "
        "check that it runs, and the server address of context 'c'"
    )


async def test_a_server_without_tls(serve: Any) -> None:
    async with serve(ok) as url:
        error = await failure(ConnectionConfig(url.replace("http:", "https:")))
    assert error.kind is ErrorKind.UNAVAILABLE
    assert "refused TLS" in error.detail


async def test_a_proxy_that_does_not_listen() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        proxy = f"http://127.0.0.1:{port}"
        error = await failure(ConnectionConfig("http://cluster.invalid", proxy_url=proxy))
    assert "the proxy does not lead to http://cluster.invalid (connection refused)" in error.detail


async def test_an_address_that_is_none() -> None:
    error = await failure(ConnectionConfig("cluster.example:6443"))
    assert error.kind is ErrorKind.INVALID
    assert "is no http or https address" in error.detail


async def test_a_ca_that_is_none() -> None:
    error = await failure(ConnectionConfig("https://127.0.0.1:1", ca_pem=b"nonsense"))
    assert error.kind is ErrorKind.INVALID
    assert "the CA bundle is not PEM" in error.detail


async def test_a_client_key_that_is_of_another_certificate(authority: Any) -> None:
    mine, other = authority.issue(["ann"]), authority.issue(["bob"])
    certificate = ClientCertificate(mine.cert_pem, other.key_pem)
    error = await failure(ConnectionConfig("https://127.0.0.1:1", certificate=certificate))
    assert error.kind is ErrorKind.INVALID
    assert "client certificate and key do not load" in error.detail


def jwt(expires_at: float) -> str:
    def part(document: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'exp': expires_at})}.sign"


REJECTED: list[tuple[str, AuthSource, str]] = [
    ("no credentials: add some", Anonymous(), "there are none; add a token, a client certificate or an exec plugin"),
    ("an expired token: log in again", Token(jwt(LONG_AGO.timestamp())), "the token expired on 2021-03-04; log in"),
    ("a token that still lasts: wrong", Token(jwt(FAR_AHEAD.timestamp())), "they are wrong, revoked or of another"),
    ("a token that says nothing: wrong", Token("abc"), "they are wrong, revoked or of another cluster"),
]


async def unauthorized(_: web.Request) -> web.Response:
    return web.json_response({"kind": "Status", "code": 401, "message": "Unauthorized"}, status=401)


@pytest.mark.parametrize(("auth", "text"), [r[1:] for r in REJECTED], ids=[r[0] for r in REJECTED])
async def test_rejected_credentials(serve: Any, auth: AuthSource, text: str) -> None:
    async with serve(unauthorized) as url:
        error = await failure(ConnectionConfig(url, auth=auth))
    assert error.kind is ErrorKind.UNAUTHORIZED
    assert f"did not accept the credentials of context 'c': {text}" in error.detail


async def test_rejected_because_the_client_certificate_has_expired(serve: Any, authority: Any) -> None:
    mine = authority.issue(["ann"], ends=LONG_AGO)
    async with serve(unauthorized, authority.issue().server_context()) as url:
        certificate = ClientCertificate(mine.cert_pem, mine.key_pem)
        error = await failure(ConnectionConfig(url, ca_pem=authority.pem, certificate=certificate))
    assert error.kind is ErrorKind.UNAUTHORIZED
    assert "the client certificate expired on 2021-03-04; renew it" in error.detail


async def test_a_missing_right_says_which_and_what_to_do(serve: Any) -> None:
    message = 'pods "web" is forbidden: User "ann" cannot get resource "pods" in API group "" in the namespace "shop"'

    async def forbid(_: web.Request) -> web.Response:
        status = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": message}
        return web.json_response(status, status=403)

    async with serve(forbid) as url:
        error = await failure(ConnectionConfig(url, auth=Token("t")))
    assert error.kind is ErrorKind.FORBIDDEN
    assert error.detail == f"{message}; ask for a Role with this verb, or use another context"
