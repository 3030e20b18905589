"""What changes would do: the cluster as it would go on by itself, beside how it would go on with them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.resources import PODS_RESOURCE
from kubewright.explain.amounts import quantity
from kubewright.explain.cluster import Cluster
from kubewright.explain.modifications import Modification, modified
from kubewright.explain.rehearsal import Outcome, rehearse
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
    """The difference between two outcomes."""

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
    unmade: tuple[tuple[str, int], ...]
    """Pods that no quota would let come to be, by controller."""
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
    before = rehearse(cluster, policy)
    after = rehearse(modified(cluster, modifications), then or policy)
    return compare(cluster, before, after)


def compare(cluster: Cluster, before: Outcome, after: Outcome) -> Effect:
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
        unmade=tuple(sorted(after.unmade.items())),
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


def document(effect: Effect) -> Manifest:
    """Return an effect as a document, for programs."""
    return {
        "apiVersion": "kubewright.dev/v1alpha1",
        "kind": "Effect",
        "harms": effect.harms,
        "nodes": {"before": effect.nodes[0], "after": effect.nodes[1]},
        "placed": [{"pod": str(key), "node": node} for key, node in effect.placed],
        "moved": [{"pod": str(key), "from": old, "to": new} for key, old, new in effect.moved],
        "lost": [{"pod": str(key), "why": why} for key, why in effect.lost],
        "evicted": [{"pod": str(key), "by": str(by)} for key, by in effect.evicted],
        "waiting": [{"pod": str(key), "why": why} for key, why in effect.waiting],
        "unmade": [{"owner": owner, "count": count} for owner, count in effect.unmade],
        "utilisation": [
            {"resource": name, "before": _said(name, before), "after": _said(name, after)}
            for name, before, after in effect.uses
        ],
    }


def _said(name: str, use: Use) -> Manifest:
    return {
        "requested": quantity(name, use.requested),
        "offered": quantity(name, use.offered),
        "share": round(use.share, 4),
    }
