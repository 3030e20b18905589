"""The room that a pool keeps free, as pods that nobody makes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.core import Container, Pod, PodSpec, ResourceRequirements, Toleration
from kubewright.api.crds.nodepool import NodePool
from kubewright.api.meta import ObjectMeta, OwnerReference

NAMESPACE = "kubewright-headroom"
_LOWEST = -(2**31)


def placeholders(pool: NodePool) -> Iterator[Pod]:
    """Yield pods of the sizes that the pool keeps room for: they go before nobody, and only on its nodes."""
    name = pool.metadata.name
    owner = (OwnerReference("kubewright.dev/v1alpha1", "NodePool", name, pool.metadata.uid, controller=True),)
    tolerations = tuple(Toleration(each.key, "Exists", effect=each.effect) for each in pool.spec.taints)
    for index, room in enumerate(pool.spec.headroom):
        container = Container(name="room", resources=ResourceRequirements(requests=room.requests))
        spec = PodSpec(
            containers=(container,),
            node_selector=pool.spec.node_selector,
            tolerations=tolerations,
            priority=_LOWEST,
        )
        for number in range(room.count):
            metadata = ObjectMeta(
                name=f"{name}-{index}-{number}",
                namespace=NAMESPACE,
                uid=f"{name}-{index}-{number}",
                owner_references=owner,
            )
            yield Pod(metadata=metadata, spec=spec)
