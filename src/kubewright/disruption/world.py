"""What a decision about disruption goes by: the cluster as caches have it, and who of it is well. Pure.

What is out of service counts, whoever took it out: a node that is cordoned or not ready, a pod that is not ready or on
its way out, a GPU that its node no longer offers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kubewright.api.conditions import find_condition
from kubewright.api.core import Node, Pod
from kubewright.api.crds.disruptionlimit import DisruptionLimit
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.api.policy import PodDisruptionBudget
from kubewright.api.quantity import value
from kubewright.api.workload import workload_of
from kubewright.devices.requests import GPU, counted

STARTING_SECONDS = 600.0
"""A node that has never been ready is not missed for so long: it is on its way."""
_AT_ONCE_SECONDS = 30.0


@dataclass(frozen=True)
class World:
    """The cluster at one moment. Nothing is copied: pods are gone through once, if a request is about any."""

    nodes: Mapping[str, Node]
    pod_at: Callable[[ObjectKey], Pod | None] = lambda _: None
    every_pod: Callable[[], Iterable[Pod]] = tuple
    budgets: Sequence[PodDisruptionBudget] = ()
    limits: Sequence[DisruptionLimit] = ()
    team_of: Callable[[str], str] = lambda _: ""
    """The team of a namespace."""
    now: float = 0.0

    @cached_property
    def pods_by_namespace(self) -> Mapping[str, Sequence[Pod]]:
        """Return pods that count, by namespace: not those that have ended."""
        found: dict[str, list[Pod]] = {}
        for pod in self.every_pod():
            if not pod.is_finished:
                found.setdefault(pod.metadata.namespace, []).append(pod)
        return found

    @cached_property
    def out_of_service(self) -> frozenset[str]:
        """Return the nodes that are out of service."""
        return frozenset(name for name, node in self.nodes.items() if not is_in_service(node))

    @cached_property
    def starting(self) -> frozenset[str]:
        """Return the nodes that have not been there yet: nobody counts them."""
        return frozenset(name for name in self.out_of_service if is_starting(self.nodes[name], self.now))

    @cached_property
    def groups(self) -> dict[Hashable, dict[str, dict[str, Node]]]:
        """Return nodes as limits group them; filled by who counts, so that many requests go through nodes once."""
        return {}

    @cached_property
    def gpus(self) -> Mapping[str, int]:
        """Return how many GPUs nodes have, of those that have any."""
        return {name: count for name, node in self.nodes.items() if (count := gpus_of(node))}

    @cached_property
    def gpus_out(self) -> Mapping[str, int]:
        """Return how many of them are seen to be out of service."""
        return {
            name: count if name in self.out_of_service else gpus_missing(self.nodes[name])
            for name, count in self.gpus.items()
        }

    @cached_property
    def _apps(self) -> dict[str, Mapping[str, Sequence[Pod]]]:
        return {}

    def apps_in(self, namespace: str) -> Mapping[str, Sequence[Pod]]:
        """Return a namespace's pods that count, by application; gone through once, however many requests ask."""
        if namespace not in self._apps:
            found: dict[str, list[Pod]] = {}
            for pod in self.pods_by_namespace.get(namespace, ()):
                found.setdefault(app_of(pod), []).append(pod)
            self._apps[namespace] = found
        return self._apps[namespace]

    def corrected(self, nodes: Mapping[str, Node | None], pods: Mapping[ObjectKey, Pod | None]) -> World:
        """Return the world with some of it as it was read afresh; None for what is gone."""
        if not nodes and not pods:
            return self

        def pod_at(key: ObjectKey) -> Pod | None:
            return pods[key] if key in pods else self.pod_at(key)

        gone = {name for name, node in nodes.items() if node is None}
        others = {name: node for name, node in self.nodes.items() if name not in gone}
        return replace(
            self,
            nodes=others | {name: node for name, node in nodes.items() if node is not None},
            pod_at=pod_at,
            every_pod=lambda: (
                *(pod for pod in self.every_pod() if pod.key not in pods),
                *(pod for pod in pods.values() if pod is not None),
            ),
        )

    def pods_of(self, app: str, namespace: str) -> list[Pod]:
        """Return the pods of an application that are there to stay."""
        return [pod for pod in self.apps_in(namespace).get(app, ()) if not pod.is_terminating]


def is_in_service(node: Node) -> bool:
    """Tell whether a node is ready and takes pods."""
    return node.is_ready and not node.spec.unschedulable


def is_starting(node: Node, now: float) -> bool:
    """Tell whether a node is new and has never been ready."""
    created = parse_time(node.metadata.creation_timestamp) if node.metadata.creation_timestamp else 0.0
    if node.is_ready or now - created > STARTING_SECONDS:
        return False
    ready = find_condition(node.status.conditions, "Ready")
    since = ready.last_transition_time if ready is not None else None
    return since is None or parse_time(since) - created <= _AT_ONCE_SECONDS


def is_well(pod: Pod) -> bool:
    """Tell whether a pod is there for its users."""
    return pod.is_ready and not pod.is_terminating and not pod.is_finished


def app_of(pod: Pod) -> str:
    """Name the application of a pod: `Deployment/ns/name`, or the pod itself."""
    workload = workload_of(pod)
    if workload is None:
        return f"Pod/{pod.key}"
    return f"{workload.kind}/{workload.namespace}/{workload.name}"


def gpus_of(node: Node) -> int:
    """Return how many GPUs a node has, whether it offers them or not."""
    try:
        return max(counted(node.metadata.labels) or 0, value(node.status.capacity.get(GPU, 0)), 0)
    except ValueError:
        return 0


def gpus_missing(node: Node) -> int:
    """Return how many GPUs a node has and does not offer."""
    capacity, allocatable = node.status.capacity.get(GPU, 0), node.status.allocatable.get(GPU, 0)
    try:
        return min(max(value(capacity) - value(allocatable), 0), gpus_of(node))
    except ValueError:
        return 0
