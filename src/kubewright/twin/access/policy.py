"""The stored roles and bindings, indexed by whom they bind; kept by the store's own changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.store.versioned import Bucket, Change, VersionedStore
from kubewright.twin.access.rules import Rule, parse_rules
from kubewright.twin.access.users import User, account_user
from kubewright.twin.reading import text

GROUP = "rbac.authorization.k8s.io"
ROLES: Bucket = (GROUP, "roles")
CLUSTER_ROLES: Bucket = (GROUP, "clusterroles")
ROLE_BINDINGS: Bucket = (GROUP, "rolebindings")
CLUSTER_ROLE_BINDINGS: Bucket = (GROUP, "clusterrolebindings")

_Subject: TypeAlias = tuple[str, str, str]
"""The namespace that a binding is in ("" for the cluster's), `User` or `Group`, and the name."""


class MissingRoleError(Exception):
    """A binding's role is not there; says so as the API server does."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one binding gives to one of its subjects."""

    binding: ObjectKey
    role_kind: str
    role: ObjectKey
    subject: str
    """As reviews name it: `Group "system:masters"`."""

    def describe(self) -> str:
        """Say which binding it is."""
        kind = "RoleBinding" if self.binding.namespace else "ClusterRoleBinding"
        name = f"{self.binding.name}/{self.binding.namespace}" if self.binding.namespace else self.binding.name
        return f'{kind} "{name}" of {self.role_kind} "{self.role.name}" to {self.subject}'


_NONE: Mapping[ObjectKey, Grant] = {}


class Policy:
    """Roles by name, grants by subject."""

    def __init__(self) -> None:
        self._roles: dict[ObjectKey, tuple[Rule, ...]] = {}
        self._grants: dict[_Subject, dict[ObjectKey, Grant]] = {}

    def follow(self, store: VersionedStore) -> None:
        """Take what the store holds, and each later change."""
        for bucket in (ROLES, CLUSTER_ROLES):
            for record in store.list(bucket)[0]:
                self._roles[record.key] = parse_rules(record.obj.get("rules"))
            store.subscribe(bucket, self._role_changed)
        for bucket in (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS):
            for record in store.list(bucket)[0]:
                self._bind(record.key, record.obj)
            store.subscribe(bucket, self._binding_changed)

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """Yield what binds a user: the cluster's bindings by name, then the namespace's; each binding once."""
        for place in ("", namespace) if namespace else ("",):
            found = dict(self._grants.get((place, "User", user.name), _NONE))
            for group in user.groups:
                for key, grant in self._grants.get((place, "Group", group), _NONE).items():
                    found.setdefault(key, grant)
            for key in sorted(found):
                yield found[key]

    def rules(self, role_kind: str, role: ObjectKey) -> tuple[Rule, ...]:
        """Return a role's rules; raises MissingRoleError."""
        rules = self._roles.get(role)
        if rules is None:
            raise MissingRoleError(f'{role_kind.lower()}.{GROUP} "{role.name}" not found')
        return rules

    def _role_changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self._roles.pop(change.record.key, None)
        else:
            self._roles[change.record.key] = parse_rules(change.record.obj.get("rules"))

    def _binding_changed(self, change: Change) -> None:
        key = change.record.key
        if change.previous is not None:
            for subject, _ in _subjects(key.namespace, change.previous.obj):
                grants = self._grants.get(subject, {})
                grants.pop(key, None)
                if not grants:
                    self._grants.pop(subject, None)
        if change.type != "DELETED":
            self._bind(key, change.record.obj)

    def _bind(self, key: ObjectKey, binding: Manifest) -> None:
        kind, role = role_of(key.namespace, binding)
        for subject, described in _subjects(key.namespace, binding):
            self._grants.setdefault(subject, {}).setdefault(key, Grant(key, kind, role, described))


def role_of(namespace: str, binding: Manifest) -> tuple[str, ObjectKey]:
    """Return the kind and the key of a binding's role."""
    kind = text(binding, "roleRef", "kind")
    return kind, ObjectKey(namespace if kind == "Role" else "", text(binding, "roleRef", "name"))


def _subjects(namespace: str, binding: Manifest) -> Iterator[tuple[_Subject, str]]:
    """Yield whom a binding binds, and how that is described."""
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name", "")
        if kind in {"User", "Group"}:
            yield (namespace, kind, name), f'{kind} "{name}"'
        elif kind == "ServiceAccount":
            place = subject.get("namespace") or namespace
            if place:
                user = account_user(ObjectKey(place, name)).name
                yield (namespace, "User", user), f'ServiceAccount "{name}/{place}"'
