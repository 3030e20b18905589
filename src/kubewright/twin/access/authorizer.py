"""The one decision: may this user do this? (`RBACAuthorizer.Authorize`)."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.meta import ObjectKey
from kubewright.twin.access.attributes import Attributes
from kubewright.twin.access.policy import MissingRoleError, Policy
from kubewright.twin.access.rules import Rule
from kubewright.twin.access.users import MASTERS, User

_ALWAYS_OPEN = frozenset({"/healthz", "/livez", "/readyz"})
"""What kube-apiserver answers to anyone, whatever the roles (`--authorization-always-allow-paths`)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is allowed, and why; a refusal has a reason only when roles are missing."""

    allowed: bool
    reason: str = ""


class Authorizer:
    """Decides by the policy; members of `system:masters` may do everything."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def decide(self, wanted: Attributes) -> Decision:
        """Decide about one request."""
        if MASTERS in wanted.user.groups or wanted.path in _ALWAYS_OPEN:
            return Decision(allowed=True)
        problems: list[str] = []
        for grant in self._policy.grants(wanted.user, wanted.namespace):
            try:
                rules = self._policy.rules(grant.role_kind, grant.role)
            except MissingRoleError as error:
                problems.append(str(error))
                continue
            if any(rule.allows(wanted) for rule in rules):
                return Decision(allowed=True, reason=f"RBAC: allowed by {grant.describe()}")
        return Decision(allowed=False, reason=f"rbac: RBAC: {_joined(problems)}" if problems else "")

    def allows(self, wanted: Attributes) -> bool:
        """Decide about one request, whatever the reason."""
        return self.decide(wanted).allowed

    def rules_for(self, user: User, namespace: str) -> tuple[list[Rule], str]:
        """Return every rule that binds a user in a namespace, and which roles are missing."""
        rules: list[Rule] = []
        problems: list[str] = []
        for grant in self._policy.grants(user, namespace):
            try:
                rules += self._policy.rules(grant.role_kind, grant.role)
            except MissingRoleError as error:
                problems.append(str(error))
        return rules, _joined(problems)

    def rules_of(self, role_kind: str, role: ObjectKey) -> tuple[Rule, ...]:
        """Return the rules of a role; raises MissingRoleError."""
        return self._policy.rules(role_kind, role)


def _joined(problems: list[str]) -> str:
    """Write several problems as one (`NewAggregate`)."""
    distinct = list(dict.fromkeys(problems))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]" if distinct else ""
