"""`Credentials`, the one question a transport asks before each request, and its simple answers.

A transport sends what `identity()` returns. After a 401 it asks again with what was `rejected`; credentials that can
be renewed renew then, once for all requests that were rejected with the same identity. The others answer the same
again, and the transport gives up.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kubewright.client.config import ClientCertificate
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError

TOKEN_FILE_SECONDS = 60.0
"""How old a token read from a file may get: kubelets renew it long before it expires."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What one request is sent with."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    certificate: ClientCertificate | None = None


class Credentials(Protocol):
    """Knows the present identity."""

    async def identity(self, rejected: Identity | None = None) -> Identity:
        """Return what to send; something other than `rejected`, if there is such. Raises OpError."""
        ...


@dataclass(frozen=True, slots=True)
class FixedCredentials:
    """Credentials that never change."""

    value: Identity

    async def identity(self, rejected: Identity | None = None) -> Identity:
        """Return the one identity there is."""
        del rejected
        return self.value


class TokenFileCredentials:
    """A token that someone else renews in its file, as kubelets do in every pod."""

    def __init__(self, path: Path, certificate: ClientCertificate | None, clock: Clock) -> None:
        self._path = path
        self._certificate = certificate
        self._clock = clock
        self._current: Identity | None = None
        self._read_at = 0.0

    async def identity(self, rejected: Identity | None = None) -> Identity:
        """Return the token, read again when it is older than a minute or was rejected."""
        now = self._clock.now()
        current = self._current
        if current is None or rejected == current or now - self._read_at > TOKEN_FILE_SECONDS:
            current = self._current = bearer(self._read(), self._certificate)
            self._read_at = now
        return current

    def _read(self) -> str:
        try:
            token = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise OpError("client.auth", ErrorKind.UNAUTHORIZED, str(self._path), f"no token: {error}") from error
        if not token:
            raise OpError("client.auth", ErrorKind.UNAUTHORIZED, str(self._path), "the token file is empty")
        return token


def bearer(token: str, certificate: ClientCertificate | None = None) -> Identity:
    """Return the identity of a bearer token."""
    return Identity({"authorization": f"Bearer {token}"}, certificate)


def basic(username: str, password: str) -> Mapping[str, str]:
    """Return the header of user name and password."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}
