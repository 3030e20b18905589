"""Why a pod waits and what would let it run: each suggestion was tried by really placing the pod. Pure.

    examine -> impossible | proposals -> applied -> fit -> remedies, the cheapest first

The scheduler asks for the short form, `kubewright why` for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from kubewright.api.core import Pod, Taint
from kubewright.api.meta import ObjectKey
from kubewright.api.policy import PodDisruptionBudget
from kubewright.api.priorities import HIGHEST_PRIORITY
from kubewright.explain.candidates import proposals, untolerated_of
from kubewright.explain.changes import Change, MoreImportant, Waited, brief, taint_text
from kubewright.explain.impossible import impossibilities
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import DEFAULT_POLICY, Fit, find, fit
from kubewright.placement.policy import Policy
from kubewright.placement.preempt import NoPreemption, Preemption, preempt
from kubewright.placement.snapshot import ClusterSnapshot

PRIORITIES_AT_MOST = 8
ENDINGS_AT_MOST = 512


@dataclass(frozen=True, slots=True)
class Ending:
    """A pod that runs and will end."""

    key: ObjectKey
    seconds: float
    """From now."""
    by: str
    """How that is known."""
    named: str
    """What ends, as people name it: `job/train`."""
    certain: bool = True
    """Whether it cannot be later: a deadline or a deletion, not what others took."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known besides the snapshot."""

    snapshot: ClusterSnapshot
    policy: Policy = DEFAULT_POLICY
    budgets: tuple[PodDisruptionBudget, ...] = ()
    endings: tuple[Ending, ...] = ()
    classes: tuple[tuple[str, int], ...] = ()
    """PriorityClasses with their values."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change that was tried, and the node that the pod then gets."""

    change: Change
    node: str

    @property
    def cost(self) -> float:
        """Return the change's."""
        return self.change.cost

    def __str__(self) -> str:
        return f"{self.change}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything there is to say of one pod that has no node."""

    pod: ObjectKey
    diagnosis: Diagnosis | None
    """What stands against each node; None when the pod fits."""
    node: str = ""
    """Where it fits as things are, or where room is being made for it."""
    preemption: Preemption | NoPreemption | None = None
    impossible: tuple[str, ...] = ()
    taints: tuple[tuple[str, int], ...] = ()
    """The taints that keep it away, with the number of nodes that have each."""
    remedies: tuple[Remedy, ...] = ()
    """The cheapest first."""

    @property
    def message(self) -> str:
        """Return what kube-scheduler says."""
        if self.diagnosis is None:
            return ""
        return f"{self.diagnosis}" if self.preemption is None else f"{self.diagnosis} {self.preemption}"

    @property
    def hint(self) -> str:
        """Return the advice that follows kube-scheduler's words on the condition, in one line; nothing if none is."""
        if isinstance(self.preemption, Preemption) or self.diagnosis is None:
            return ""
        never = self.impossible[0] if self.impossible else ""
        if not self.remedies:
            return f"{never}." if never else ""
        best = brief(self.remedies[0].change)
        return f"{best} ({never})." if never else f"{best}."


def explain(pod: Pod, situation: Situation) -> Explanation:
    """Explain one pod without a node as the snapshot stands; changes nothing."""
    snapshot, policy = situation.snapshot, situation.policy
    outcome = fit(pod, snapshot, 0, policy)
    if isinstance(outcome, Fit):
        return Explanation(pod.key, None, outcome.node)
    preemption = _preemption(pod, outcome, situation)
    row = snapshot.row(pod)
    if isinstance(preemption, Preemption):
        return Explanation(pod.key, outcome, preemption.node, preemption, taints=_taints(pod, snapshot))
    return Explanation(
        pod.key,
        outcome,
        preemption=preemption,
        impossible=impossibilities(row, snapshot),
        taints=_taints(pod, snapshot),
        remedies=tuple(sorted(_remedies(pod, outcome, situation), key=_order)),
    )


def _order(remedy: Remedy) -> tuple[float, str]:
    return remedy.cost, str(remedy)


def lands_on(change: Change, pod: Pod, snapshot: ClusterSnapshot, policy: Policy) -> str:
    """Return the node that the pod gets once the change is made; nothing if it gets none."""
    found = find(*change.applied((pod, snapshot)), 0, policy)
    return found.node if found is not None else ""


def _preemption(pod: Pod, outcome: Diagnosis, situation: Situation) -> Preemption | NoPreemption | None:
    if outcome.problem or not len(situation.snapshot.table):
        return None
    return preempt(pod, situation.snapshot, 0, situation.budgets, situation.policy)


def _remedies(pod: Pod, outcome: Diagnosis, situation: Situation) -> Iterator[Remedy]:
    snapshot, policy = situation.snapshot, situation.policy
    if outcome.problem and not pod.spec.scheduling_gates:
        return  # what is wrong lies with its claims or its own terms, whatever the nodes
    for change in (
        *_waits(pod, situation),
        *_priorities(pod, situation),
        *proposals(snapshot.row(pod), snapshot, policy),
    ):
        node = lands_on(change, pod, snapshot, policy)
        if node:
            yield Remedy(change, node)


def _waits(pod: Pod, situation: Situation) -> Iterator[Waited]:
    """Find the first moment from which on the pod fits: those that end are taken off in their order."""
    snapshot, policy = situation.snapshot, situation.policy
    fork, gone = snapshot.fork(), list[ObjectKey]()
    for ending in sorted(situation.endings, key=lambda each: (each.seconds, each.key))[:ENDINGS_AT_MOST]:
        if not fork.forget(ending.key):
            continue
        gone.append(ending.key)
        if find(pod, fork, 0, policy) is not None:
            alone = Waited((ending.key,), ending.seconds, ending.by, ending.named)
            enough = lands_on(alone, pod, snapshot, policy)
            yield alone if enough else Waited(tuple(gone), ending.seconds, ending.by, ending.named)
            return


def _priorities(pod: Pod, situation: Situation) -> Iterator[MoreImportant]:
    """Find the lowest priority at which others would go for the pod."""
    snapshot, own = situation.snapshot, pod.spec.priority
    if pod.spec.preemption_policy == "Never":
        return
    others = {placed.row.priority for placed in snapshot.placed.values()}
    above = sorted(each + 1 for each in others if own <= each < HIGHEST_PRIORITY)
    for least in above[:PRIORITIES_AT_MOST]:
        name, priority = _class_from(least, situation.classes)
        changed = replace(pod, spec=replace(pod.spec, priority=priority))
        found = preempt(changed, snapshot, 0, situation.budgets, situation.policy)
        if isinstance(found, Preemption):
            victims = tuple(each.key for each in found.victims)
            yield MoreImportant(priority, name, victims, found.n_violations)
            return


def _class_from(least: int, classes: Iterable[tuple[str, int]]) -> tuple[str, int]:
    """Return the lowest class that is high enough, else the bare number."""
    fitting = sorted((value, name) for name, value in classes if least <= value <= HIGHEST_PRIORITY)
    return (fitting[0][1], fitting[0][0]) if fitting else ("", least)


def _taints(pod: Pod, snapshot: ClusterSnapshot) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for taints, columns in snapshot.table.taints:
        for each in untolerated_of(pod, taints):
            text = taint_text(Taint(each.key, each.value, each.effect))
            counts[text] = counts.get(text, 0) + len(columns)
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
