"""The one failure type: every folder above raises it, and nothing else crosses a boundary.

Foreign exceptions (HTTP, TLS, JSON, files) are mapped to an OpError where they enter, with `raise ... from`
keeping the cause, so that callers decide on `kind` alone and never import a network library to catch its errors.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ErrorKind(enum.Enum):
    """What went wrong, as far as it changes what a caller does next."""

    NOT_FOUND = "not found"
    ALREADY_EXISTS = "already exists"
    CONFLICT = "conflict"
    EXPIRED = "expired"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    EXHAUSTED = "exhausted"


_RETRYABLE = frozenset(
    {
        ErrorKind.CONFLICT,
        ErrorKind.EXPIRED,
        ErrorKind.UNAVAILABLE,
        ErrorKind.TIMEOUT,
        ErrorKind.EXHAUSTED,
    }
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that an API server refused, as in `Status.details.causes`."""

    field: str
    reason: str
    message: str


class OpError(Exception):
    """An operation on a target failed: `client.get Pod/ns/a: unavailable: connection reset`."""

    def __init__(
        self,
        op: str,
        kind: ErrorKind,
        target: str,
        detail: str,
        *,
        retry_after_seconds: float | None = None,
        causes: tuple[Cause, ...] = (),
    ) -> None:
        super().__init__(op, kind, target, detail)
        self.op = op
        self.kind = kind
        self.target = target
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        self.causes = causes

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without anyone changing its input."""
        return self.kind in _RETRYABLE

    def __str__(self) -> str:
        return f"{self.op} {self.target}: {self.kind.value}: {self.detail}"
