"""More room for what reached its limit: memory of containers where they run, and volumes. Pure."""

from __future__ import annotations

from kubewright.api.core import PODS, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.plan import Patch, Plan, Resize
from kubewright.api.quantity import value
from kubewright.api.resources import STORAGE, write_amount
from kubewright.api.volumes import CLAIMS, STORAGE_CLASSES
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.remedies.pods import names_in, pods_named
from kubewright.healing.remedies.releases import keeper_of
from kubewright.healing.seen import Seen

GROWTH = 1.5
NOISE_SHARE = 0.25
"""Of a node's CPU is left to who has taken most of it."""
MOST_GROWTH = 4.0
"""Of a container, over what its owner chose: who needs more does not need more memory."""


def resize(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Give the containers that were killed half as much memory again, where they run."""
    del now
    container = finding.part or finding.details.get("container", "")
    pods = pods_named(finding, seen)
    wanted = int(finding.details.get("memory", "0"))
    if not pods or not wanted or not container:
        return None
    actions = [action for pod in pods if (action := _resized(pod, container, wanted)) is not None]
    return Plan(tuple(actions), f"container {container} was killed for want of memory")


def _resized(pod: Pod, name: str, wanted: int) -> Resize | None:
    own = next((each for each in pod.spec.containers if each.name == name), None)
    if own is None or pod.is_terminating or value(own.resources.limits.get("memory", 0)) >= wanted:
        return None
    amount = write_amount("memory", wanted)
    return Resize(PODS, pod.key, pod.metadata.uid, name, {"memory": amount}, {"memory": amount})


def limit_cpu(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Give the pods that take the CPU of others a limit, where they have none by their owner's will."""
    del now
    container, cores = finding.details.get("container", ""), finding.details.get("cores", "")
    pods = pods_named(finding, seen)
    if not pods or not container or not cores:
        return None
    free = [each for each in pods if not each.is_terminating and not _has_cpu_limit(each, container)]
    actions = tuple(Resize(PODS, each.key, each.metadata.uid, container, {}, {"cpu": cores}) for each in free)
    return Plan(actions, f"{', '.join(names_in(finding))} must leave others of its node their CPU")


def _has_cpu_limit(pod: Pod, name: str) -> bool:
    return any("cpu" in each.resources.limits for each in pod.spec.containers if each.name == name)


def expand(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Let a full claim have half as much again, if its class lets volumes grow."""
    del now
    claim = seen.get(CLAIMS, finding.about.key)
    kind = seen.get(STORAGE_CLASSES, ObjectKey("", claim.storage_class)) if claim is not None else None
    if claim is None or kind is None or not kind.allow_volume_expansion or keeper_of(claim):
        return None
    wanted = int(finding.details["wanted"])
    if claim.size_bytes >= wanted:
        return Plan((), f"{finding.about} is being grown")
    path = f"/spec/resources/requests/{STORAGE}"
    grow = {"op": "replace", "path": path, "value": write_amount(STORAGE, wanted)}
    action = Patch(CLAIMS, claim.key, claim.metadata.uid, (grow,), f"grow to {write_amount(STORAGE, wanted)}")
    return Plan((action,), f"{finding.about} is full")


LIMIT_CPU = Remedy("limit its CPU", Safety.LOCAL, limit_cpu, within_seconds=90.0)
RESIZE = Remedy("give it more memory", Safety.LOCAL, resize, within_seconds=60.0)
EXPAND = Remedy("grow the volume", Safety.LOCAL, expand, within_seconds=120.0)
