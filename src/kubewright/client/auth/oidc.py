"""The `oidc` auth provider: an id token that is renewed at its issuer before it ends.

Renewed tokens are kept in memory only: the user's kubeconfig is never written.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from kubewright.client.auth.credentials import Identity, basic, bearer
from kubewright.client.auth.jwt import expires_at
from kubewright.client.config import ClientCertificate, Oidc
from kubewright.client.tls import tls_context
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError

MARGIN_SECONDS = 10.0
"""How long before its end an id token is renewed (client-go's figure)."""
ISSUER_SECONDS = 30.0
_OK = 200
_DETAIL_CHARACTERS = 300


_Answer = TypeVar("_Answer")


class _Discovery(msgspec.Struct):
    token_endpoint: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct):
    id_token: str
    refresh_token: str = ""


class OidcCredentials:
    """Sends the id token as bearer, renewed once for all who wait."""

    def __init__(self, oidc: Oidc, certificate: ClientCertificate | None, clock: Clock) -> None:
        self._oidc = oidc
        self._certificate = certificate
        self._clock = clock
        self._refreshing = asyncio.Lock()
        self._refresh_token = oidc.refresh_token
        self._id_token = oidc.id_token

    async def identity(self, rejected: Identity | None = None) -> Identity:
        """Return the id token, renewed when it is about to end or was rejected."""
        async with self._refreshing:
            current = bearer(self._id_token, self._certificate)
            if rejected == current and not self._refresh_token:
                return current
            if rejected == current or self._ends():
                self._id_token = await self._refresh()
            return bearer(self._id_token, self._certificate)

    def _ends(self) -> bool:
        if not self._id_token:
            return True
        end = expires_at(self._id_token)
        return end is not None and self._clock.now() >= end - MARGIN_SECONDS

    async def _refresh(self) -> str:
        if not self._refresh_token:
            raise self._error("the id token has expired and there is no refresh token; log in again")
        context = tls_context(ca_pem=self._oidc.ca_pem, target=self._oidc.issuer_url)
        timeout = aiohttp.ClientTimeout(total=ISSUER_SECONDS)
        connector = aiohttp.TCPConnector(ssl=context)
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=True) as session:
                tokens = await self._exchange(session)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            detail = f"the token could not be renewed: {error or 'no answer'}; check the network, or log in again"
            raise self._error(detail, ErrorKind.UNAVAILABLE) from error
        self._refresh_token = tokens.refresh_token or self._refresh_token
        return tokens.id_token

    async def _exchange(self, session: aiohttp.ClientSession) -> _Tokens:
        url = f"{self._oidc.issuer_url.rstrip('/')}/.well-known/openid-configuration"
        async with session.get(url) as answer:
            discovery = self._decode(await answer.read(), answer.status, _Discovery, url)
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self._oidc.client_secret and "client_secret_post" not in discovery.token_endpoint_auth_methods_supported:
            headers |= basic(quote(self._oidc.client_id, safe=""), quote(self._oidc.client_secret, safe=""))
        else:
            form |= {"client_id": self._oidc.client_id}
            form |= {"client_secret": self._oidc.client_secret} if self._oidc.client_secret else {}
        async with session.post(discovery.token_endpoint, data=urlencode(form), headers=headers) as answer:
            return self._decode(await answer.read(), answer.status, _Tokens, discovery.token_endpoint)

    def _decode(self, body: bytes, status: int, type_: type[_Answer], url: str) -> _Answer:
        if status != _OK:
            text = " ".join(body[:_DETAIL_CHARACTERS].decode(errors="replace").split())
            raise self._error(f"{url} answered {status}: {text}; log in again")
        try:
            return msgspec.json.decode(body, type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._error(f"{url} answered what does not decode: {error}") from error

    def _error(self, detail: str, kind: ErrorKind = ErrorKind.UNAUTHORIZED) -> OpError:
        return OpError("client.auth", kind, f"oidc {self._oidc.issuer_url}", detail)
