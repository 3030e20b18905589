"""What is answered about one target: each pod of it that waits, and what keeps more of them from coming to be. Pure."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable
from dataclasses import dataclass

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod, PodSpec
from kubewright.api.meta import parse_time, rfc3339
from kubewright.explain.cluster import Cluster
from kubewright.explain.eta import Arrivals, Eta, Outlook, eta
from kubewright.explain.line import Place, in_line, place_of, waits
from kubewright.explain.missing import missing
from kubewright.explain.pace import waits_of
from kubewright.explain.quotas import Shortage, shortages
from kubewright.explain.runtimes import RunTimes, ends
from kubewright.explain.targets import leads_to, owners_of, pods_under
from kubewright.explain.teams import Held, Teams
from kubewright.explain.why import Explanation, Situation, explain
from kubewright.placement.policy import SPREAD, Policy

FORETOLD_AT_MOST = 3
ARRIVALS_SECONDS = 3600.0
SEED = 0
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
    eta: Eta | None = None
    """When it will start; None for one that never can as things are, or that is not in line."""
    held: Held | None = None
    """What its queue lacks for it."""

    @property
    def told(self) -> str:
        """Return what its scheduler says on its condition: quotas and gangs are known to the scheduler alone."""
        return _told(self.pod)


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
        situation, teams = cluster.situation(now, policy), Teams(cluster)

        @functools.cache
        def outlook(scheduler: str) -> Outlook:
            return _outlook(scheduler, cluster, situation, now)

        for pod in waiting[:EXPLAINED_AT_MOST]:
            created = pod.metadata.creation_timestamp
            waited = 0.0 if created is None else max(0.0, now - parse_time(created))
            found, place = explain(pod, situation), place_of(pod, cluster.pods)
            when = None
            if (
                place is not None
                and found.diagnosis is not None
                and not found.impossible
                and len(explained) < FORETOLD_AT_MOST
            ):
                when = eta(pod, outlook(pod.spec.scheduler_name), now, random.Random(SEED))  # noqa: S311  draws
            explained.append(Waiting(pod, found, place, waited, when, _held(pod, teams)))
    return Answer(placed, tuple(explained), len(waiting) - len(explained), tuple(unmade))


def _told(pod: Pod) -> str:
    condition = find_condition(pod.status.conditions, "PodScheduled")
    return condition.message if condition is not None and condition.status == "False" else ""


def _held(pod: Pod, teams: Teams) -> Held | None:
    """Return what a pod's queue lacks for it; kube-scheduler heeds no queues, unless ours has its place and says so."""
    heeds = pod.spec.scheduler_name != PodSpec().scheduler_name or "queue " in _told(pod)
    return teams.held(pod) if heeds else None


def _outlook(scheduler: str, cluster: Cluster, situation: Situation, now: float) -> Outlook:
    """Return what pods of one scheduler have before them."""
    times = RunTimes.of(cluster.pods)
    certain = tuple(each for each in situation.endings if each.certain)
    line, came = in_line(cluster.pods, scheduler), _arrivals(cluster, now)
    waits = waits_of(cluster.pods, scheduler, now)
    return Outlook(situation.snapshot, line, times, certain, came, situation.policy, waits)


def _arrivals(cluster: Cluster, now: float) -> Arrivals:
    """Return who came in the last hour, and ends by itself: what serves for ever comes when somebody deploys it."""
    ages = ((now - parse_time(pod.metadata.creation_timestamp or rfc3339(now)), pod) for pod in cluster.pods)
    came = tuple(pod for age, pod in ages if 0 < age <= ARRIVALS_SECONDS and ends(pod))
    return Arrivals(came, ARRIVALS_SECONDS)


def _unmade(uid: str, cluster: Cluster) -> Iterable[Unmade]:
    owners = owners_of(cluster.owners)
    for each in missing(cluster):
        if not leads_to(each.owner.metadata.uid, uid, owners):
            continue
        short = tuple(shortages(each.pod, cluster.quotas))
        if short:
            yield Unmade(str(each), each.count, short)
