"""Bearer tokens: the administrator's, and those that `serviceaccounts/token` hands out.

A token looks like a signed one and names its ServiceAccount, but is only looked up: this server is the one that
accepts it. asgi.py authenticates with it, the review subresources answer from it.
"""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.clock import Clock
from kubewright.twin.call import User
from kubewright.twin.media import encode

ISSUER = "https://kubernetes.default.svc.cluster.local"
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class _Issued:
    user: User
    expires_at: float | None


class TokenBook:
    """The tokens that are accepted, and whose they are."""

    def __init__(self, clock: Clock, generator: random.Random) -> None:
        self._clock = clock
        self._random = generator
        self._issued: dict[str, _Issued] = {}

    def accept(self, token: str, user: User) -> None:
        """Accept a token for as long as the server runs."""
        self._issued[token] = _Issued(user, None)

    def learn(self, other: TokenBook) -> None:
        """Accept what another server accepts, as a fork of it does."""
        self._issued.update(other._issued)

    def user_of(self, token: str) -> User | None:
        """Return whose token this is; None when it is unknown or has expired."""
        issued = self._issued.get(token)
        if issued is None:
            return None
        if issued.expires_at is not None and self._clock.now() >= issued.expires_at:
            del self._issued[token]
            return None
        return issued.user

    def issue(self, account: ObjectKey, uid: str, audiences: list[str], expires_at: float) -> str:
        """Return a new token of a ServiceAccount."""
        user = service_account_user(account, uid)
        header = {"alg": "none", "kid": "twin"}
        claims: Manifest = {
            "aud": audiences,
            "exp": int(expires_at),
            "iat": int(self._clock.now()),
            "iss": ISSUER,
            "kubernetes.io": {
                "namespace": account.namespace,
                "serviceaccount": {"name": account.name, "uid": uid},
            },
            "sub": user.name,
        }
        parts = [encode(header), encode(claims), self._random.randbytes(_SIGNATURE_BYTES)]
        token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        self._issued[token] = _Issued(user, expires_at)
        return token


def service_account_user(account: ObjectKey, uid: str) -> User:
    """Return the user that a ServiceAccount is."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{account.namespace}", "system:authenticated")
    return User(f"system:serviceaccount:{account.namespace}:{account.name}", uid, groups)
