"""Small clusters for cases about disruption."""

from __future__ import annotations

from kubewright.api.conditions import Condition
from kubewright.api.core import Node, Pod
from kubewright.api.crds.disruptionlimit import Bound, DisruptionLimit, DisruptionLimitSpec
from kubewright.api.meta import ObjectKey, ObjectMeta, OwnerReference, rfc3339
from kubewright.api.nodes import NodeCondition, NodeSpec, NodeStatus
from kubewright.api.pods import PodSpec, PodStatus
from kubewright.api.policy import PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus
from kubewright.api.selectors import LabelSelector
from kubewright.disruption.world import World

NOW = 1_800_000_000.0
ZONE = "topology.kubernetes.io/zone"


def node(name, zone="a", *, ready=True, cordoned=False, gpus=0, offered=None, age=86_400.0, ready_since=80_000.0):
    created = NOW - age
    condition = NodeCondition("Ready", "True" if ready else "False", "", "", rfc3339(NOW - min(ready_since, age)))
    capacity = {"nvidia.com/gpu": gpus}
    return Node(
        metadata=ObjectMeta(name=name, labels={ZONE: zone}, creation_timestamp=rfc3339(created)),
        spec=NodeSpec(unschedulable=cordoned),
        status=NodeStatus(
            capacity=capacity,
            allocatable={"nvidia.com/gpu": gpus if offered is None else offered},
            conditions=(condition,),
        ),
    )


def pod(name, app="web", node="n0", *, ready=True, namespace="shop", uid="", created=NOW - 3600):
    status = PodStatus(phase="Running", conditions=(Condition("Ready", "True" if ready else "False"),))
    owner = OwnerReference("apps/v1", "StatefulSet", app, f"uid-{app}", controller=True)
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace=namespace,
            uid=uid or f"uid-{name}",
            labels={"app": app},
            owner_references=(owner,) if app else (),
            creation_timestamp=rfc3339(created),
        ),
        spec=PodSpec(node_name=node),
        status=status,
    )


def budget(app, allowed):
    return PodDisruptionBudget(
        metadata=ObjectMeta(name=app, namespace="shop"),
        spec=PodDisruptionBudgetSpec(selector=LabelSelector(match_labels={"app": app})),
        status=PodDisruptionBudgetStatus(disruptions_allowed=allowed),
    )


def limit(name="given", **spec):
    bounds = {sort: Bound(**spec.pop(sort)) for sort in ("nodes", "pods", "gpus") if sort in spec}
    return DisruptionLimit(metadata=ObjectMeta(name=name), spec=DisruptionLimitSpec(**bounds, **spec))


OPEN = (limit("zones"), limit("apps"))
"""In place of those that are built in: they limit nothing."""


def world(nodes=(), pods=(), *, limits=(), budgets=(), now=NOW, teams=None):
    found = {each.key: each for each in pods}
    return World(
        {each.metadata.name: each for each in nodes},
        found.get,
        lambda: tuple(pods),
        tuple(budgets),
        (*OPEN, *limits) if limits is not None else (),
        lambda namespace: (teams or {}).get(namespace, ""),
        now,
    )


def key(name, namespace="shop"):
    return ObjectKey(namespace, name)
