"""What the account that a client acts as may do, as its cluster says; of others `runtime.diagnostics` asks."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.client.protocol import Client

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
