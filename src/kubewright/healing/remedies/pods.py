"""Making pods anew. Pure."""

from __future__ import annotations

from kubewright.api.core import PODS, Pod
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.api.plan import Evict, Plan
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.seen import Seen

PODS_SEPARATOR = ","


def names_in(finding: Finding) -> list[str]:
    """Return the names of the pods that a finding names."""
    return [name for name in finding.details.get("pods", "").split(PODS_SEPARATOR) if name]


def pods_named(finding: Finding, seen: Seen) -> list[Pod]:
    """Return those of them that are there."""
    found = (seen.get(PODS, ObjectKey(finding.about.key.namespace, name)) for name in names_in(finding))
    return [pod for pod in found if pod is not None]


def evict(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have the pods that a finding names made anew, wherever there is a place; namesakes that came since stay."""
    del now
    ill = [pod for pod in pods_named(finding, seen) if pod.metadata.created_at <= finding.since]
    left = [pod for pod in ill if not pod.is_terminating and controller_of(pod) is not None]
    if not left and any(controller_of(pod) is None for pod in ill):
        return None  # nobody would make them anew
    actions = tuple(Evict(PODS, pod.key, pod.metadata.uid) for pod in left)
    return Plan(actions, f"make {', '.join(names_in(finding))} anew")


RECREATE = Remedy("make its pods anew", Safety.LOCAL, evict, within_seconds=60.0)
RECREATE_IN_TIME = Remedy("make its pods anew", Safety.LOCAL, evict, within_seconds=60.0, waits_seconds=15.0)
"""What comes back by itself is let."""
