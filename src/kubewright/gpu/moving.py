"""Making room for MIG instances that no idle node can be cut for: which node is emptied at the least cost. Pure.

One node of a pool at a time. All of its pods with GPUs must be such as somebody makes anew, no more important than who
waits, and find the instances that they have free on other nodes; budgets must let all of them go. The cheapest is the
one with the fewest pods to move, then with the least memory in their instances. Nothing on it changes until it is
empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.core import PODS, Node, Pod
from kubewright.api.crds.gpupolicy import GPUPolicy
from kubewright.api.plan import Evict
from kubewright.api.policy import PodDisruptionBudget
from kubewright.api.resources import pod_request
from kubewright.devices.mig import Geometry, geometry_of, profile_of
from kubewright.devices.requests import PRODUCT, VENDOR
from kubewright.disruption.budget import Allowance
from kubewright.gpu.configs import DRAINING


@dataclass(frozen=True, slots=True)
class Occupied:
    """A node that could be emptied, and its pods with GPUs."""

    node: Node
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """The node that is being emptied, and who is told to go now."""

    node: str
    evictions: tuple[Evict, ...]


def next_move(
    policy: GPUPolicy,
    occupied: Sequence[Occupied],
    free: Mapping[str, Counter[str]],
    missing: Counter[str],
    *,
    waiting: Iterable[Pod],
    budgets: Sequence[PodDisruptionBudget],
) -> Move | None:
    """Return the node to empty for what is missing, one that was begun with first; None if none is worth it.

    `free` has the instances that nobody has, by node.
    """
    most = policy.spec.migration_budget
    if not missing or not most:
        return None
    begun = next((each for each in occupied if DRAINING in each.node.metadata.annotations), None)
    if begun is not None:
        left = [pod for pod in begun.pods if not pod.is_terminating]
        may_go = Allowance(budgets, most).spend(left)  # else its budgets have to let them first
        return Move(begun.node.metadata.name, _evictions(left) if may_go else ())
    importance = max((pod.spec.priority for pod in waiting if set(instances([pod])) & set(missing)), default=0)
    everywhere = sum(free.values(), Counter[str]())
    candidates: list[tuple[tuple[int, int], Occupied]] = []
    for each in occupied:
        elsewhere = everywhere - free.get(each.node.metadata.name, Counter[str]())
        cost = _cost(policy, each, elsewhere, missing, importance)
        if cost is not None and Allowance(budgets, most).spend(each.pods):
            candidates.append((cost, each))
    if not candidates:
        return None
    _, best = min(candidates, key=lambda one: (one[0], one[1].node.metadata.name))
    return Move(best.node.metadata.name, _evictions(best.pods))


def instances(pods: Iterable[Pod]) -> Counter[str]:
    """Return how many instances of each profile pods have, or want."""
    total: Counter[str] = Counter()
    for pod in pods:
        for resource, amount in pod_request(pod).items():
            profile = profile_of(resource)
            if profile is not None:
                total[profile] += amount
    return total


def _cost(
    policy: GPUPolicy, each: Occupied, elsewhere: Counter[str], missing: Counter[str], importance: int
) -> tuple[int, int] | None:
    """Return what emptying a node costs: pods and memory slices to move; None where it may not, or need not, be."""
    geometry = geometry_of(each.node.metadata.labels.get(PRODUCT, ""))
    if geometry is None or not _serves(policy, geometry, missing):
        return None
    if any(pod.spec.priority > importance or pod.is_terminating or not _has_instances(pod) for pod in each.pods):
        return None
    taken = instances(each.pods)
    if taken - elsewhere:
        return None  # they would find no room
    return len(each.pods), sum(geometry.profiles[name].size * count for name, count in taken.items())


def _serves(policy: GPUPolicy, geometry: Geometry, missing: Counter[str]) -> bool:
    """Tell whether an empty GPU of the model could be cut for any of what is missing."""
    allowed = {each.name for each in policy.spec.profiles}
    return any(name in allowed and geometry.places(name, frozenset()) for name in missing)


def _has_instances(pod: Pod) -> bool:
    """Tell whether all that a pod has of NVIDIA's are MIG instances: else nobody knows where else it could be."""
    return all(profile_of(resource) for resource in pod_request(pod) if resource.startswith(VENDOR))


def _evictions(pods: Iterable[Pod]) -> tuple[Evict, ...]:
    return tuple(Evict(PODS, pod.key, pod.metadata.uid) for pod in sorted(pods, key=lambda each: each.key))
