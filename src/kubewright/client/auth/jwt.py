"""When a token ends, read from the token itself: for renewal in time and for messages. Nothing is verified here."""

from __future__ import annotations

import base64
import binascii

import msgspec

_PARTS = 3


class _Claims(msgspec.Struct):
    exp: float = 0


def expires_at(token: str) -> float | None:
    """Return when a JSON web token ends, in seconds since 1970; None if it is none or does not say."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(payload, type=_Claims)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError):
        return None
    return claims.exp or None
