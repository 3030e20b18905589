"""DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or cannot be reached."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.reading import as_list

NOT_READY = "node.kubernetes.io/not-ready"
_UNREACHABLE = "node.kubernetes.io/unreachable"
_TOLERATED_SECONDS = 300


def complete(attempt: Attempt) -> None:
    """Add what the pod does not tolerate by itself."""
    spec = attempt.spec
    tolerations = as_list(spec.get("tolerations"))
    missing = [key for key in (NOT_READY, _UNREACHABLE) if not any(_tolerates(each, key) for each in tolerations)]
    if missing:
        spec["tolerations"] = [*tolerations, *(_toleration(key) for key in missing)]


def _tolerates(toleration: Manifest, key: str) -> bool:
    return toleration.get("key", "") in {"", key} and toleration.get("effect", "") in {"", "NoExecute"}


def _toleration(key: str) -> Manifest:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATED_SECONDS}
