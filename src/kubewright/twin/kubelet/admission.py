"""Whether a node takes a pod that was bound to it: what is allocatable, its labels, ports and taints. Pure.

The rules and words are those of the kubelet's admission (`predicateAdmitHandler`). A kubelet preempts nothing here for
critical pods. Devices come first, see `devices.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubewright.api.affinity import node_matches
from kubewright.api.core import Node, Pod
from kubewright.api.resources import Amounts, amounts
from kubewright.api.tolerations import NO_EXECUTE, untolerated
from kubewright.twin.kubelet.life import Verdict, all_containers

_ORDER = ("pods", "cpu", "memory", "ephemeral-storage")
_EVICTS = frozenset({NO_EXECUTE})


def judge(
    pod: Pod, wanted: Amounts, node: Node, used: Iterable[Amounts], others: Callable[[], Iterable[Pod]]
) -> Verdict | None:
    """Return why the node does not take the pod, or None; `used` is what other pods have booked."""
    return _short_of(wanted, amounts(node.status.allocatable), used) or _misplaced(pod, node, others)


def _short_of(wanted: Amounts, allocatable: Amounts, used: Iterable[Amounts]) -> Verdict | None:
    taken: Amounts = {}
    for each in used:
        for name, amount in each.items():
            taken[name] = taken.get(name, 0) + amount
    extended = sorted(name for name in wanted if name not in _ORDER)
    for name in (*_ORDER, *extended):
        amount = wanted.get(name, 0)
        # A node that does not know an extended resource leaves it to others.
        if not amount or (name in extended and name not in allocatable):
            continue
        capacity, so_far = allocatable.get(name, 0), taken.get(name, 0)
        if amount > capacity - so_far:
            text = (
                f"Node didn't have enough resource: {name}, requested: {amount}, used: {so_far}, capacity: {capacity}"
            )
            return Verdict(f"OutOf{name}", text)
    return None


def _misplaced(pod: Pod, node: Node, others: Callable[[], Iterable[Pod]]) -> Verdict | None:
    spec = pod.spec
    if not node_matches(spec.node_selector, spec.affinity, node.metadata.name, node.metadata.labels):
        return _refused("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    ports = _host_ports(pod)
    if ports and any(ports & _host_ports(each) for each in others() if each.metadata.uid != pod.metadata.uid):
        return _refused("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    if untolerated(spec.tolerations, node.spec.taints, _EVICTS) is not None:
        return _refused("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return None


def _refused(predicate: str, text: str) -> Verdict:
    return Verdict(predicate, f"Predicate {predicate} failed: {text}")


def _host_ports(pod: Pod) -> set[tuple[str, int]]:
    ports = (port for each in all_containers(pod) for port in each.ports)
    return {(each.protocol, each.host_port) for each in ports if each.host_port}
