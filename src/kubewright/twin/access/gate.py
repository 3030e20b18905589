"""What stands before every request: who it is made as, and whether they may. `ApiServer.handle` calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kubewright.client.transport import Request
from kubewright.twin.access.attributes import requested
from kubewright.twin.access.authorizer import Authorizer
from kubewright.twin.access.impersonation import impersonated
from kubewright.twin.access.refusals import refusal
from kubewright.twin.access.users import MASTERS, User


def admitted(request: Request, user: User, authorizer: Authorizer) -> User:
    """Return whom a request is answered as; raises 400 and 403."""
    acting = _acts_as_another(request.headers)
    if not acting and MASTERS in user.groups:
        return user
    wanted = requested(user, request.method, request.path, request.query)
    if acting:
        user = impersonated(wanted, request.headers, authorizer) or user
        wanted = replace(wanted, user=user)
    decision = authorizer.decide(wanted)
    if not decision.allowed:
        raise refusal(wanted, decision.reason)
    return user


def _acts_as_another(headers: Mapping[str, str]) -> bool:
    return any(name.startswith("impersonate-") for name in headers)
