"""Pods as the usage tests want them."""

import msgspec

from kubewright.api.conditions import Condition
from kubewright.api.core import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStatus,
    Pod,
    PodSpec,
    PodStatus,
    ResourceRequirements,
)
from kubewright.api.meta import ObjectMeta, OwnerReference, rfc3339


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


def running(subject, started_at, *, ready=True):
    """Return a pod whose containers run since a moment."""
    state = ContainerState(running=ContainerStateRunning(rfc3339(started_at)))
    statuses = tuple(ContainerStatus(name=each.name, ready=ready, state=state) for each in subject.spec.containers)
    conditions = (Condition("Ready", "True" if ready else "False"),)
    status = PodStatus(phase="Running", conditions=conditions, container_statuses=statuses)
    return msgspec.structs.replace(subject, status=status)
