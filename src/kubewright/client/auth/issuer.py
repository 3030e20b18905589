"""An OpenID Connect issuer over HTTP: what it says of itself, and the tokens that it gives.

`oidc.OidcCredentials` renews with it what a kubeconfig has; the dashboard signs people in with it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from kubewright.client.auth.credentials import basic
from kubewright.client.config import Oidc
from kubewright.client.tls import tls_context
from kubewright.errors import ErrorKind, OpError

ISSUER_SECONDS = 30.0
_OK = 200
_DETAIL_CHARACTERS = 300
_Answer = TypeVar("_Answer")


class Discovery(msgspec.Struct, frozen=True):
    """What an issuer says of itself."""

    token_endpoint: str
    issuer: str = ""
    authorization_endpoint: str = ""
    """Where people are sent to sign in."""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(msgspec.Struct, frozen=True):
    """What it gives."""

    id_token: str
    refresh_token: str = ""


class Issuer:
    """The issuer of a client's configuration; what it answers is not kept."""

    def __init__(self, oidc: Oidc) -> None:
        self._oidc = oidc

    async def discover(self) -> Discovery:
        """Return what it says of itself; raises OpError (UNAVAILABLE, UNAUTHORIZED)."""
        async with self._session() as session:
            return await self._discover(session)

    async def tokens(self, grant: Mapping[str, str]) -> Tokens:
        """Exchange a grant for tokens, as its client; raises OpError (UNAVAILABLE, UNAUTHORIZED)."""
        oidc, form = self._oidc, dict(grant)
        async with self._session() as session:
            discovery = await self._discover(session)
            headers = {"content-type": "application/x-www-form-urlencoded"}
            if oidc.client_secret and "client_secret_post" not in discovery.token_endpoint_auth_methods_supported:
                headers |= basic(quote(oidc.client_id, safe=""), quote(oidc.client_secret, safe=""))
            else:
                form |= {"client_id": oidc.client_id}
                form |= {"client_secret": oidc.client_secret} if oidc.client_secret else {}
            async with session.post(discovery.token_endpoint, data=urlencode(form), headers=headers) as answer:
                return await self._decode(answer, Tokens, discovery.token_endpoint)

    def error(self, detail: str, kind: ErrorKind = ErrorKind.UNAUTHORIZED) -> OpError:
        """Return an error about this issuer."""
        return OpError("client.auth", kind, f"oidc {self._oidc.issuer_url}", detail)

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[aiohttp.ClientSession]:
        context = tls_context(ca_pem=self._oidc.ca_pem, target=self._oidc.issuer_url)
        timeout = aiohttp.ClientTimeout(total=ISSUER_SECONDS)
        connector = aiohttp.TCPConnector(ssl=context)
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=True) as session:
                yield session
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            detail = f"the issuer cannot be asked: {error or 'no answer'}; check the network, or log in again"
            raise self.error(detail, ErrorKind.UNAVAILABLE) from error

    async def _discover(self, session: aiohttp.ClientSession) -> Discovery:
        url = f"{self._oidc.issuer_url.rstrip('/')}/.well-known/openid-configuration"
        async with session.get(url) as answer:
            return await self._decode(answer, Discovery, url)

    async def _decode(self, answer: aiohttp.ClientResponse, type_: type[_Answer], url: str) -> _Answer:
        body = await answer.read()
        if answer.status != _OK:
            text = " ".join(body[:_DETAIL_CHARACTERS].decode(errors="replace").split())
            raise self.error(f"{url} answered {answer.status}: {text}; log in again")
        try:
            return msgspec.json.decode(body, type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.error(f"{url} answered what does not decode: {error}") from error
