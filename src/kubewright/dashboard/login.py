"""Signing in at an OpenID Connect issuer: the authorization code flow with PKCE (RFC 7636), for `app.DashboardApp`.

What comes of it is an id token, with which the person goes to the cluster as with any other token: the API server
verifies its signature and says whose it is. Here it is held against what was asked: it comes from the issuer itself,
over TLS, which OpenID Connect Core (3.1.3.7) takes for proof of where it is from. Nothing is remembered: what the
answer is held against is sealed into a cookie, so that any replica can finish what another began.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from kubewright.client.auth.issuer import Issuer
from kubewright.client.auth.jwt import claims_of
from kubewright.client.config import Oidc
from kubewright.clock import Clock
from kubewright.dashboard.sealing import Attempt, Sealer, lasts
from kubewright.errors import ErrorKind, OpError

LASTING_SECONDS = 600.0
"""How long somebody may take to sign in there."""
SCOPES = "openid email profile groups"
_RANDOM_BYTES = 32
_MOST_SAID = 200


class Login:
    """The way to an issuer and back."""

    def __init__(self, oidc: Oidc, clock: Clock, sealer: Sealer[Attempt], scopes: str = SCOPES) -> None:
        self.name = urlsplit(oidc.issuer_url).hostname or oidc.issuer_url
        """How the issuer is called on the screen."""
        self._oidc = oidc
        self._issuer = Issuer(oidc)
        self._clock = clock
        self._sealer = sealer
        self._scopes = scopes

    async def begin(self, back: str) -> tuple[str, str]:
        """Return where to send the browser, which comes back to `back`, and the cookie to bring; raises OpError."""
        discovery = await self._issuer.discover()
        at = urlsplit(discovery.authorization_endpoint)
        if at.scheme not in {"http", "https"} or not at.netloc:
            raise self._refused("the issuer does not say where people sign in", ErrorKind.UNAVAILABLE)
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": self._oidc.client_id,
            "redirect_uri": back,
            "scope": self._scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        between = "&" if at.query else "?"
        url = f"{discovery.authorization_endpoint}{between}{urlencode(asked)}"
        return url, self._sealer.seal(Attempt(state, nonce, verifier, self._clock.now()))

    async def finish(self, cookie: str, answer: Mapping[str, str], back: str) -> str:
        """Return the id token of whoever comes back with an answer; raises OpError (UNAUTHORIZED, UNAVAILABLE)."""
        attempt = self._sealer.open(cookie) if cookie else None
        if attempt is None or not lasts(attempt, LASTING_SECONDS, self._clock.now()):
            raise self._refused("this sign-in was not begun here, or too long ago: sign in again")
        if not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise self._refused("the issuer's answer is not to what was asked: sign in again")
        if not answer.get("code"):
            said = answer.get("error_description") or answer.get("error") or "it gave no code"
            raise self._refused(f"the issuer refused: {said[:_MOST_SAID]}")
        grant = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
        }
        token = (await self._issuer.tokens(grant)).id_token
        self._check(token, attempt)
        return token

    def _check(self, token: str, attempt: Attempt) -> None:
        """Hold a token against what was asked; raises OpError."""
        claims = claims_of(token)
        if claims is None:
            raise self._refused("the issuer gave no id token")
        if claims.iss.rstrip("/") != self._oidc.issuer_url.rstrip("/") or not claims.is_for(self._oidc.client_id):
            raise self._refused("the id token is another issuer's, or for another client")
        if not hmac.compare_digest(claims.nonce.encode(), attempt.nonce.encode()) or claims.exp <= self._clock.now():
            raise self._refused("the id token is of another sign-in, or over: sign in again")

    def _refused(self, detail: str, kind: ErrorKind = ErrorKind.UNAUTHORIZED) -> OpError:
        return OpError("dashboard.sign-in", kind, self._oidc.issuer_url, detail)


def _challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
