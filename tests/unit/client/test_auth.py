"""Credentials that renew themselves: token files, exec plugins, OIDC."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from kubewright.client.auth.credentials import Identity, TokenFileCredentials, bearer
from kubewright.client.auth.exec_plugin import ExecCredentials
from kubewright.client.auth.oidc import OidcCredentials
from kubewright.client.config import ClientCertificate, ExecPlugin, Oidc
from kubewright.clock import VIRTUAL_EPOCH_SECONDS, Clock, run_virtual
from kubewright.errors import ErrorKind, OpError

V1 = "client.authentication.k8s.io/v1"
PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"


def test_a_token_file_is_read_again_after_a_minute_or_a_rejection(tmp_path: Path) -> None:
    file = tmp_path / "token"

    async def main() -> list[Identity]:
        credentials = TokenFileCredentials(file, None, Clock.virtual())
        file.write_text("one\n")
        seen = [await credentials.identity()]
        file.write_text("two\n")
        seen.append(await credentials.identity())
        await asyncio.sleep(61)
        seen.append(await credentials.identity())
        file.write_text("three\n")
        seen.append(await credentials.identity(rejected=seen[-1]))
        return seen

    assert run_virtual(main()) == [bearer("one"), bearer("one"), bearer("two"), bearer("three")]


@pytest.mark.parametrize("content", [None, " \n"], ids=["a token file that is missing", "a token file that is empty"])
def test_without_a_token_nothing_is_sent(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(OpError) as caught:
        run_virtual(TokenFileCredentials(file, None, Clock.virtual()).identity())
    assert caught.value.kind is ErrorKind.UNAUTHORIZED


def script(folder: Path, status: dict[str, Any] | str, *, exit_code: int = 0) -> ExecPlugin:
    """Return a plugin that counts its runs, keeps what it was told, and prints `status`."""
    credential = {"kind": "ExecCredential", "apiVersion": V1, "status": status}
    text = status if isinstance(status, str) else json.dumps(credential).replace("RUN", "{run}")
    code = f"""
import os, pathlib, sys
folder = pathlib.Path({str(folder)!r})
runs = folder / "runs"
run = len(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text("x" * run)
(folder / "info").write_text(os.environ["KUBERNETES_EXEC_INFO"])
(folder / "env").write_text(os.environ.get("EXTRA", ""))
print({text!r}.replace("{{run}}", str(run)))
print("log in first", file=sys.stderr)
sys.exit({exit_code})
"""
    file = folder / "plugin.py"
    file.write_text(code)
    return ExecPlugin(sys.executable, V1, (str(file),), {"EXTRA": "yes"})


def credentials_of(plugin: ExecPlugin, certificate: ClientCertificate | None = None) -> ExecCredentials:
    return ExecCredentials(plugin, certificate, Clock.wall(), has_terminal=lambda: False)


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text())


async def test_a_plugin_runs_once_for_all_who_wait_and_again_when_rejected(tmp_path: Path) -> None:
    credentials = credentials_of(script(tmp_path, {"token": "tRUN", "expirationTimestamp": FUTURE}))
    first, second = await asyncio.gather(credentials.identity(), credentials.identity())
    assert first == second == bearer("t1")
    after = await asyncio.gather(credentials.identity(rejected=first), credentials.identity(rejected=first))
    assert after == [bearer("t2"), bearer("t2")]
    assert runs(tmp_path) == 2


async def test_a_plugin_runs_again_when_its_token_has_expired(tmp_path: Path) -> None:
    credentials = credentials_of(script(tmp_path, {"token": "tRUN", "expirationTimestamp": PAST}))
    assert [await credentials.identity(), await credentials.identity()] == [bearer("t1"), bearer("t2")]


async def test_a_plugin_is_told_what_it_may_ask_and_of_which_cluster(tmp_path: Path) -> None:
    plugin = script(tmp_path, {"token": "t"})
    plugin = ExecPlugin(plugin.command, V1, plugin.args, plugin.env, cluster={"server": "https://k"})
    await credentials_of(plugin).identity()
    info = json.loads((tmp_path / "info").read_text())
    spec = {"interactive": False, "cluster": {"server": "https://k"}}
    assert info == {"kind": "ExecCredential", "apiVersion": V1, "spec": spec}
    assert (tmp_path / "env").read_text() == "yes"


async def test_a_plugins_certificate_goes_before_the_kubeconfigs(tmp_path: Path) -> None:
    status = {"clientCertificateData": "CERT", "clientKeyData": "KEY"}
    identity = await credentials_of(script(tmp_path, status), ClientCertificate(b"x", b"y")).identity()
    assert identity == Identity({}, ClientCertificate(b"CERT", b"KEY"))


FAULTS: list[tuple[str, Any, int, str]] = [
    ("one that fails is quoted", {"token": "t"}, 3, "exit code 3: log in first"),
    ("one that prints no JSON", "hello", 0, "is no ExecCredential"),
    ("one that prints nothing to use", {}, 0, "neither a token nor a client certificate"),
    ("one that prints half a certificate", {"clientKeyData": "K"}, 0, "without the other"),
    ("one of another version", '{"kind": "ExecCredential", "apiVersion": "v9"}', 0, "it printed v9 ExecCredential"),
    ("one with a broken expiry", {"token": "t", "expirationTimestamp": "soon"}, 0, "is no ExecCredential"),
]


@pytest.mark.parametrize(("status", "exit_code", "text"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
async def test_faulty_plugin(tmp_path: Path, status: Any, exit_code: int, text: str) -> None:
    with pytest.raises(OpError, match=text) as caught:
        await credentials_of(script(tmp_path, status, exit_code=exit_code)).identity()
    assert caught.value.kind is ErrorKind.UNAUTHORIZED
    assert "\n" not in str(caught.value)


async def test_a_missing_plugin_says_how_to_get_it() -> None:
    plugin = ExecPlugin("no-such-login-command", V1, install_hint="Get it at\nexample.com")
    with pytest.raises(OpError, match=r"exec no-such-login-command: .*was not found; Get it at example.com"):
        await credentials_of(plugin).identity()


async def test_a_plugin_that_must_ask_needs_a_terminal() -> None:
    with pytest.raises(OpError, match="needs a terminal"):
        await credentials_of(ExecPlugin("login", V1, interactive_mode="Always")).identity()


def jwt(name: str, expires_at: float) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"exp": expires_at, "sub": name}).encode()).decode().rstrip("=")
    return f"h.{payload}.s"


OLD, NEW = jwt("old", 1_000), jwt("new", VIRTUAL_EPOCH_SECONDS * 2)


class Issuer:
    """An OIDC issuer that renews tokens."""

    def __init__(self, methods: list[str] | None = None, status: int = 200) -> None:
        self.methods = methods
        self.status = status
        self.forms: list[dict[str, list[str]]] = []
        self.authorization: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/.well-known/openid-configuration":
            methods = {"token_endpoint_auth_methods_supported": self.methods} if self.methods else {}
            return web.json_response({"token_endpoint": f"http://{request.host}/token", **methods})
        self.forms.append(parse_qs(await request.text()))
        self.authorization.append(request.headers.get("authorization", ""))
        if self.status != 200:
            return web.json_response({"error": "invalid_grant"}, status=self.status)
        return web.json_response({"id_token": NEW, "refresh_token": "r2"})


async def test_an_id_token_that_ended_is_renewed_once_at_its_issuer(serve: Any) -> None:
    issuer = Issuer(["client_secret_post"])
    async with serve(issuer.handle) as url:
        credentials = OidcCredentials(Oidc(url, "me", "shh", OLD, "r1"), None, Clock.wall())
        seen = await asyncio.gather(credentials.identity(), credentials.identity())
        assert seen == [bearer(NEW), bearer(NEW)]
        assert len(issuer.forms) == 1
        await credentials.identity(rejected=seen[0])
    first, second = issuer.forms
    form = {"grant_type": ["refresh_token"], "refresh_token": ["r1"], "client_id": ["me"], "client_secret": ["shh"]}
    assert first == form
    assert second["refresh_token"] == ["r2"]


async def test_a_client_secret_goes_as_basic_unless_the_issuer_takes_it_in_the_form(serve: Any) -> None:
    issuer = Issuer()
    async with serve(issuer.handle) as url:
        await OidcCredentials(Oidc(url, "me", "shh", OLD, "r1"), None, Clock.wall()).identity()
    assert issuer.authorization == ["Basic " + base64.b64encode(b"me:shh").decode()]
    assert "client_secret" not in issuer.forms[0]


async def test_a_valid_id_token_is_sent_without_asking_anyone() -> None:
    credentials = OidcCredentials(Oidc("http://127.0.0.1:1", "me", id_token=NEW), None, Clock.wall())
    assert await credentials.identity() == bearer(NEW)
    assert await credentials.identity(rejected=bearer(NEW)) == bearer(NEW)


async def test_an_id_token_that_ended_without_a_refresh_token_asks_to_log_in() -> None:
    with pytest.raises(OpError, match="no refresh token; log in again") as caught:
        await OidcCredentials(Oidc("http://127.0.0.1:1", "me", id_token=OLD), None, Clock.wall()).identity()
    assert caught.value.kind is ErrorKind.UNAUTHORIZED


async def test_a_refused_refresh_quotes_the_issuer(serve: Any) -> None:
    async with serve(Issuer(status=400).handle) as url:
        credentials = OidcCredentials(Oidc(url, "me", "", OLD, "r1"), None, Clock.wall())
        with pytest.raises(OpError, match=r"answered 400: .*invalid_grant.*; log in again"):
            await credentials.identity()


async def test_an_issuer_that_does_not_answer_is_unavailable() -> None:
    credentials = OidcCredentials(Oidc("http://127.0.0.1:1", "me", "", OLD, "r1"), None, Clock.wall())
    with pytest.raises(OpError) as caught:
        await credentials.identity()
    assert caught.value.kind is ErrorKind.UNAVAILABLE
