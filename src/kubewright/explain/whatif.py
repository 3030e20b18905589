"""What changes would do: the cluster as it would go on by itself, beside how it would go on with them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubewright.api.meta import ObjectKey
from kubewright.api.resources import PODS_RESOURCE
from kubewright.explain.cluster import Cluster
from kubewright.explain.modifications import Modification, modified
from kubewright.explain.sweep import Swept, sweep
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a resource is requested of what all nodes offer: cpu in thousandths, all else in units."""

    requested: int
    offered: int

    @property
    def share(self) -> float:
        """Return the part that is requested."""
        return self.requested / self.offered if self.offered else 0.0


@dataclass(frozen=True, slots=True)
class Effect:
    """The difference between two sweeps."""

    placed: tuple[tuple[ObjectKey, str], ...]
    """Pods that get a node which they would not get, with it."""
    moved: tuple[tuple[ObjectKey, str, str], ...]
    """Pods that have a node now and would be on another: from, to."""
    lost: tuple[tuple[ObjectKey, str], ...]
    """Pods that have a node now, or would get one, and would not: with why, empty if nobody makes them again."""
    evicted: tuple[tuple[ObjectKey, ObjectKey], ...]
    """Pods that would have to go for others, which they would not without the changes: with for whom."""
    waiting: tuple[tuple[ObjectKey, str], ...]
    """Everything that would wait, with why."""
    unmade: tuple[tuple[str, str, int], ...]
    """Pods that no quota would let come to be: namespace, controller, how many."""
    untried: int
    """How many more pods are wanted than were tried."""
    nodes: tuple[int, int]
    uses: tuple[tuple[str, Use, Use], ...]
    """By resource, before and after."""

    @property
    def harms(self) -> bool:
        """Whether a pod would be worse off than without the changes."""
        return bool(self.lost or self.evicted)


def whatif(
    cluster: Cluster, modifications: Sequence[Modification], policy: Policy = SPREAD, then: Policy | None = None
) -> Effect:
    """Rehearse the cluster with the modifications, and `then` in place of the policy; raises OpError."""
    before = sweep(cluster, policy)
    after = sweep(modified(cluster, modifications), then or policy)
    return compare(cluster, before, after)


def compare(cluster: Cluster, before: Swept, after: Swept) -> Effect:
    """Return what is different."""
    now = {pod.key: pod.spec.node_name for pod in cluster.pods if pod.spec.node_name and not pod.is_finished}
    first, then = before.nodes(), after.nodes()
    lost = sorted(key for key in first if key not in then)
    return Effect(
        placed=tuple((key, then[key]) for key in sorted(after.given) if key in then and key not in first),
        moved=tuple((key, now[key], then[key]) for key in sorted(now) if key in then and then[key] != now[key]),
        lost=tuple((key, after.waiting.get(key, "")) for key in lost),
        evicted=tuple((key, by) for key, by in sorted(after.evicted.items()) if key not in before.evicted),
        waiting=tuple(sorted(after.waiting.items())),
        unmade=tuple((*maker, count) for maker, count in sorted(after.unmade.items())),
        untried=after.untried,
        nodes=(len(before.snapshot.table), len(after.snapshot.table)),
        uses=tuple(_uses(before.snapshot, after.snapshot)),
    )


def _uses(before: ClusterSnapshot, after: ClusterSnapshot) -> list[tuple[str, Use, Use]]:
    names = dict.fromkeys((*before.table.resources, *after.table.resources))
    found = ((name, _use(name, before), _use(name, after)) for name in names if name != PODS_RESOURCE)
    return [(name, one, other) for name, one, other in found if one.offered or other.offered]


def _use(name: str, snapshot: ClusterSnapshot) -> Use:
    row = snapshot.table.rows.get(name)
    if row is None:
        return Use(0, 0)
    return Use(int(snapshot.requested[row].sum()), int(snapshot.table.allocatable[row].sum()))
