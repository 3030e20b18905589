"""Reads what a replay starts from of a live cluster: nodes, pods, jobs, what scales, and what is used now."""

from __future__ import annotations

from typing import TypeVar

from kubewright.api.autoscaling import AUTOSCALERS, POD_METRICS
from kubewright.api.batch import JOBS
from kubewright.api.core import NODES, PODS
from kubewright.api.crds.scalepolicy import SCALE_POLICIES
from kubewright.api.meta import KubeObject, Resource
from kubewright.api.quantity import milli, value
from kubewright.api.resources import CPU, MEMORY
from kubewright.api.workload import Workload
from kubewright.client.protocol import Client
from kubewright.errors import OpError
from kubewright.replay.recorded import Found

T = TypeVar("T", bound=KubeObject)


async def read(client: Client) -> tuple[Found, tuple[str, ...]]:
    """Return what a cluster has, and what of it could not be read; raises OpError if nodes or pods cannot."""
    unread: list[str] = []

    async def some(resource: Resource[T]) -> tuple[T, ...]:
        try:
            return tuple((await client.list(resource)).items)
        except OpError as error:
            unread.append(str(error))
            return ()

    nodes, pods = (await client.list(NODES)).items, (await client.list(PODS)).items
    scaled: dict[Workload, int] = {}
    for hpa in await some(AUTOSCALERS):
        target = hpa.spec.scale_target_ref
        scaled[Workload(hpa.metadata.namespace, target.kind, target.name)] = hpa.spec.min_replicas
    for policy in await some(SCALE_POLICIES):
        target = policy.spec.target
        scaled[Workload(policy.metadata.namespace, target.kind, target.name)] = policy.spec.min
    used = {
        each.key: (
            sum(milli(one.usage.get(CPU, 0)) for one in each.containers),
            sum(value(one.usage.get(MEMORY, 0)) for one in each.containers),
        )
        for each in await some(POD_METRICS)
    }
    return Found(nodes, pods, await some(JOBS), scaled, used), tuple(unread)
