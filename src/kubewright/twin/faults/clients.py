"""Which requests a fault of the API server hits, and the answers that it gives. Pure.

`gate.py` asks for each request that is made while such a fault is in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubewright.client.transport import Request, Response
from kubewright.twin import status
from kubewright.twin.access.attributes import Attributes, requested
from kubewright.twin.access.users import User
from kubewright.twin.answers import document, plain
from kubewright.twin.faults.fault import GROUP
from kubewright.twin.faults.parameters import ApiError
from kubewright.twin.faults.selection import ClientSelection, matches_any

COMPONENT_AGENT = "kubewright-twin/"
"""How the User-Agent of the twin's own controllers and kubelets begins."""
_CONFLICTING_VERBS = frozenset({"update", "patch"})
_MESSAGES = {
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, and what it wants. `user` is who was authenticated, not whom they act as."""

    user: User
    agent: str
    path: str
    wanted: Attributes


def caller_of(request: Request, user: User) -> Caller:
    """Read who asks for what."""
    wanted = requested(user, request.method, request.path, request.query)
    return Caller(user, request.headers.get("user-agent", ""), request.path, wanted)


def is_meant(selection: ClientSelection, caller: Caller) -> bool:
    """Tell whether a selection means a request."""
    wanted = caller.wanted
    if wanted.group == GROUP or (not wanted.resource and not selection.paths):
        return False
    if caller.agent.startswith(COMPONENT_AGENT) and not selection.user_agents:
        return False
    checks: Iterable[tuple[tuple[str, ...], tuple[str, ...]]] = (
        (selection.users, (caller.user.name,)),
        (selection.groups, caller.user.groups),
        (selection.user_agents, (caller.agent,)),
        (selection.verbs, (wanted.verb,)),
        (selection.resources, _resource_names(wanted)),
        (selection.namespaces, (wanted.namespace,)),
        (selection.names, (wanted.name,)),
        (selection.paths, (caller.path,)),
    )
    return all(matches_any(patterns, texts) for patterns, texts in checks)


def _resource_names(wanted: Attributes) -> tuple[str, ...]:
    return wanted.whole_resource, status.qualified(wanted.group, wanted.whole_resource)


def error_response(error: ApiError, caller: Caller) -> Response | None:
    """Return the answer instead of the right one; None where the code would make no sense."""
    wanted = caller.wanted
    seconds = error.retry_after_seconds
    match error.code:
        case 409:
            if wanted.verb not in _CONFLICTING_VERBS:
                return None
            named = {"name": wanted.name, "group": wanted.group, "kind": wanted.resource}
            resource = status.qualified(wanted.group, wanted.resource)
            text = f'Operation cannot be fulfilled on {resource} "{wanted.name}": {status.STALE}'
            details = {key: value for key, value in named.items() if value}
            return _refusal(status.StatusError(409, "Conflict", text, details))
        case 429:
            refused = plain("Too many requests, please try again later.\n", 429)
            return Response(429, {**refused.headers, "retry-after": str(seconds)}, refused.body)
        case 500:
            return _refusal(status.internal("etcdserver: request timed out"))
        case code:
            reason, text = _MESSAGES[code]
            answer = _refusal(status.StatusError(code, reason, text, {"retryAfterSeconds": seconds}))
            return Response(code, {**answer.headers, "retry-after": str(seconds)}, answer.body)


def unauthorized() -> Response:
    """Return the answer to a client whose certificate has expired."""
    return _refusal(status.unauthorized())


def _refusal(error: status.StatusError) -> Response:
    return document(error.body(), error.code)
