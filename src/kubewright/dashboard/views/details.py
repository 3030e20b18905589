"""What is shown of one object beside its row. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from kubewright.api.core import Node, Pod
from kubewright.api.resources import pod_request
from kubewright.api.workload import workload_of
from kubewright.dashboard.access import Sight
from kubewright.dashboard.views.gpus import GpusShown, gpus_shown
from kubewright.dashboard.views.tally import Fare, fare, reason


class PodShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A pod in a list."""

    namespace: str
    name: str
    fare: str
    why: str = ""
    workload: str = ""
    restarts: int = 0
    since: float = 0.0
    asks: Mapping[str, int] = {}


class NodeDetail(msgspec.Struct, frozen=True):
    """A node with its pods."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[str, ...]
    conditions: tuple[str, ...]
    """Those that are not as they should be."""
    version: str
    since: float
    pods: tuple[PodShown, ...]
    hidden: int
    """How many pods are on it that the person may not see."""
    gpus: GpusShown


def node_detail(node: Node, pods: Iterable[Pod], sight: Sight) -> NodeDetail:
    """Return a node and the pods on it that somebody may see, those that are ill first."""
    mine = [pod for pod in pods if pod.spec.node_name == node.metadata.name and not pod.is_finished]
    shown = [_pod(pod) for pod in mine if sight.shows(pod.metadata.namespace)]
    shown.sort(key=lambda pod: (pod.fare != Fare.ILL.value, pod.namespace, pod.name))
    return NodeDetail(
        node.metadata.name,
        node.metadata.labels,
        tuple(f"{each.key}={each.value}:{each.effect}" for each in node.spec.taints),
        tuple(
            f"{each.type}: {each.reason} {each.message}".strip()
            for each in node.status.conditions
            if (each.status == "True") != (each.type == "Ready")
        ),
        node.status.node_info.kubelet_version,
        node.metadata.created_at,
        tuple(shown),
        len(mine) - len(shown),
        gpus_shown(node, mine, sight.shows),
    )


def _pod(pod: Pod) -> PodShown:
    workload = workload_of(pod)
    return PodShown(
        pod.metadata.namespace,
        pod.metadata.name,
        fare(pod).value,
        reason(pod),
        "" if workload is None else f"{workload.kind}/{workload.name}",
        pod.restart_count,
        pod.metadata.created_at,
        pod_request(pod),
    )
