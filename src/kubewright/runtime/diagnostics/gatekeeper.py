"""Who may see `/debug/*`: asked of the API server, as Kubernetes' own components do it.

A bearer token is looked at by a TokenReview; what its owner may do with the path is a SubjectAccessReview's to say. The
process' own account needs the right to create both, which the ClusterRole `DELEGATOR` gives; an account that always
asks has `cluster_rules` of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.client.protocol import Client
from kubewright.errors import OpError

_TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_BEARER = "bearer "
DELEGATOR = "system:auth-delegator"
"""The role that every cluster has for whoever asks it about others."""


def cluster_rules() -> list[Manifest]:
    """Return the rights that asking takes."""
    reviews = (("authentication.k8s.io", "tokenreviews"), ("authorization.k8s.io", "subjectaccessreviews"))
    return [{"apiGroups": [group], "resources": [plural], "verbs": ["create"]} for group, plural in reviews]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody may not, with the HTTP status."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """Asks the cluster about who asks."""

    client: Client

    async def refusal(self, authorization: str, path: str, verb: str = "get") -> Refusal | None:
        """Return why the bearer of an Authorization header may not see a path; None when they may."""
        if not authorization.lower().startswith(_BEARER):
            return Refusal(401, "show a token of the cluster: Authorization: Bearer TOKEN")
        try:
            return await self._of_token(authorization[len(_BEARER) :].strip(), path, verb)
        except OpError as error:
            return Refusal(503, f"the API server could not be asked: {error}")

    async def _of_token(self, token: str, path: str, verb: str) -> Refusal | None:
        user = await self.identify(token)
        if user is None:
            return Refusal(401, "the cluster does not know this token")
        if await self.allows(user, {"nonResourceAttributes": {"path": path, "verb": verb}}):
            return None
        return Refusal(403, f"{user.get('username')} may not {verb} {path}")

    async def identify(self, token: str) -> Manifest | None:
        """Return whose token it is, as a TokenReview's `user`; None if the cluster does not know it. Raises OpError."""
        review = await self.client.raw("POST", _TOKENS, body=_review("authentication", "TokenReview", {"token": token}))
        status: Manifest = review.get("status") or {}
        if not status.get("authenticated"):
            return None
        user: Manifest = status.get("user") or {}
        return user

    async def allows(self, user: Manifest, attributes: Manifest) -> bool:
        """Whether somebody whom `identify` told may do what `attributes` say; raises OpError."""
        asked: Manifest = {**attributes, "user": user.get("username", "")}
        asked |= {name: user[name] for name in ("groups", "extra", "uid") if user.get(name)}
        access = await self.client.raw("POST", _ACCESS, body=_review("authorization", "SubjectAccessReview", asked))
        decision: Manifest = access.get("status") or {}
        return bool(decision.get("allowed"))


def _review(group: str, kind: str, spec: Manifest) -> Manifest:
    return {"apiVersion": f"{group}.k8s.io/v1", "kind": kind, "spec": spec}
