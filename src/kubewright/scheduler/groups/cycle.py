"""The turn of a pod that has a gang or a queue: its gang is decided as a whole, and only within the queue's quota.

    pop -> its gang's other pods -> quota -> place all on a fork -> book all
    too few pods, or no quota, or no room -> whom does it take? -> wait

A pod with neither takes its turn as ever; it pushes no gang apart, though.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.meta import rfc3339
from kubewright.devices.requests import PRODUCT
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import Fit
from kubewright.placement.gang import ANYWHERE, Group, GroupFit, GroupRefusal, Together, fit_group, outside
from kubewright.placement.preempt import NoPreemption, Preemption
from kubewright.queues.charges import summed
from kubewright.queues.reclaim import Claim
from kubewright.scheduler.cycle import Cycle, Outcome, Refusal
from kubewright.scheduler.groups.admission import PROMISE_SECONDS, Admission, Promise
from kubewright.scheduler.groups.comebacks import Comebacks
from kubewright.scheduler.groups.gangs import Gangs
from kubewright.scheduler.groups.reading import Gang
from kubewright.scheduler.groups.room import MadeRoom, RoomMaker
from kubewright.scheduler.news import GANG, QUOTA, refusers
from kubewright.scheduler.queue import QueuedPod, SchedulingQueue
from kubewright.scheduler.state import ClusterState

LOWEST_PRIORITY = -(2**31)
HOPELESS_SECONDS, HOPELESS_KEPT = 5.0, 1024
"""For how long, unless pods come or go, nobody looks again for room that was not there for such a claimant."""
_NOWHERE = Diagnosis(0)
_NOBODY = NoPreemption(0, problem="nobody may be pushed aside for it.")
_WAITS = NoPreemption(0, problem="waiting for pods to end that make room.")


@dataclass(frozen=True, slots=True)
class _Party:
    """Pods that are decided together: a gang's, or one by itself."""

    name: str
    """What is said of them; empty for a single pod."""
    claimant: Hashable
    queued: tuple[QueuedPod, ...]
    n_needed: int
    queue: str
    gang: Gang | None = None
    together: Together = ANYWHERE

    @property
    def pods(self) -> tuple[Pod, ...]:
        return tuple(each.pod for each in self.queued)


class GroupCycle:
    """Decides about the pod whose turn it is, and about all that are decided with it."""

    def __init__(
        self, cycle: Cycle, state: ClusterState, queue: SchedulingQueue, admission: Admission, gangs: Gangs
    ) -> None:
        self._cycle = cycle
        self._state = state
        self._queue = queue
        self._admission = admission
        self._gangs = gangs
        self.rooms = RoomMaker(admission, gangs, cycle.policy)
        self.comebacks = Comebacks()
        self._refused: dict[tuple[object, ...], tuple[float, int]] = {}
        self._hopeless: dict[tuple[object, ...], tuple[int, float]] = {}

    def decide(self, queued: QueuedPod, now: float) -> Sequence[Outcome]:
        """Return what becomes of a pod, and of those that are decided with it."""
        gang = self._gangs.of(queued.pod)
        queue = self._admission.queue_of(queued.pod.metadata.namespace)
        if gang is None and not queue:
            return (self._by_itself(queued, now),)
        if gang is None:
            if self._is_hopeless(queued, queue, now):
                self._queue.wait_for(queued, queued.refused_by, now)
                return ()
            return self._decide(_Party("", queued.key, (queued,), 1, queue), now)
        problem = gang.problem or self._not_yet(gang, now)
        if problem:
            return (_held(queued, f"gang {gang.key}: {problem}", GANG, now),)
        party = self._party(gang, queued, queue)
        try:
            return self._decide(party, now)
        except Exception:
            for each in party.queued:  # the others were taken out of their turns for it
                self._state.forget(each.key)
                if each is not queued:
                    self._queue.back_off(each, now)
            raise

    def like(self, pod: Pod) -> Hashable:
        """Return what pods share that wait for the same quota: a gang waits as one."""
        gang = self._gangs.of(pod)
        return self._admission.queue_of(pod.metadata.namespace), gang.key if gang is not None else None

    def advice(self, pod: Pod) -> str:
        """Return what would let the pod's queue have what it takes, with the others of its gang; nothing if it may."""
        queue, gang = self._admission.queue_of(pod.metadata.namespace), self._gangs.of(pod)
        if not queue:
            return ""
        pods = (pod,) if gang is None else self._gangs.waiting(gang.key)[: max(self._gangs.missing(gang), 1)]
        return self._admission.advice(queue, summed(map(self._admission.amounts, pods)), divisible=gang is None)

    def _is_hopeless(self, queued: QueuedPod, queue: str, now: float) -> bool:
        """Tell whether a pod that waits for its quota has been told so, and one like it was refused just now."""
        if QUOTA not in queued.refused_by or len(queued.refused_by) > 1:
            return False
        until, changes = self._refused.get(self._kind(queued, queue), (0.0, -1))
        return now < until and changes == self._admission.tree.changes

    def _kind(self, queued: QueuedPod, queue: str) -> tuple[object, ...]:
        return queue, queued.pod.spec.priority, tuple(self._admission.request(queued).items())

    def _by_itself(self, queued: QueuedPod, now: float) -> Outcome:
        """Let a pod have its turn that has neither gang nor queue: it may push gangs aside, but only whole ones."""
        found = self._cycle.fit(queued.pod)
        if isinstance(found, Fit):
            return self._cycle.book(queued, found, now)
        refusal = self._cycle.refuse(queued, found, now, spared=self._gangs.members)
        if not self._gangs.members or found.problem or not isinstance(refusal.preemption, NoPreemption):
            return refusal
        if refusal.preemption.problem:
            return refusal
        party = _Party("", queued.key, (queued,), 1, "")
        (again,) = self._refuse(party, [found], "", now)
        return again if isinstance(again, Refusal) and isinstance(again.preemption, Preemption) else refusal

    def _not_yet(self, gang: Gang, now: float) -> str:
        """Say why a gang is not tried now."""
        n_waiting, missing = len(self._gangs.waiting(gang.key)), self._gangs.missing(gang)
        if n_waiting < missing:
            return f"waits for more pods: {gang.needed} run together or none, {missing - n_waiting} are missing"
        not_before = self._gangs.not_before(gang.key)
        if now < not_before:
            return f"was not whole by its deadline and gave back what it had; tried again at {rfc3339(not_before)}"
        return ""

    def _party(self, gang: Gang, queued: QueuedPod, queue: str) -> _Party:
        waiting = [pod.key for pod in self._gangs.waiting(gang.key)]
        others = {each.key: each for each in self._queue.take(key for key in waiting if key != queued.key)}
        others[queued.key] = queued
        members = tuple(others[key] for key in waiting if key in others)
        key = gang.together.key
        domains = {self._domain(pod, key) for pod in self._gangs.placed(gang.key)} if key else set[str]()
        together = Together(key, gang.together.required, frozenset(domains - {""}))
        n_needed = min(self._gangs.missing(gang), len(members))
        return _Party(f"gang {gang.key}: ", gang.key, members, n_needed, queue, gang, together)

    def _domain(self, pod: Pod, key: str) -> str:
        placed, table = self._state.snapshot.placed.get(pod.key), self._state.snapshot.table
        return table.nodes[placed.column].metadata.labels.get(key, "") if placed is not None else ""

    def _decide(self, party: _Party, now: float) -> Sequence[Outcome]:
        promise = self._admission.release(party.claimant)
        party, over = self._within_quota(party, now)
        if not party.queued:
            return self._over_quota(over, promise, now)
        narrowed = self._narrowed(party)
        found = self._fit(party, narrowed)
        rest = self._over_quota(over, None, now, reclaims=False)
        if isinstance(found, GroupFit) and found.fits:
            return (*self._booked(party, found, now), *rest)
        if isinstance(found, GroupFit):
            diagnoses, words = [each for _, each in found.left_over], ""
        else:
            diagnoses, words = [found.diagnosis] * len(party.queued), f"{party.name}{found}" if party.name else ""
        if promise is not None and self._admission.is_awaited(promise, now):
            self._admission.promise(party.claimant, promise)
            return (*self._awaiting(party, diagnoses, words, now), *rest)
        return (*self._refuse(party, diagnoses, words, now), *rest)

    def _fit(self, party: _Party, narrowed: Sequence[Pod]) -> GroupFit | GroupRefusal:
        """Find nodes for a party; a pod by itself needs no fork."""
        if party.gang is not None:
            group = Group(tuple(narrowed), party.n_needed, party.together)
            return fit_group(group, self._state.snapshot, self._cycle.order(), self._cycle.policy)
        (pod,) = narrowed
        found = self._cycle.fit(pod)
        return GroupFit((found,)) if isinstance(found, Fit) else GroupFit((), ((pod, found),))

    def _within_quota(self, party: _Party, now: float) -> tuple[_Party, _Party | None]:
        """Return as many of a party as its queue may have, if these are enough, and the others."""
        if not party.queue:
            return party, None
        total: dict[str, int] = {}
        n_within = 0
        for queued in party.queued:
            for key, amount in self._admission.request(queued).items():
                total[key] = total.get(key, 0) + amount
            if self._admission.refusal(party.queue, total, now):
                break
            n_within += 1
        if n_within == len(party.queued):
            return party, None
        if n_within < max(party.n_needed, 1):
            return _part(party, 0, 0), party
        return _part(party, 0, n_within), _part(party, n_within, len(party.queued))

    def _over_quota(
        self, party: _Party | None, promise: Promise | None, now: float, *, reclaims: bool = True
    ) -> Sequence[Outcome]:
        """Say what a queue lacks for a party, and take it back from others if they owe it."""
        if party is None:
            return ()
        tree = self._admission.tree
        words = party.name + self._admission.words(party.queue, self._amounts(party), now)
        if promise is not None and self._admission.is_awaited(promise, now):
            self._admission.promise(party.claimant, promise)
            return tuple(_held(each, words, QUOTA, now, _WAITS) for each in party.queued)
        room = self._room(party, now) if reclaims else None
        if room is None:
            if party.gang is None:
                if len(self._refused) >= HOPELESS_KEPT:
                    self._refused.clear()
                self._refused[self._kind(party.queued[0], party.queue)] = now + HOPELESS_SECONDS, tree.changes
            return tuple(_held(each, words, QUOTA, now) for each in party.queued)
        return self._promised(party, room, [_NOWHERE] * len(party.queued), words, now)

    def _narrowed(self, party: _Party) -> tuple[Pod, ...]:
        """Return the pods as they may be placed: not where a model of GPU is of which the queue has none left."""
        if not party.queue:
            return party.pods
        used_up = self._admission.models_used_up(party.queue, self._amounts(party))
        return tuple(outside(pod, PRODUCT, used_up) for pod in party.pods) if used_up else party.pods

    def _booked(self, party: _Party, found: GroupFit, now: float) -> Sequence[Outcome]:
        queued = {each.key: each for each in party.queued}
        snapshot = self._state.snapshot
        deadline = self._gangs.deadline(party.gang, now) if party.gang is not None else None
        outcomes: list[Outcome] = []
        if party.gang is not None:
            self._gangs.took([queued[each.row.key].pod for each in found.fits], party.gang, now)
        for each in found.fits:
            pod = queued[each.row.key].pod
            chosen = Fit(snapshot.row(pod), each.column, each.node)
            outcomes.append(self._cycle.book(queued[pod.key], chosen, now, deadline))
            self._admission.took(pod, each.node)
            self.comebacks.placed(pod)
        left = [(queued[pod.key], diagnosis) for pod, diagnosis in found.left_over]
        outcomes += [Refusal(each, each.pod, diagnosis, None, now) for each, diagnosis in left]
        return outcomes

    def _refuse(self, party: _Party, diagnoses: list[Diagnosis], words: str, now: float) -> Sequence[Outcome]:
        """Say why a party fits nowhere, and make room for it where others have to give way."""
        room = None
        if not any(each.problem for each in diagnoses) or party.name:
            room = self._room(party, now)
        if room is None:
            return tuple(
                Refusal(each, each.pod, diagnosis, None if diagnosis.problem else _NOBODY, now, words, by)
                for each, diagnosis in zip(party.queued, diagnoses, strict=True)
                for by in (_by(party, diagnosis),)
            )
        return self._promised(party, room, diagnoses, words, now)

    def _awaiting(self, party: _Party, diagnoses: list[Diagnosis], words: str, now: float) -> Sequence[Outcome]:
        return tuple(
            Refusal(each, each.pod, diagnosis, _WAITS, now, words, _by(party, diagnosis))
            for each, diagnosis in zip(party.queued, diagnoses, strict=True)
        )

    def _room(self, party: _Party, now: float) -> MadeRoom | None:
        """Find whom it takes to make room for as many of a party as are needed."""
        pods = party.pods[: max(party.n_needed, 1)]
        if any(pod.spec.preemption_policy == "Never" for pod in pods) and not party.queue:
            return None
        if party.queue and party.queue not in self._admission.tree:
            return None
        part = _part(party, 0, len(pods))
        claim = Claim(party.queue, self._amounts(part), _rank(pods), is_back=self.comebacks.any_of(pods))
        group = Group(self._narrowed(part), len(pods), party.together)
        snapshot, order = self._state.snapshot, self._cycle.order()
        shapes = sorted({snapshot.row(pod).shape.key for pod in group.pods})
        kind = (*claim.amounts.items(), claim.queue, claim.priority, claim.is_back, *shapes)
        version, until = self._hopeless.get(kind, (-1, 0.0))
        if version == snapshot.version and now < until:
            return None
        found = self.rooms.make(claim, group, snapshot, budgets=self._state.budgets(), order=order, now=now)
        if found is None:
            if len(self._hopeless) >= HOPELESS_KEPT:
                self._hopeless.clear()
            self._hopeless[kind] = snapshot.version, now + HOPELESS_SECONDS
        return found

    def _promised(
        self, party: _Party, room: MadeRoom, diagnoses: list[Diagnosis], words: str, now: float
    ) -> Sequence[Outcome]:
        """Keep the room for a party until those are gone who make it; the first of its pods sends them away."""
        fits = {each.row.key: each for each in room.fits}
        eviction = f"making room for {party.name or party.claimant}".removesuffix(": ")
        if party.queue:
            eviction += f" of queue {party.queue}"
        victims = room.victims
        outcomes: list[Outcome] = []
        for each, diagnosis in zip(party.queued, diagnoses, strict=True):
            fit, preemption = fits.get(each.key), None
            if fit is not None:
                row = self._state.snapshot.row(each.pod)
                preemption = Preemption(row, fit.column, fit.node, victims, 0)
                self._state.promise(each.pod, fit.node)
                victims = ()
            by = _by(party, diagnosis)
            outcomes.append(Refusal(each, each.pod, diagnosis, preemption, now, words, by, eviction))
        tree = self._admission.tree
        for queue in sorted({unit.queue for unit in room.units if unit.queue in tree and unit.queue != party.queue}):
            self._admission.backoffs.hold(tree, queue, now)
        if party.queue:
            part = _part(party, 0, max(party.n_needed, 1))
            uids = {pod.key: pod.metadata.uid for pod in room.victims}
            self._admission.promise(
                party.claimant, Promise(party.queue, self._amounts(part), uids, now + PROMISE_SECONDS)
            )
        return outcomes

    def _amounts(self, party: _Party) -> dict[str, int]:
        return summed(map(self._admission.request, party.queued))


def _rank(pods: Sequence[Pod]) -> int:
    """Return the priority by which pods outrank others together; one that outranks nobody keeps the others from it."""
    if any(pod.spec.preemption_policy == "Never" for pod in pods):
        return LOWEST_PRIORITY
    return min(pod.spec.priority for pod in pods)


def _part(party: _Party, begin: int, end: int) -> _Party:
    queued = party.queued[begin:end]
    needed = party.n_needed if not begin else 0
    return _Party(party.name, party.claimant, queued, min(needed, len(queued)), party.queue, party.gang, party.together)


def _by(party: _Party, diagnosis: Diagnosis) -> frozenset[str]:
    """Return what a party waits for: for its queue, too, since that may come to be owed what others have."""
    also = ({GANG} if party.gang is not None else set[str]()) | ({QUOTA} if party.queue else set[str]())
    return refusers(diagnosis) | also


def _held(queued: QueuedPod, words: str, by: str, now: float, preemption: NoPreemption | None = None) -> Refusal:
    """Refuse a pod before any node was looked at."""
    return Refusal(queued, queued.pod, _NOWHERE, preemption, now, words, frozenset({by}))
