"""What a JSON web token says of itself: for renewal in time, for messages and checks. No signature is verified here."""

from __future__ import annotations

import base64
import binascii

import msgspec

_PARTS = 3


class Claims(msgspec.Struct, frozen=True):
    """What is read of them."""

    exp: float = 0
    iss: str = ""
    aud: str | tuple[str, ...] = ()
    nonce: str = ""

    def is_for(self, client_id: str) -> bool:
        """Whether it was given out to a client."""
        return client_id == self.aud if isinstance(self.aud, str) else client_id in self.aud


def claims_of(token: str) -> Claims | None:
    """Return what a token says; None if it is none."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(payload, type=Claims)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError):
        return None


def expires_at(token: str) -> float | None:
    """Return when a JSON web token ends, in seconds since 1970; None if it is none or does not say."""
    claims = claims_of(token)
    return None if claims is None else claims.exp or None
