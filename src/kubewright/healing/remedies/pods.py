"""Making pods anew. Pure."""

from __future__ import annotations

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.api.plan import Evict, Plan
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.seen import Seen

PODS_SEPARATOR = ","


def evict(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have the pods that a finding names made anew, wherever there is a place; namesakes that came since stay."""
    del now
    named = [name for name in finding.details.get("pods", "").split(PODS_SEPARATOR) if name]
    found = [seen.get(PODS, ObjectKey(finding.about.key.namespace, name)) for name in named]
    ill = [pod for pod in found if pod is not None and pod.metadata.created_at <= finding.since]
    left = [pod for pod in ill if not pod.is_terminating and controller_of(pod) is not None]
    if named and not left and any(controller_of(pod) is None for pod in ill):
        return None  # nobody would make them anew
    actions = tuple(Evict(PODS, pod.key, pod.metadata.uid) for pod in left)
    return Plan(actions, f"make {', '.join(named)} anew")


RECREATE = Remedy("make its pods anew", Safety.LOCAL, evict, within_seconds=60.0)
RECREATE_IN_TIME = Remedy("make its pods anew", Safety.LOCAL, evict, within_seconds=60.0, waits_seconds=15.0)
"""What comes back by itself is let."""
