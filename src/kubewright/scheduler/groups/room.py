"""Making room for a pod or a gang by taking units away: the cluster as `queues.reclaim` tries it. Changes nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.meta import EMPTY, ObjectKey
from kubewright.api.policy import PodDisruptionBudget
from kubewright.placement.fit import Fit
from kubewright.placement.gang import Group, GroupFit, fit_group
from kubewright.placement.policy import Policy
from kubewright.placement.snapshot import ClusterSnapshot, Placed
from kubewright.placement.victims import NOT_STARTED, covers, started
from kubewright.queues.reclaim import Claim, pods_of, reclaim
from kubewright.queues.units import Holder, Unit, units_of
from kubewright.scheduler.groups.admission import Admission
from kubewright.scheduler.groups.gangs import Gangs
from kubewright.scheduler.groups.reading import GangKey, gang_of


@dataclass(frozen=True, slots=True)
class MadeRoom:
    """Who goes, and where each pod of the claimant would then be."""

    units: tuple[Unit, ...]
    victims: tuple[Pod, ...]
    fits: tuple[Fit, ...]


@dataclass(slots=True)
class RoomMaker:
    """Finds whom it takes to make room."""

    admission: Admission
    gangs: Gangs
    policy: Policy
    next_at: float | None = None
    """When somebody may be taken who has only just begun."""

    def make(
        self,
        claim: Claim,
        group: Group,
        snapshot: ClusterSnapshot,
        *,
        budgets: Iterable[PodDisruptionBudget],
        order: int,
        now: float,
    ) -> MadeRoom | None:
        """Return what makes room for a group; None if nothing that may be taken would do."""
        listed = tuple(budgets)
        nodes = snapshot.table.nodes
        holders = [
            self._holder(placed.row.pod, nodes[placed.column].metadata.name, amounts, listed, now)
            for placed, amounts in self._candidates(claim, snapshot)
            if not placed.row.pod.is_terminating
        ]
        if not holders:
            return None
        room = _Nodes(group, snapshot, order, self.policy)
        room.without(self.admission.leaving)
        units = reclaim(claim, self.admission.tree, units_of(holders, self._needed(holders)), room, now)
        if not units:
            self._note_too_young(holders, now)
            return None
        keys = frozenset(pod.key for pod in pods_of(units))
        victims = tuple(snapshot.placed[key].row.pod for key in sorted(keys))
        return MadeRoom(units, victims, room.fits(keys))

    def _candidates(self, claim: Claim, snapshot: ClusterSnapshot) -> Iterator[tuple[Placed, Mapping[str, int]]]:
        """Yield the pods that may come into question at all: of the claimant's tree, or of a lower priority."""
        tree, charged = self.admission.tree, self.admission.charged
        if claim.queue:
            root = tree.path(claim.queue)[0]
            for key, (queue, amounts) in charged.items():
                placed = snapshot.placed.get(key)
                if placed is not None and queue in tree and tree.path(queue)[0] == root:
                    yield placed, amounts
            return
        for key, placed in snapshot.placed.items():
            if placed.row.priority < claim.priority:
                yield placed, charged[key][1] if key in charged else EMPTY

    def _holder(
        self, pod: Pod, node: str, amounts: Mapping[str, int], budgets: Iterable[PodDisruptionBudget], now: float
    ) -> Holder:
        gang, since = gang_of(pod), started(pod)
        return Holder(
            pod.key,
            node,
            self.admission.queue_of(pod.metadata.namespace),
            amounts,
            pod.spec.priority,
            now if since == NOT_STARTED else since,
            gang if gang is not None and self.gangs.read(gang) is not None else None,
            any(covers(each, pod) and each.status.disruptions_allowed <= 0 for each in budgets),
        )

    def _note_too_young(self, holders: Iterable[Holder], now: float) -> None:
        """Remember when the next of them has run for as long as its queue asks for."""
        tree = self.admission.tree
        ends = (each.since + tree.rules(each.queue).minimum_runtime_seconds for each in holders if each.queue in tree)
        self.next_at = min((end for end in ends if end > now), default=self.next_at)

    def _needed(self, holders: Iterable[Holder]) -> dict[Hashable, int]:
        gangs = {each.gang for each in holders if isinstance(each.gang, GangKey)}
        return {key: gang.needed for key in sorted(gangs) if (gang := self.gangs.read(key)) and not gang.problem}


class _Nodes:
    """The nodes as they are, for trying what they would be without some pods."""

    def __init__(self, group: Group, snapshot: ClusterSnapshot, order: int, policy: Policy) -> None:
        self._group = group
        self._order = order
        self._policy = policy
        self._base = snapshot.fork()
        for pod in group.pods:
            self._base.break_promise(pod.key)
        self._known: dict[frozenset[ObjectKey], tuple[Fit, ...]] = {}

    def without(self, leaving: Iterable[ObjectKey]) -> None:
        """Take pods off that make room for others: these are promised the room, and hold it themselves."""
        for key in leaving:
            self._base.forget(key)

    def nodes_for(self, without: frozenset[ObjectKey]) -> frozenset[str] | None:
        """Return where the group would be if some pods were gone; None if it would still not fit."""
        fits = self.fits(without)
        return frozenset(each.node for each in fits) if fits else None

    def fits(self, without: frozenset[ObjectKey]) -> tuple[Fit, ...]:
        """Return where each pod would be; nothing if they would not fit."""
        if without not in self._known:
            fork = self._base.fork()
            for key in without:
                fork.forget(key)
            found = fit_group(self._group, fork, self._order, self._policy)
            self._known[without] = found.fits if isinstance(found, GroupFit) else ()
        return self._known[without]
