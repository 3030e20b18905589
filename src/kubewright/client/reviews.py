"""What the account that a client acts as may do, as its cluster says; of others `runtime.diagnostics` asks."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.client.protocol import Client

_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


async def may(client: Client, asked: Manifest) -> bool:
    """Whether it may: `asked` has `resourceAttributes` or `nonResourceAttributes`, as Kubernetes has them.

    Raises OpError.
    """
    kind = "SelfSubjectAccessReview"
    body: Manifest = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": asked}
    review = await client.raw("POST", _REVIEWS, body=body)
    status: Manifest = review.get("status") or {}
    return bool(status.get("allowed"))


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What an account may do in a namespace, and in all, as the cluster's authorizers list it."""

    rules: tuple[Manifest, ...]
    incomplete: bool
    """Whether one of them does not list what it grants: there may be more."""

    def named(self, verb: str, group: str, plural: str) -> list[str] | None:
        """Return the names of the objects for which it may; None for all of them."""
        names: dict[str, None] = {}
        for rule in self.rules:
            if _has(rule, "verbs", verb) and _has(rule, "apiGroups", group) and _has(rule, "resources", plural):
                if not rule.get("resourceNames"):
                    return None
                names |= dict.fromkeys(rule["resourceNames"])
        return sorted(names)


async def own_rules(client: Client, namespace: str) -> OwnRules:
    """Ask what the account may do there: one request in place of one for each kind. Raises OpError."""
    body: Manifest = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status: Manifest = (await client.raw("POST", _RULES, body=body)).get("status") or {}
    incomplete = bool(status.get("incomplete") or status.get("evaluationError"))
    return OwnRules(tuple(status.get("resourceRules") or ()), incomplete)


def _has(rule: Manifest, part: str, word: str) -> bool:
    listed = rule.get(part) or ()
    return word in listed or "*" in listed
