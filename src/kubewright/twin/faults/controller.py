"""The loop around `decide`: watches Faults, nodes and pods, publishes what is in force, and writes what became of it.

One key stands for all faults, since they are decided together. It runs when something changes, when the schedule says
so, and every few seconds while a fault hits what is not watched (requests, objects).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from kubewright.api.core import Node, Pod
from kubewright.api.meta import KubeObject, Manifest
from kubewright.api.nodeagent import quarantined
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Change, Informer
from kubewright.twin.caches import Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Writer
from kubewright.twin.faults.decide import Cluster, State, Verdict, decide
from kubewright.twin.faults.effects import KubeletEffects
from kubewright.twin.faults.fault import FAULTS, Fault
from kubewright.twin.faults.gate import ApiGate
from kubewright.twin.faults.inforce import Active, Board
from kubewright.twin.faults.nodestatus import lost_devices, writes_of
from kubewright.twin.faults.objects import NAME, Held, keep_stuck
from kubewright.twin.faults.status import document, shown, status_of
from kubewright.twin.kubelet.driver import Kubelet

T = TypeVar("T", bound=KubeObject)

SETTLE_SECONDS = 0.2
"""So long changes of nodes and pods are gathered."""
LOOK_SECONDS = 5.0
"""So often a fault is looked after that hits what is not watched."""
AWAY_SECONDS = 10.0
"""So often a cluster without the kind is asked for it."""
WATCHDOG = "node-problem-detector"
_KEY = "faults"
_OF_THE_SERVER = "faults of the API server need the twin's own: this cluster has another"


@dataclass(slots=True)
class FaultsReconciler:
    """All faults' turn: decide, publish, act where nobody else does, and write each status that differs."""

    client: Client
    clock: Clock
    faults: Informer[Fault]
    caches: Caches
    ours: Collection[str]
    """The nodes that are simulated: no others are touched."""
    writer: Writer
    """In the name of what watches over nodes."""
    board: Board
    gate: ApiGate | None
    """None where the API server is not the twin's."""
    holder: Callable[[str, int], str] = lambda _node, _gpu: ""
    """Which pod holds a GPU, by its node and number."""

    async def reconcile(self, key: str) -> Done | RequeueAfter:
        """Look once at everything."""
        del key
        now = self.clock.now()
        verdict = decide(self.faults.index.values(), self._cluster(), now)
        self.board.publish(verdict.in_force)
        await self._tell_nodes(verdict, now)
        held = await keep_stuck(self.client, verdict.states)
        active = {each.name: each for each in verdict.in_force.active}
        for state in verdict.states:
            name = state.fault.metadata.name
            await self._show(state, active.get(name), held.get(name, Held()), now)
        return self._next(verdict)

    def _cluster(self) -> Cluster:
        pods = self.caches.pods.index.values()
        return Cluster(
            self._nodes(), [each for each in pods if not each.spec.node_name or each.spec.node_name in self.ours]
        )

    def _nodes(self) -> list[Node]:
        return [each for each in self.caches.nodes.index.values() if each.metadata.name in self.ours]

    async def _tell_nodes(self, verdict: Verdict, now: float) -> None:
        for node in self._nodes():
            name = node.metadata.name
            active = verdict.in_force.on_nodes.get(name, ())
            await self.writer.do(writes_of(node, active, now, partial(self.holder, name)))

    async def _show(self, state: State, active: Active | None, held: Held, now: float) -> None:
        fault = state.fault
        if fault.metadata.deletion_timestamp is not None:
            return
        target = fault.spec.target
        matched, hit, problem = state.matched, len(state.hit or ()), held.problem
        if target.objects is not None:
            state = State(fault, state.window, len(held.names), held.names)
            matched = hit = len(held.names)
        elif state.hit is None and self.gate is None:
            problem = _OF_THE_SERVER
        elif target.clients is not None and self.gate is not None and active is not None:
            matched, hit = self.gate.hits(active)
        await self._write(state, status_of(state, now, matched=matched, hit=hit, problem=problem))

    async def _write(self, state: State, status: Manifest) -> None:
        if status == shown(state):
            return
        try:
            await self.client.apply(FAULTS, document(state, status), field_manager=NAME, subresource="status")
        except OpError as error:
            # Deleted meanwhile: its status is nobody's to read.
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    def _next(self, verdict: Verdict) -> Done | RequeueAfter:
        waits = [] if verdict.next_at is None else [max(verdict.next_at - self.clock.now(), 0.0)]
        if verdict.in_force.on_clients or verdict.in_force.on_objects:
            waits.append(LOOK_SECONDS)
        return RequeueAfter(min(waits)) if waits else Done()


class Faults:
    """Follows faults on a cluster that may not have the kind yet; a twin's caches do so for it."""

    def __init__(self, client: Client, informer: Informer[Fault]) -> None:
        self._client = client
        self._informer = informer

    async def run(self) -> None:
        """Follow them until cancelled."""
        while True:
            try:
                await self._client.list(FAULTS)
            except OpError:
                await asyncio.sleep(AWAY_SECONDS)
            else:
                await self._informer.run()


def add_to(context: Context, board: Board, kubelet: Kubelet, gate: ApiGate | None) -> Faults:
    """Wire the controller, and the kubelets to the board; without a `gate` the API server is not the twin's."""
    client, caches = context.client, context.caches
    queue = context.queue(NAME, str)
    informer = Informer(client, FAULTS) if gate is None else caches.of(FAULTS)
    informer.add_handler(lambda _: queue.add(_KEY))

    def look(matters: bool) -> None:
        if matters and len(informer.index):
            queue.add(_KEY, after_seconds=SETTLE_SECONDS)

    def on_node(change: Change[Node]) -> None:
        look(_chooses_anew(change))
        if _puts_out_of_use(change):
            queue.add(_KEY)

    caches.nodes.add_handler(on_node)
    caches.pods.add_handler(lambda change: look(_chooses_anew(change) or _is_elsewhere(change)))
    KubeletEffects(board, kubelet, caches.pods.index.values)
    kubelet.lost_gpus = lambda node: lost_devices(board.now.on_nodes.get(node, ()))
    ours = kubelet.nodes
    reconciler = FaultsReconciler(
        client, context.clock, informer, caches, ours, context.writer(WATCHDOG), board, gate, kubelet.gpu_holder
    )
    context.controller(NAME, reconciler, queue, (informer, caches.nodes, caches.pods))
    return Faults(client, informer)


def _chooses_anew(change: Change[T]) -> bool:
    """Tell whether one has come, gone, or been labelled."""
    old, new = change.old, change.new
    return old is None or new is None or old.metadata.labels != new.metadata.labels


def _puts_out_of_use(change: Change[Node]) -> bool:
    """Tell whether other GPUs are out of use than before."""
    before, after = (quarantined(each) if each is not None else () for each in (change.old, change.new))
    return change.new is not None and before != after


def _is_elsewhere(change: Change[Pod]) -> bool:
    old, new = change.old, change.new
    return (
        old is not None
        and new is not None
        and (old.spec.node_name, old.is_finished) != (new.spec.node_name, new.is_finished)
    )
