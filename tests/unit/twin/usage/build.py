"""Pods as the usage tests want them."""

from kubewright.api.core import Container, Pod, PodSpec, ResourceRequirements
from kubewright.api.meta import ObjectMeta, OwnerReference


def container(name="main", *, requests=None, limits=None):
    return Container(name=name, image="app:1", resources=ResourceRequirements(requests or {}, limits or {}))


def pod(
    name="a",
    *,
    uid="u",
    containers=None,
    requests=None,
    limits=None,
    annotations=None,
    labels=None,
    owner=None,
    restart_policy="Always",
    node="node-1",
):
    owners = (OwnerReference(kind=owner[0], name=owner[1], uid="o", controller=True),) if owner else ()
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace="shop",
            uid=uid,
            annotations=annotations or {},
            labels=labels or {},
            owner_references=owners,
        ),
        spec=PodSpec(
            node_name=node,
            containers=tuple(containers or [container(requests=requests, limits=limits)]),
            restart_policy=restart_policy,
        ),
    )
