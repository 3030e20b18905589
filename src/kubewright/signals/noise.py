"""A sign of trouble between pods: one that takes most of its node's CPU, far beyond what it asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.api.core import PODS, Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quantity import approximate
from kubewright.api.resources import pod_request
from kubewright.series.protocol import Missing, Vector
from kubewright.signals.signal import Fault, Signal, Witness
from kubewright.signals.signs import Subject
from kubewright.store.index import Index

BUSY_SHARE = 0.9
"""Of a node's CPU: with less in use everybody gets what they need."""
LOUD_SHARE = 0.5
LOUD_TIMES = 2.0
"""Whoever takes half of a node, and more than twice what it asked for, is loud."""
_THOUSANDTHS = 1000
_MOST = 2**63


@dataclass(frozen=True, slots=True)
class Placed:
    """The pods and the nodes, as caches have them."""

    pods: Index[Pod]
    nodes: Index[Node]


def of_cpu(used: Vector | Missing, placed: Placed) -> Iterator[Signal]:
    """Yield a signal for each pod that takes the CPU of others on its node; in one pass over all pods."""
    by_node: dict[str, list[tuple[Pod, float, float]]] = {}
    if isinstance(used, Missing):
        return
    for key, sample in used.by_pod().items():
        pod = placed.pods.get(key)
        if pod is not None and pod.spec.node_name:
            by_node.setdefault(pod.spec.node_name, []).append((pod, sample.value, sample.at))
    for name, found in by_node.items():
        node = placed.nodes.get(ObjectKey("", name))
        cores = cores_of(node) if node is not None else 0.0
        if not cores or len(found) == 1 or sum(each for _, each, _ in found) < BUSY_SHARE * cores:
            continue
        yield from (_signal(pod, value, cores, at, name) for pod, value, at in found if _is_loud(pod, value, cores))


def cores_of(node: Node) -> float:
    """Return how many cores a node has for pods."""
    return approximate(node.status.allocatable.get("cpu", "0"))


def asked_of(pod: Pod) -> float:
    """Return how many cores a pod asked for."""
    return min(pod_request(pod).get("cpu", 0), _MOST) / _THOUSANDTHS


def _is_loud(pod: Pod, value: float, cores: float) -> bool:
    return value >= LOUD_SHARE * cores and value > LOUD_TIMES * asked_of(pod)


def _signal(pod: Pod, value: float, cores: float, at: float, node: str) -> Signal:
    text = f"{pod.key} takes {value:.1f} of the {cores:g} cores of node {node}, and asked for {asked_of(pod):g}"
    return Subject(PODS, pod, node).sign(Fault.CPU_TAKEN, text, at, Witness.METRIC).signal
