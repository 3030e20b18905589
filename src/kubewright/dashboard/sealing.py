"""Sessions, and sign-ins under way, as sealed cookies: nothing is remembered here, any replica with the key takes each.

A cookie holds the person's token and since when, encrypted and authenticated. It cannot be read or made without the
key; the token in it is asked about again all the time (`access.py`), so that it ends when the cluster says so.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Generic, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken

LEAST_KEY = 16
MOST_COOKIE = 3800
"""Browsers keep cookies up to 4096 bytes, their name and attributes included."""
_AHEAD_SECONDS = 60.0
"""So much may the clock of the replica that sealed something be ahead of that of the one that opens it."""


class Session(msgspec.Struct, frozen=True):
    """Who is signed in: by a token of the cluster, or as the owner of the process."""

    token: str = ""
    since: float = 0.0
    owner: bool = False


class Attempt(msgspec.Struct, frozen=True):
    """A sign-in at an issuer that has begun: what its answer is held against."""

    state: str
    nonce: str
    verifier: str
    since: float


def lasts(value: Session | Attempt, seconds: float, now: float) -> bool:
    """Tell whether no more than so many seconds have passed since."""
    return -_AHEAD_SECONDS <= now - value.since <= seconds


T = TypeVar("T", Session, Attempt)


class Sealer(Generic[T]):
    """Seals and opens what is given to a browser to keep: one type, which no other type's seal opens."""

    def __init__(self, key: bytes, type_: type[T]) -> None:
        """Take a key of at least `LEAST_KEY` bytes; raises ValueError for a shorter one."""
        if len(key) < LEAST_KEY:
            raise ValueError(f"the key of sessions has fewer than {LEAST_KEY} bytes")
        self._type = type_
        purpose = f"kubewright-{type_.__name__.lower()}\0".encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(purpose + key).digest()))

    def seal(self, value: T) -> str:
        """Return it as text that only this key opens."""
        return self._fernet.encrypt(msgspec.json.encode(value)).decode()

    def open(self, text: str) -> T | None:
        """Return what was sealed, or None if it was not, or with another key."""
        try:
            return msgspec.json.decode(self._fernet.decrypt(text.encode()), type=self._type)
        except (InvalidToken, msgspec.MsgspecError, UnicodeError):
            return None
