"""Status to OpError: the one place that reads what an API server says when it refuses.

`RestClient` calls it for answers from 400 on and for ERROR events of a watch. The reason decides; the HTTP code only
where there is none, as with an answer from a proxy or a load balancer on the way.
"""

from __future__ import annotations

import msgspec

from kubewright.client.transport import Response
from kubewright.errors import Cause, ErrorKind, OpError

_BY_REASON = {
    "NotFound": ErrorKind.NOT_FOUND,
    "AlreadyExists": ErrorKind.ALREADY_EXISTS,
    "Conflict": ErrorKind.CONFLICT,
    "Gone": ErrorKind.EXPIRED,
    "Expired": ErrorKind.EXPIRED,
    "Invalid": ErrorKind.INVALID,
    "BadRequest": ErrorKind.INVALID,
    "MethodNotAllowed": ErrorKind.INVALID,
    "NotAcceptable": ErrorKind.INVALID,
    "UnsupportedMediaType": ErrorKind.INVALID,
    "RequestEntityTooLarge": ErrorKind.INVALID,
    "Forbidden": ErrorKind.FORBIDDEN,
    "Unauthorized": ErrorKind.UNAUTHORIZED,
    "Timeout": ErrorKind.TIMEOUT,
    "ServerTimeout": ErrorKind.TIMEOUT,
    "TooManyRequests": ErrorKind.EXHAUSTED,
    "ServiceUnavailable": ErrorKind.UNAVAILABLE,
    "InternalError": ErrorKind.UNAVAILABLE,
}
_BY_CODE = {
    401: ErrorKind.UNAUTHORIZED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.CONFLICT,
    410: ErrorKind.EXPIRED,
    429: ErrorKind.EXHAUSTED,
    504: ErrorKind.TIMEOUT,
}
_FIRST_SERVER_ERROR = 500
_DETAIL_CHARACTERS = 300


class _Cause(msgspec.Struct, gc=False):
    field: str = ""
    reason: str = ""
    message: str = ""


class _Details(msgspec.Struct, rename="camel"):
    causes: list[_Cause] | None = None
    retry_after_seconds: float = 0


class Status(msgspec.Struct):
    """`metav1.Status`, as far as it is read."""

    kind: str = ""
    status: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


def kind_of(reason: str, code: int) -> ErrorKind:
    """Return what a Status means for the caller."""
    if (kind := _BY_REASON.get(reason) or _BY_CODE.get(code)) is not None:
        return kind
    return ErrorKind.UNAVAILABLE if code >= _FIRST_SERVER_ERROR else ErrorKind.INVALID


def error_from_status(op: str, target: str, status: Status, *, retry_after_seconds: float | None = None) -> OpError:
    """Return the OpError that a Status describes."""
    details = status.details or _Details()
    kind = kind_of(status.reason, status.code)
    causes = tuple(Cause(each.field, each.reason, each.message) for each in details.causes or ())
    text = " ".join(status.message.split()) or status.reason or f"HTTP {status.code}"
    if kind is ErrorKind.FORBIDDEN and " cannot " in text:
        text += "; ask for a Role with this verb, or use another context"
    wait_seconds = retry_after_seconds or details.retry_after_seconds or None
    return OpError(op, kind, target, text, retry_after_seconds=wait_seconds, causes=causes)


def error_from_response(op: str, target: str, response: Response) -> OpError:
    """Return the OpError of an answer from 400 on, whether a Status came with it or not."""
    try:
        status = msgspec.json.decode(response.body, type=Status)
    except msgspec.DecodeError:
        status = Status()
    if status.kind != "Status":
        text = " ".join(response.body[:_DETAIL_CHARACTERS].decode(errors="replace").split())
        status = Status(message=f"HTTP {response.status}: {text}" if text else f"HTTP {response.status}")
    status.code = status.code or response.status
    return error_from_status(op, target, status, retry_after_seconds=_retry_after_seconds(response))


def _retry_after_seconds(response: Response) -> float | None:
    """Read Retry-After in its form of seconds, the only one that API servers send."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None
