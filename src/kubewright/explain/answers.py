"""What is answered about one target: each pod of it that waits, and what keeps more of them from coming to be. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.meta import controller_of, parse_time
from kubewright.explain.cluster import Cluster
from kubewright.explain.line import Place, place_of, waits
from kubewright.explain.missing import missing
from kubewright.explain.quotas import Shortage, shortages
from kubewright.explain.targets import pods_under
from kubewright.explain.why import Explanation, explain
from kubewright.placement.policy import SPREAD, Policy

EXPLAINED_AT_MOST = 20
"""Pods that are alike wait alike: more than these are only counted."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pod without a node, explained."""

    pod: Pod
    explanation: Explanation
    place: Place | None
    seconds: float
    """For how long it has waited."""


@dataclass(frozen=True, slots=True)
class Unmade:
    """Pods that a controller cannot make for want of quota."""

    owner: str
    count: int
    shortages: tuple[Shortage, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything about one target."""

    placed: tuple[Pod, ...]
    waiting: tuple[Waiting, ...]
    unexplained: int = 0
    """How many more wait."""
    unmade: tuple[Unmade, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing waits for a node, or for being made."""
        return not self.waiting and not self.unmade


def about_pod(pod: Pod, cluster: Cluster, now: float, policy: Policy = SPREAD) -> Answer:
    """Answer for a single pod."""
    return _answer([pod], (), cluster, now, policy)


def about_owner(uid: str, cluster: Cluster, now: float, policy: Policy = SPREAD) -> Answer:
    """Answer for all pods that an object owns, itself or through what it owns."""
    pods = pods_under(uid, cluster.pods, cluster.owners)
    return _answer(pods, _unmade(uid, cluster), cluster, now, policy)


def _answer(pods: Iterable[Pod], unmade: Iterable[Unmade], cluster: Cluster, now: float, policy: Policy) -> Answer:
    listed = sorted(pods, key=lambda each: each.key)
    waiting = [pod for pod in listed if waits(pod)]
    placed = tuple(pod for pod in listed if not waits(pod))
    explained: list[Waiting] = []
    if waiting:
        situation = cluster.situation(now, policy)
        for pod in waiting[:EXPLAINED_AT_MOST]:
            created = pod.metadata.creation_timestamp
            waited = 0.0 if created is None else max(0.0, now - parse_time(created))
            explained.append(Waiting(pod, explain(pod, situation), place_of(pod, cluster.pods), waited))
    return Answer(placed, tuple(explained), len(waiting) - len(explained), tuple(unmade))


def _unmade(uid: str, cluster: Cluster) -> Iterable[Unmade]:
    owners = {each.metadata.uid: controller_of(each) for each in (*cluster.makers, *cluster.jobs.values())}
    for each in missing(cluster):
        owner = controller_of(each.owner)
        above = None if owner is None else owners.get(owner.uid)
        chain = {each.owner.metadata.uid, "" if owner is None else owner.uid, "" if above is None else above.uid}
        short = tuple(shortages(each.pod, cluster.quotas))
        if uid in chain and short:
            yield Unmade(str(each), each.count, short)
