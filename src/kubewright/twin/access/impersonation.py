"""Acting as someone else: who a request is made as, and whether its own user may (`WithConstrainedImpersonation`).

There are two ways to be allowed: `impersonate` on each user, group, uid and extra; or, narrower,
`impersonate:<mode>` on those together with `impersonate-on:<mode>:<verb>` on what the request wants. The first refusal
met is the one that is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from kubewright.twin.access.attributes import Attributes
from kubewright.twin.access.authorizer import Authorizer
from kubewright.twin.access.refusals import refusal
from kubewright.twin.access.rules import quoted
from kubewright.twin.access.users import (
    ANONYMOUS_NAME,
    AUTHENTICATED,
    UNAUTHENTICATED,
    User,
    account_groups,
    account_of,
)
from kubewright.twin.status import StatusError, bad_request

SEPARATOR = "\n"
"""Stands between the values of a repeated `Impersonate-*` header; no value can hold it."""
_PREFIX = "impersonate-"
_EXTRA = "impersonate-extra-"
_NODE = "system:node:"
_NODES = "system:nodes"
_AUTHENTICATION = "authentication.k8s.io"


def impersonated(wanted: Attributes, headers: Mapping[str, str], authorizer: Authorizer) -> User | None:
    """Return whom a request is made as; None when it is made as its own user. Raises 400 and 403."""
    target = _target(headers)
    if target is None:
        return None
    first: StatusError | None = None
    for mode in _modes(target):
        refused = _refused(mode, wanted, target, authorizer)
        if refused is None:
            return mode.user(target)
        first = first or refused
    raise first or refusal(wanted)


def _target(headers: Mapping[str, str]) -> User | None:
    """Read whom the headers name, with exactly the groups they name."""
    if not any(name.startswith(_PREFIX) for name in headers):
        return None
    groups = _values(headers.get("impersonate-group", ""))
    extra = {
        unquote(name.removeprefix(_EXTRA)).lower(): _values(value)
        for name, value in headers.items()
        if name.startswith(_EXTRA)
    }
    target = User(headers.get("impersonate-user", ""), headers.get("impersonate-uid", ""), groups, extra)
    if not target.name and (target.uid or groups or extra):
        raise bad_request(f"requested {_go_text(target)} without impersonating a user name")
    return target if target.name else None


def _values(header: str) -> tuple[str, ...]:
    return tuple(header.split(SEPARATOR)) if header else ()


def _go_text(user: User) -> str:
    groups = "[]string(nil)"
    if user.groups:
        groups = "[]string{" + ", ".join(quoted([each])[1:-1] for each in user.groups) + "}"
    extra = "map[string][]string(nil)"
    if user.extra:
        values = (
            f"{quoted([name])[1:-1]}:[]string{{{', '.join(quoted([each])[1:-1] for each in user.extra[name])}}}"
            for name in sorted(user.extra)
        )
        extra = "map[string][]string{" + ", ".join(values) + "}"
    return f'&user.DefaultInfo{{Name:"", UID:{quoted([user.uid])[1:-1]}, Groups:{groups}, Extra:{extra}}}'


@dataclass(frozen=True, slots=True)
class _Mode:
    """One way to be allowed; `name` is empty for the old verb `impersonate`."""

    name: str = ""

    @property
    def verb(self) -> str:
        return f"impersonate:{self.name}" if self.name else "impersonate"

    @property
    def group(self) -> str:
        """Return the API group that users and groups are asked for in."""
        return _AUTHENTICATION if self.name else ""

    def user(self, target: User) -> User:
        """Return who the request is made as, with the groups that go without saying."""
        groups = target.groups
        account = account_of(target.name)
        if account is not None and not groups:
            groups = account_groups(account.namespace)
        elif self.name == "arbitrary-node":
            groups = (_NODES,)
        implied = UNAUTHENTICATED if target.name == ANONYMOUS_NAME else AUTHENTICATED
        if implied not in groups and UNAUTHENTICATED not in groups:
            groups = (*groups, implied)
        return replace(target, groups=groups)


def _modes(target: User) -> Iterator[_Mode]:
    """Yield the ways that there are to become this user, the narrow ones first."""
    only_name = not (target.uid or target.groups or target.extra)
    is_node = target.name.startswith(_NODE) and len(target.name) > len(_NODE)
    is_account = account_of(target.name) is not None
    if is_node and only_name:
        yield _Mode("arbitrary-node")
    if is_account and only_name:
        yield _Mode("serviceaccount")
    if not is_node and not is_account:
        yield _Mode("user-info")
    yield _Mode()


def _refused(mode: _Mode, wanted: Attributes, target: User, authorizer: Authorizer) -> StatusError | None:
    if mode.name:
        on = replace(wanted, verb=f"impersonate-on:{mode.name}:{wanted.verb}")
        decision = authorizer.decide(on)
        if not decision.allowed:
            return refusal(on, decision.reason)
    for each in _needed(mode, wanted.user, target):
        decision = authorizer.decide(each)
        if not decision.allowed:
            return refusal(each, decision.reason)
    return None


def _needed(mode: _Mode, user: User, target: User) -> Iterator[Attributes]:
    """Yield what the user must be allowed, in the order in which it is asked."""
    account = account_of(target.name)
    if account is not None:
        yield Attributes(user, mode.verb, mode.group, "serviceaccounts", "", account.namespace, account.name)
    elif mode.name == "arbitrary-node":
        yield Attributes(user, mode.verb, mode.group, "nodes", name=target.name.removeprefix(_NODE))
    else:
        yield Attributes(user, mode.verb, mode.group, "users", name=target.name)
    if target.uid:
        yield Attributes(user, mode.verb, _AUTHENTICATION, "uids", name=target.uid)
    for group in target.groups:
        yield Attributes(user, mode.verb, mode.group, "groups", name=group)
    for key in sorted(target.extra):
        for value in target.extra[key]:
            yield Attributes(user, mode.verb, _AUTHENTICATION, "userextras", key, name=value)
