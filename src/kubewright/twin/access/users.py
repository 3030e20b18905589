"""Who asks, as authentication found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubewright.api.meta import Manifest, ObjectKey

MASTERS = "system:masters"
"""The group that may do everything, whatever the roles say."""
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS_NAME = "system:anonymous"
_ACCOUNT_PREFIX = "system:serviceaccount:"
_ACCOUNT_PARTS = 2


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str = "system:admin"
    uid: str = ""
    groups: tuple[str, ...] = (MASTERS, AUTHENTICATED)
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def info(self) -> Manifest:
        """Return the user as reviews show it."""
        info: Manifest = {}
        if self.name:
            info["username"] = self.name
        if self.uid:
            info["uid"] = self.uid
        if self.groups:
            info["groups"] = list(self.groups)
        if self.extra:
            info["extra"] = {name: list(values) for name, values in self.extra.items()}
        return info


ADMIN = User()
ANONYMOUS = User(ANONYMOUS_NAME, groups=(UNAUTHENTICATED,))


def account_user(account: ObjectKey, uid: str = "", extra: Mapping[str, tuple[str, ...]] | None = None) -> User:
    """Return the user that a ServiceAccount is."""
    name = f"{_ACCOUNT_PREFIX}{account.namespace}:{account.name}"
    return User(name, uid, (*account_groups(account.namespace), AUTHENTICATED), dict(extra or {}))


def account_groups(namespace: str) -> tuple[str, ...]:
    """Return the groups that every ServiceAccount of a namespace is in."""
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def account_of(user_name: str) -> ObjectKey | None:
    """Return which ServiceAccount a user is; None when it is none."""
    parts = user_name.removeprefix(_ACCOUNT_PREFIX).split(":")
    if not user_name.startswith(_ACCOUNT_PREFIX) or len(parts) != _ACCOUNT_PARTS or not all(parts):
        return None
    return ObjectKey(parts[0], parts[1])
