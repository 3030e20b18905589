"""What a child keeps for as long as it lives, and the spec wants otherwise. Pure.

The API server refuses such a change as a whole, and making the child anew is for people to decide: it is about data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubewright.api.drift import covers
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest


def fixed_fields(manifest: Manifest, live: LiveObject) -> list[str]:
    """Return the fields of a StatefulSet that the manifest wants to be other than they are."""
    wanted = manifest["spec"]
    found: list[str] = []
    if wanted.get("serviceName", "") != live.spec.get("serviceName", ""):
        found.append("serviceName")
    if not _same_claims(wanted.get("volumeClaimTemplates", ()), live.spec.get("volumeClaimTemplates", ())):
        found.append("volumeClaimTemplates")
    return found


def advice(live: LiveObject, fields: Sequence[str]) -> str:
    """Say what can be done about it."""
    return (
        f"StatefulSet {live.key} keeps {' and '.join(fields)} for as long as it lives: set them back, or say "
        f"`kubectl delete statefulset {live.metadata.name} -n {live.metadata.namespace} --cascade=orphan`; it is made "
        "anew, its pods are taken over, and the claims that there are stay as they are"
    )


def _same_claims(wanted: Sequence[Mapping[str, Any]], live: Sequence[Mapping[str, Any]]) -> bool:
    """Whether claims are alike, but for what an API server adds to them."""
    return len(wanted) == len(live) and all(covers(there, one) for one, there in zip(wanted, live, strict=True))
