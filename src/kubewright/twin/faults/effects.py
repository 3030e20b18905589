"""Tells kubelets what comes into force and what ends: a listener on the board.

`rules.py` says what a fault means to them; here is only when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kubewright.api.core import Pod
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active, Board, InForce
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
            if key in before and _aim(before[key]) == _aim((fault, nodes)):
                continue
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
