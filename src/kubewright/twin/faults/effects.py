"""Tells kubelets and usage what comes into force and what ends: listeners on the board.

`rules.py` and `overlays.py` say what a fault means to them; here is only when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock
from kubewright.runtime.informer import Change, Informer
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active, Board, InForce
from kubewright.twin.faults.laying import Laying
from kubewright.twin.faults.overlays import Layer, layers_of
from kubewright.twin.faults.rules import containers_of, rule_of
from kubewright.twin.kubelet.driver import Kubelet
from kubewright.twin.kubelet.life import all_containers

_LOST_WITH_ITS_NODE = 255
"""What containers end with whose node went down under them."""


class KubeletEffects:
    """Injects and lifts the kubelets' rules; `pods` are all there are."""

    def __init__(self, board: Board, kubelet: Kubelet, pods: Callable[[], Iterable[Pod]]) -> None:
        self._kubelet = kubelet
        self._pods = pods
        board.listen(self._on_change)

    def _on_change(self, old: InForce, new: InForce) -> None:
        before, after = (_by_key(every) for every in (old, new))
        for key, (fault, nodes) in before.items():
            if key not in after:
                self._kubelet.lift(_name(fault))
                self._on_end(fault, nodes)
        for key, (fault, nodes) in after.items():
            if key in before:
                if _aim(before[key]) == _aim((fault, nodes)):
                    continue
                self._kubelet.lift(_name(fault))
                self._on_end(fault, before[key][1] - nodes)
            rule = rule_of(fault, nodes)
            if rule is not None:
                self._kubelet.inject(_name(fault), rule)
            if key not in before and fault.is_new:
                self._on_begin(fault)

    def _on_begin(self, fault: Active) -> None:
        """Do what is done once."""
        if fault.spec.type != "ContainerCrash":
            return
        code = (fault.spec.container_crash or p.ContainerCrash()).exit_code
        is_meant = containers_of(fault)
        for pod in self._pods():
            for container in pod.spec.containers:
                if is_meant(pod, container):
                    self._kubelet.crash(pod.key, code, container=container.name)

    def _on_end(self, fault: Active, nodes: frozenset[str]) -> None:
        """A node that was down boots: what ran there starts anew."""
        if fault.spec.type == "NodeDown":
            for pod in self._pods():
                for container in all_containers(pod) if pod.spec.node_name in nodes else ():
                    self._kubelet.crash(pod.key, _LOST_WITH_ITS_NODE, container=container.name)


class UsageEffects:
    """Keeps the overlays of each pod as the faults mean them; `look` is told of each pod whose usage changed."""

    def __init__(
        self,
        board: Board,
        laying: Laying,
        clock: Clock,
        pods: Informer[Pod],
        look: Callable[[ObjectKey], None],
    ) -> None:
        self._board = board
        self._laying = laying
        self._clock = clock
        self._pods = pods
        self._look = look
        self._laid: dict[str, dict[str, Layer]] = {}
        board.listen(self._on_change)
        pods.add_handler(self._on_pod)

    def resume_from(self, other: UsageEffects) -> None:
        """Begin with what another twin's has laid; for forks."""
        self._laid = {uid: dict(layers) for uid, layers in other._laid.items()}

    def _on_change(self, old: InForce, new: InForce) -> None:
        if old.on_pods or new.on_pods or old.on_claims or new.on_claims:
            for pod in tuple(self._pods.index.values()):
                self._bring(pod)

    def _on_pod(self, change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            for name in self._laid.pop(old.metadata.uid, {}):
                self._laying.lift(name, old)
        if new is not None and (self._board.now.on_pods or self._board.now.on_claims):
            self._bring(new)

    def _bring(self, pod: Pod) -> None:
        now, uid = self._clock.now(), pod.metadata.uid
        wanted = layers_of(self._board.now, pod, now)
        laid = self._laid.get(uid, {})
        if wanted.next_at is not None:
            asyncio.get_running_loop().call_later(wanted.next_at - now, self._bring_again, pod.key)
        if wanted.by_fault == laid:
            return
        for name in [name for name in laid if name not in wanted.by_fault]:
            self._laying.lift(name, pod)
        for name, layer in wanted.by_fault.items():
            if laid.get(name) != layer:
                self._laying.lay(name, pod, layer.change, layer.container)
        self._laid[uid] = wanted.by_fault
        if not wanted.by_fault:
            del self._laid[uid]
        self._look(pod.key)

    def _bring_again(self, key: ObjectKey) -> None:
        pod = self._pods.index.get(key)
        if pod is not None:
            self._bring(pod)


def _by_key(in_force: InForce) -> Mapping[object, tuple[Active, frozenset[str]]]:
    nodes: dict[str, set[str]] = {}
    for node, faults in in_force.on_nodes.items():
        for fault in faults:
            nodes.setdefault(fault.name, set()).add(node)
    return {each.key: (each, frozenset(nodes.get(each.name, ()))) for each in in_force.active}


def _aim(entry: tuple[Active, frozenset[str]]) -> tuple[frozenset[str] | None, frozenset[str]]:
    fault, nodes = entry
    return fault.chosen, nodes


def _name(fault: Active) -> str:
    return f"fault {fault.name}"
