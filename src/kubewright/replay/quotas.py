"""Teams' Queues in a replay: what each has of its own, lends and borrows; whose turn it is, and who gives back.

`queues` decides; `turns` asks. A team's own is what its services took at the busiest of the days before, and an equal
part of the rest of the cluster: all of it is lent to whoever needs it, and taken back from who borrows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence

from kubewright.api.crds.queue import Queue, QueueSpec, Quota
from kubewright.api.meta import ObjectKey, ObjectMeta
from kubewright.api.resources import CPU
from kubewright.devices.requests import CORES, GPU
from kubewright.placement.fit import find
from kubewright.placement.policy import Policy
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.queues.charges import charges
from kubewright.queues.reclaim import Claim, pods_of, reclaim
from kubewright.queues.rules import read_queues, write_quota
from kubewright.queues.tree import QuotaTree
from kubewright.queues.turns import Backoffs, History, Turn, Turns
from kubewright.queues.units import Holder, units_of
from kubewright.replay.cluster import Cluster, Member
from kubewright.replay.foreseeing import TARGET
from kubewright.replay.workload import STEP_SECONDS, Application, Day, Request

_ALL = "company"
_LIMITED = (CPU, GPU, CORES)


def queue_of(team: int) -> str:
    """Return the name of a team's Queue."""
    return f"team-{team:02}"


class Quotas:
    """The ledger of all Queues; it hears from the cluster which pods come and go."""

    def __init__(self, day: Day, cluster: Cluster) -> None:
        self._cluster = cluster
        self._amounts: dict[Request, Mapping[str, int]] = {}
        self._tree = QuotaTree(read_queues(queues_of(day, cluster))[0])
        self._turns, self._backoffs = Turns(self._tree, History()), Backoffs()
        cluster.counted = self._count

    def may(self, members: Sequence[Member], now: float) -> bool:
        """Tell whether a team may have these pods, with what it may borrow now."""
        queue = queue_of(members[0].team)
        borrows = self._backoffs.until(queue, now) is None
        return not self._tree.short(queue, self._wanted(members), borrowing=borrows)

    def turn(self, members: Sequence[Member]) -> Turn:
        """Return by what a team's next pods are ranked among those of other teams: the smallest is first."""
        return self._turns.turn(queue_of(members[0].team), self._wanted(members))

    def who_goes(self, members: Sequence[Member], order: int, policy: Policy, now: float) -> list[Member]:
        """Return whom it takes so that these pods have what is theirs: nobody, if that would not do."""
        first, amounts = members[0], self._wanted(members)
        claim = Claim(queue_of(first.team), amounts, first.request.priority, is_back=first.run > 0)
        holders = list(self._holders(claim))
        if not holders:
            return []
        needed: dict[Hashable, int] = {each.owner: each.owner.gang_size for each in self._held(holders)}
        nodes = _Nodes(members, self._cluster, order, policy)
        return self._held(pods_of(reclaim(claim, self._tree, units_of(holders, needed), nodes, now) or ()))

    def hold(self, member: Member, now: float) -> float:
        """Let a team from which something was taken borrow nothing for a while, and return until when."""
        queue = queue_of(member.team)
        self._backoffs.hold(self._tree, queue, now)
        return self._backoffs.until(queue, now) or now

    def _count(self, member: Member, sign: int) -> None:
        self._tree.charge(queue_of(member.team), self._of(member.request), sign)

    def _of(self, request: Request) -> Mapping[str, int]:
        found = self._amounts.get(request)
        if found is None:
            found = self._amounts[request] = _taken(self._cluster, request)
        return found

    def _wanted(self, members: Sequence[Member]) -> Mapping[str, int]:
        amounts = self._of(members[0].request)
        return amounts if len(members) == 1 else {key: len(members) * amount for key, amount in amounts.items()}

    def _holders(self, claim: Claim) -> Iterator[Holder]:
        """Yield the pods that may come into question: less important ones of the team's own, and those that borrow."""
        tree = self._tree
        within = tree.is_within(claim.queue, claim.amounts)
        lends = {
            queue
            for queue in tree
            if within and queue != claim.queue and any(tree.borrowed(queue, key) for key in claim.amounts)
        }
        for node, members in zip(self._cluster.nodes, self._cluster.members, strict=True):
            for key, member in members.items():
                queue, priority = queue_of(member.team), member.request.priority
                if queue in lends or (queue == claim.queue and priority < claim.priority):
                    gang = member.owner if member.owner.gang_size else None
                    amounts = self._of(member.request)
                    yield Holder(key, node.metadata.name, queue, amounts, priority, member.since, gang)

    def _held(self, holders: Sequence[Holder]) -> list[Member]:
        columns = self._cluster.snapshot.table.columns
        return [self._cluster.members[columns[each.node]][each.key] for each in holders]


def queues_of(day: Day, cluster: Cluster) -> Iterator[Queue]:
    """Yield a Queue for each team, and one above them with what cannot be shared out equally."""
    table = cluster.snapshot.table
    there = {key: int(table.allocatable[table.rows[key]].sum()) for key in _LIMITED if key in table.rows}
    own = [Counter[str]() for _ in range(day.teams)]
    for each in day.applications:
        for key, amount in _taken(cluster, each.request).items():
            own[each.team][key] += amount * _busiest(each)
    given: Counter[str] = Counter()
    for team, taken in enumerate(own):
        quotas: list[Quota] = []
        for key, whole in there.items():
            services = sum(each[key] for each in own)
            nominal = taken[key] * min(services, whole) // max(services, 1) + max(whole - services, 0) // day.teams
            given[key] += nominal
            quotas.append(Quota(key, nominal=write_quota(key, nominal)))
        yield _queue(queue_of(team), quotas, _ALL)
    yield _queue(_ALL, [Quota(key, nominal=write_quota(key, whole - given[key])) for key, whole in there.items()])


def _taken(cluster: Cluster, request: Request) -> Mapping[str, int]:
    """Return what a pod takes of what Queues limit."""
    taken = charges(cluster.pod(0, "", request))
    return {key: taken[key] for key in _LIMITED if key in taken}


def _queue(name: str, quotas: Sequence[Quota], parent: str = "") -> Queue:
    return Queue(metadata=ObjectMeta(name=name), spec=QueueSpec(parent=parent, quotas=tuple(quotas)))


def _busiest(application: Application) -> int:
    """Return how many pods it had at the busiest time of the days before."""
    if not application.scaled or not len(application.history):
        return application.replicas
    rate = TARGET * application.rate_per_pod * STEP_SECONDS
    return max(application.replicas, math.ceil(float(application.history.max()) / rate))


class _Nodes:
    """The nodes as they are, for trying what they would be without some pods."""

    def __init__(self, members: Sequence[Member], cluster: Cluster, order: int, policy: Policy) -> None:
        self._members, self._cluster, self._order, self._policy = members, cluster, order, policy
        self._known: dict[frozenset[ObjectKey], frozenset[str] | None] = {}

    def nodes_for(self, without: frozenset[ObjectKey]) -> frozenset[str] | None:
        """Return where the pods would be if some others were gone; None if they would still not fit."""
        if without not in self._known:
            fork = self._cluster.snapshot.fork()
            for key in without:
                fork.forget(key)
            self._known[without] = self._tried(fork)
        return self._known[without]

    def _tried(self, fork: ClusterSnapshot) -> frozenset[str] | None:
        nodes: set[str] = set()
        for member in self._members:
            fit = find(member.pod, fork, self._order, self._policy, self._cluster.closed)
            if fit is None:
                return None
            fork.assume(fit.row, fit.column)
            nodes.add(fit.node)
        return frozenset(nodes)
