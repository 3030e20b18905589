"""What the pods of each queue take, from the caches and from what was decided since: the ledger that admits pods.

A namespace belongs to the queue that its label names. Whatever its pods have on nodes counts, whoever placed them, so
a new start finds the same; what was promised to a claimant while others make room for it counts as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from kubewright.api.core import NAMESPACES, NODES, Namespace, Node, Pod
from kubewright.api.crds.queue import QUEUE_LABEL, QUEUES, Queue
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.queues.charges import charges
from kubewright.queues.helps import advice, helps
from kubewright.queues.rules import Problem, read_queues, split_key
from kubewright.queues.tree import QuotaTree
from kubewright.queues.turns import Backoffs, History, Turn, Turns
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.operators import Operator
from kubewright.runtime.optional import OptionalInformer
from kubewright.scheduler.news import News
from kubewright.scheduler.queue import QueuedPod

SAID_SECONDS = 30.0
_SAID_KEPT = 4096
_FIGURES = re.compile(r", \S+ left")
PROMISE_SECONDS = 120.0
"""For how long what others are giving back is kept for whom they make room."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What is kept for a claimant."""

    queue: str
    amounts: Mapping[str, int]
    victims: Mapping[ObjectKey, str]
    """The uids of those that make room."""
    until: float


class Admission:
    """Follows queues, namespaces and pods; `tell` hears of what may help somebody that waits."""

    def __init__(self, operator: Operator, pods: Informer[Pod], tell: Callable[[News], None]) -> None:
        self.queues: OptionalInformer[Queue] = OptionalInformer(operator.client, QUEUES)
        self._namespaces: Informer[Namespace] = operator.informer(NAMESPACES)
        self._nodes: Informer[Node] = operator.informer(NODES)
        self._pods = pods
        self._tell = tell
        self._tree: QuotaTree | None = None
        self._problems: Mapping[str, Problem] = {}
        self._charged: dict[ObjectKey, tuple[str, Mapping[str, int]]] = {}
        self._booked: dict[ObjectKey, tuple[Pod, str]] = {}
        """Pods that have a node here and not yet in the cluster."""
        self._promises: dict[Hashable, Promise] = {}
        self._leaving: dict[ObjectKey, str] = {}
        """The uids of pods that make room for a claimant: what they have counts as the claimant's already."""
        self.history = History()
        self.backoffs = Backoffs()
        self._turns: Turns | None = None
        self._said: dict[tuple[object, ...], tuple[float, str]] = {}
        self.queues.informer.add_handler(self._on_queue)
        self._namespaces.add_handler(self._on_namespace)

    @property
    def is_used(self) -> bool:
        """Whether there are any queues."""
        return bool(len(self.queues.informer.index))

    @property
    def tree(self) -> QuotaTree:
        """Return the queues with what is used of them."""
        if self._tree is None:
            self._tree = self._laid_out()
        return self._tree

    @property
    def problems(self) -> Mapping[str, Problem]:
        """Return what is wrong with queues, as of the last `tree`."""
        return self._problems

    @property
    def charged(self) -> Mapping[ObjectKey, tuple[str, Mapping[str, int]]]:
        """Return the pods that count, each with its queue and what it takes, as of the last `tree`."""
        return self._charged

    @property
    def leaving(self) -> Iterable[ObjectKey]:
        """Return the pods that make room for claimants."""
        return self._leaving

    def queue_of(self, namespace: str) -> str:
        """Return the queue that the pods of a namespace belong to; nothing if none."""
        if not self.is_used:
            return ""
        found = self._namespaces.index.get(ObjectKey("", namespace))
        return found.metadata.labels.get(QUEUE_LABEL, "") if found is not None else ""

    def amounts(self, pod: Pod, node: str = "") -> Mapping[str, int]:
        """Return what a pod takes by `quota_key`: on a node that of its model of GPU, before if it names one."""
        return charges(pod, self._nodes.index.get(ObjectKey("", node)) if node else None)

    def request(self, queued: QueuedPod) -> Mapping[str, int]:
        """Return what a pod takes that has no node yet: worked out once, as it is asked for at every turn."""
        if queued.request is None:
            queued.request = self.amounts(queued.pod)
        return queued.request

    def refusal(self, queue: str, amounts: Mapping[str, int], now: float) -> str:
        """Say why a queue may not have these amounts now; nothing if it may."""
        tree = self.tree
        if queue not in tree:
            return f"queue {queue}: there is no such queue"
        held = self.backoffs.until(queue, now)
        short = tree.short(queue, amounts, borrowing=held is None)
        if not short:
            return ""
        why = ", ".join(map(str, short))
        return f"queue {queue}: {why}" + (f", borrows nothing until {rfc3339(held)}" if held is not None else "")

    def words(self, queue: str, amounts: Mapping[str, int], now: float) -> str:
        """Say the same as `refusal`, with figures that may be some seconds old: a new one is a write for each pod.

        What is short, and whether the queue backs off, is always as it is.
        """
        text = self.refusal(queue, amounts, now)
        about = (queue, tuple(sorted(amounts.items())))
        until, said = self._said.get(about, (0.0, ""))
        if now < until and _FIGURES.sub("", said) == _FIGURES.sub("", text):
            return said
        if len(self._said) >= _SAID_KEPT:
            self._said.clear()
        self._said[about] = now + SAID_SECONDS, text
        return text

    def advice(self, queue: str, amounts: Mapping[str, int], *, divisible: bool) -> str:
        """Return what would let a queue have these amounts; nothing if it may have them, or is not there."""
        return advice(helps(self.tree, queue, amounts, divisible=divisible)) if queue in self.tree else ""

    def models_used_up(self, queue: str, amounts: Mapping[str, int]) -> tuple[str, ...]:
        """Return the models of GPU that a queue has not enough left of for these amounts."""
        tree = self.tree
        if queue not in tree:
            return ()
        found: set[str] = set()
        for key in tree.limited(queue):
            resource, model = split_key(key)
            wanted = amounts.get(resource, 0)
            if model and wanted and key not in amounts:
                left = tree.left(queue, key)
                if left is not None and left < wanted:
                    found.add(model)
        return tuple(sorted(found))

    def took(self, pod: Pod, node: str) -> None:
        """Count what a pod takes that was given a node just now."""
        queue = self.queue_of(pod.metadata.namespace)
        if queue:
            self._booked[pod.key] = pod, node
            self._charge(pod, node, queue)

    def gave_back(self, key: ObjectKey) -> None:
        """Count a pod no longer that has no node after all."""
        if self._booked.pop(key, None) is not None:
            self._uncharge(key)

    def promise(self, claimant: Hashable, promise: Promise) -> None:
        """Keep for a claimant what others are giving back: from now on that counts as its own, and not as theirs."""
        self.release(claimant)
        for key, uid in promise.victims.items():
            pod = self._pods.index.get(key)
            if pod is not None and pod.metadata.uid == uid:
                self._uncharge(key)
                self._leaving[key] = uid
        self._promises[claimant] = promise
        if promise.queue in self.tree:
            self.tree.charge(promise.queue, promise.amounts)

    def release(self, claimant: Hashable) -> Promise | None:
        """Keep nothing for a claimant any longer; return what was kept."""
        promise = self._promises.pop(claimant, None)
        if promise is not None and promise.queue in self.tree:
            self.tree.charge(promise.queue, promise.amounts, -1)
        return promise

    def is_awaited(self, promise: Promise, now: float) -> bool:
        """Tell whether any of those that make room is still there."""
        there = (self._pods.index.get(key) for key in promise.victims)
        uids = set(promise.victims.values())
        return now < promise.until and any(pod is not None and pod.metadata.uid in uids for pod in there)

    def expire(self, now: float) -> bool:
        """Drop promises that were kept for too long; tell whether there were any."""
        expired = [each for each, promise in self._promises.items() if now >= promise.until]
        for claimant in expired:
            promise = self.release(claimant)
            for key in promise.victims if promise is not None else ():
                self._leaving.pop(key, None)
                pod = self._pods.index.get(key)
                if pod is not None:
                    self._count(pod)  # it did not go
        return bool(expired)

    def turn(self, queue: str, head: QueuedPod) -> Turn:
        """Return by what the next pod of a queue is ranked among those of others."""
        tree = self.tree
        if queue not in tree:
            return False, ()
        if self._turns is None:
            self._turns = Turns(tree, self.history)
        return self._turns.turn(queue, self.request(head))

    def follow(self, change: Change[Pod]) -> None:
        """Take over what a pod takes as the cluster shows it."""
        if not self.is_used:
            return
        pod = change.new
        if pod is None or pod.is_finished:
            self._booked.pop(change.key, None)
            self._leaving.pop(change.key, None)
            self._uncharge(change.key)
        elif pod.spec.node_name:
            self._booked.pop(change.key, None)
            if change.old is None or change.old.spec != pod.spec or change.key not in self._charged:
                self._count(pod)

    def _count(self, pod: Pod) -> None:
        """Count what a pod takes that the cluster shows on a node."""
        queue = self.queue_of(pod.metadata.namespace)
        if queue and pod.spec.node_name and self._leaving.get(pod.key) != pod.metadata.uid:
            self._charge(pod, pod.spec.node_name, queue)

    def _charge(self, pod: Pod, node: str, queue: str) -> None:
        if self._tree is None:
            return
        amounts = self.amounts(pod, node)
        if self._charged.get(pod.key) == (queue, amounts):
            return
        self._uncharge(pod.key)
        self._charged[pod.key] = queue, amounts
        if queue in self._tree:
            self._tree.charge(queue, amounts)

    def _uncharge(self, key: ObjectKey) -> None:
        queue, amounts = self._charged.pop(key, ("", {}))
        if queue and self._tree is not None and queue in self._tree:
            self._tree.charge(queue, amounts, -1)

    def _laid_out(self) -> QuotaTree:
        rules, self._problems = read_queues(self.queues.informer.index.values())
        tree = self._tree = QuotaTree(rules)
        self._charged, self._turns = {}, None
        for pod in self._pods.index.values():
            if not pod.is_finished:
                self._count(pod)
        for pod, node in self._booked.values():
            queue = self.queue_of(pod.metadata.namespace)
            if queue:
                self._charge(pod, node, queue)
        for promise in self._promises.values():
            if promise.queue in tree:
                tree.charge(promise.queue, promise.amounts)
        return tree

    def _on_queue(self, change: Change[Queue]) -> None:
        if change.old is not None and change.new is not None and change.old.spec == change.new.spec:
            return
        self._tree = None
        self._tell(News.QUEUE)

    def _on_namespace(self, change: Change[Namespace]) -> None:
        before, after = (each.metadata.labels.get(QUEUE_LABEL, "") if each else "" for each in (change.old, change.new))
        if before != after and self.is_used:
            self._tree = None
            self._tell(News.QUEUE)
