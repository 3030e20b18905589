"""The `oidc` auth provider: an id token that is renewed at its issuer before it ends.

Renewed tokens are kept in memory only: the user's kubeconfig is never written.
"""

from __future__ import annotations

import asyncio

from kubewright.client.auth.credentials import Identity, bearer
from kubewright.client.auth.issuer import Issuer
from kubewright.client.auth.jwt import expires_at
from kubewright.client.config import ClientCertificate, Oidc
from kubewright.clock import Clock

MARGIN_SECONDS = 10.0
"""How long before its end an id token is renewed (client-go's figure)."""


class OidcCredentials:
    """Sends the id token as bearer, renewed once for all who wait."""

    def __init__(self, oidc: Oidc, certificate: ClientCertificate | None, clock: Clock) -> None:
        self._issuer = Issuer(oidc)
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
            raise self._issuer.error("the id token has expired and there is no refresh token; log in again")
        grant = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        tokens = await self._issuer.tokens(grant)
        self._refresh_token = tokens.refresh_token or self._refresh_token
        return tokens.id_token
