"""Nobody grants what they do not hold: asked of every role and binding that is created or changed.

Admission calls `check` with the user who writes. `escalate` on the role, or `bind` on the role that is bound, makes
an exception; members of `system:masters` are not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.twin.access.attributes import Attributes
from kubewright.twin.access.authorizer import Authorizer
from kubewright.twin.access.policy import GROUP, MissingRoleError, role_of
from kubewright.twin.access.rules import ALL, Rule, compacted, missing, parse_rules, quoted
from kubewright.twin.access.users import MASTERS, User
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import dig
from kubewright.twin.status import forbidden, not_found

_EVERYTHING = (Rule((ALL,), (ALL,), (ALL,)), Rule((ALL,), urls=(ALL,)))
_COLLECTED = ("finalizers", "ownerReferences")
_WRITTEN = ("resourceVersion", "managedFields", "generation")


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes."""

    user: User
    requested: str
    """The name in the request: a create has none, but a patch that creates."""


def check(authorizer: Authorizer, author: Author, kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    """Refuse a role or binding that would give more than its author holds; raises 403, 404."""
    if MASTERS in author.user.groups or (old is not None and _only_collected(obj, old)):
        return
    if kind.kind in {"Role", "ClusterRole"}:
        _check_role(authorizer, author, kind, obj, old)
    else:
        _check_binding(authorizer, author.user, kind, obj)


def _check_role(authorizer: Authorizer, author: Author, kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    user, metadata = author.user, obj["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
    asked = Attributes(user, "escalate", GROUP, kind.plural, "", namespace, author.requested)
    if authorizer.allows(asked):
        return
    _confirm(authorizer, user, kind, obj, parse_rules(obj.get("rules")))
    if _aggregates(obj) or (old is not None and _aggregates(old)):
        owned, _ = authorizer.rules_for(user, namespace)
        if missing(owned, _EVERYTHING):
            raise forbidden(kind, name, "must have cluster-admin privileges to use the aggregationRule")


def _check_binding(authorizer: Authorizer, user: User, kind: KindInfo, obj: Manifest) -> None:
    namespace = obj["metadata"].get("namespace", "")
    role_kind, role = role_of(namespace, obj)
    if role_kind not in {"Role", "ClusterRole"}:
        return  # validation refuses it
    plural = "roles" if role_kind == "Role" else "clusterroles"
    if authorizer.allows(Attributes(user, "bind", GROUP, plural, "", namespace, role.name)):
        return
    _confirm(authorizer, user, kind, obj, _rules_of(authorizer, kind, role_kind, role))


def _rules_of(authorizer: Authorizer, kind: KindInfo, role_kind: str, role: ObjectKey) -> Sequence[Rule]:
    try:
        return authorizer.rules_of(role_kind, role)
    except MissingRoleError:
        raise not_found(kind, role.name) from None


def _confirm(authorizer: Authorizer, user: User, kind: KindInfo, obj: Manifest, rules: Sequence[Rule]) -> None:
    """Refuse rules that the user's own do not cover (`ConfirmNoEscalation`)."""
    metadata = obj["metadata"]
    owned, problems = authorizer.rules_for(user, metadata.get("namespace", ""))
    lacking = missing(owned, rules)
    if not lacking:
        return
    listed = "\n".join(sorted({rule.compact() for rule in compacted(lacking)}))
    who = f"user {quoted([user.name])[1:-1]} (groups={quoted(user.groups)})"
    text = f"{who} is attempting to grant RBAC permissions not currently held:\n{listed}"
    if problems:
        text += f"; resolution errors: [{problems}]"
    raise forbidden(kind, metadata.get("name", ""), text)


def _aggregates(role: Manifest) -> bool:
    return bool(dig(role, "aggregationRule", "clusterRoleSelectors"))


def _only_collected(obj: Manifest, old: Manifest) -> bool:
    """Tell whether a change is only what garbage collection needs (`IsOnlyMutatingGCFields`)."""
    if _without_collected(obj) != _without_collected(old):
        return False
    return any(obj["metadata"].get(name) != old["metadata"].get(name) for name in _COLLECTED)


def _without_collected(obj: Manifest) -> Manifest:
    dropped = {*_COLLECTED, *_WRITTEN}
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name not in dropped}}
