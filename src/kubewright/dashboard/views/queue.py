"""The queue: the pods that have no node, as the scheduler tells of them, and the teams' Queues with their shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.crds.queue import Queue
from kubewright.api.workload import workload_of
from kubewright.dashboard.tables import Row

MOST_PODS = 2000
MOST_TEXT = 1024


class PendingRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A pod that waits for a node."""

    id: str
    namespace: str
    name: str
    workload: str = ""
    since: float = 0.0
    priority: int = 0
    scheduler: str = ""
    reason: str = ""
    message: str = ""
    nominated: str = ""


class QuotaShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much of a quota is used, as quantities."""

    resource: str
    nominal: str
    used: str
    borrowed: str


class QueueRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A team's Queue."""

    id: str
    parent: str = ""
    weight: int = 1
    pending: int = 0
    running: int = 0
    share: str = ""
    quotas: tuple[QuotaShown, ...] = ()


def pending(pods: Iterable[Pod]) -> Iterator[Row]:
    """Yield the pods that wait, those of the highest priority and the longest wait first."""
    line = sorted(pods, key=lambda pod: (-pod.spec.priority, pod.metadata.created_at, pod.key))
    for pod in line[:MOST_PODS]:
        told = find_condition(pod.status.conditions, "PodScheduled")
        workload = workload_of(pod)
        shown = PendingRow(
            id=str(pod.key),
            namespace=pod.metadata.namespace,
            name=pod.metadata.name,
            workload="" if workload is None else f"{workload.kind}/{workload.name}",
            since=pod.metadata.created_at,
            priority=pod.spec.priority,
            scheduler=pod.spec.scheduler_name,
            reason="" if told is None else told.reason,
            message="" if told is None else told.message[:MOST_TEXT],
            nominated=pod.status.nominated_node_name,
        )
        yield Row(shown.id, shown.namespace, shown)


def queues(found: Iterable[Queue]) -> Iterator[Row]:
    """Yield the Queues."""
    for queue in found:
        status, spec = queue.status, queue.spec
        quotas = tuple(QuotaShown(each.resource, each.nominal, each.used, each.borrowed) for each in status.quotas)
        name = queue.metadata.name
        shown = QueueRow(name, spec.parent, spec.weight, status.pending, status.running, status.share, quotas)
        yield Row(name, "", shown)
