"""Objects as the controllers see them, in one line each."""

from kubewright.api.apps import (
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    DeploymentStrategy,
    ReplicaSet,
    ReplicaSetSpec,
    ReplicaSetStatus,
    RollingUpdate,
)
from kubewright.api.conditions import Condition
from kubewright.api.core import Container, ContainerPort, ContainerStatus, Pod, PodSpec, PodStatus
from kubewright.api.meta import ObjectMeta, OwnerReference, rfc3339
from kubewright.api.selectors import LabelSelector

NOW = 1_900_000_000.0
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "web:1"}]}}


def template(image):
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": image}]}}


def owned(kind, uid, *, controller=True, block=True, api_version="apps/v1"):
    return OwnerReference(api_version, kind, uid, uid, controller, block)


def deployment(replicas=3, *, image="web:1", surge="25%", unavailable="25%", recreate=False, status=None, **spec):
    strategy = DeploymentStrategy("Recreate") if recreate else DeploymentStrategy(
        "RollingUpdate", RollingUpdate(surge, unavailable)
    )  # fmt: skip
    metadata = ObjectMeta(name="web", namespace="default", uid="web", generation=1, annotations=spec.pop("notes", {}))
    selector = LabelSelector(match_labels={"app": "web"})
    return Deployment(
        metadata=metadata,
        spec=DeploymentSpec(replicas, selector, template(image), strategy, **spec),
        status=status or DeploymentStatus(),
    )


def replica_set(name, replicas, available=None, *, image="web:1", age=0, notes=None, uid="", owners=None, **status):
    available = replicas if available is None else available
    counts = {"replicas": replicas, "ready_replicas": available, "observed_generation": 1} | status
    metadata = ObjectMeta(
        name=name,
        namespace="default",
        uid=uid or name,
        generation=1,
        creation_timestamp=rfc3339(NOW - age),
        annotations=notes or {},
        owner_references=(owned("Deployment", "web"),) if owners is None else owners,
    )
    selector = LabelSelector(match_labels={"app": "web"})
    return ReplicaSet(
        metadata=metadata,
        spec=ReplicaSetSpec(replicas, selector, template(image)),
        status=ReplicaSetStatus(available_replicas=available, **counts),
    )


def pod(name, *, on="n1", ready=True, phase="Running", ip="", labels=None, restarts=0, ready_at=NOW - 100, ports=(),
        created_at=NOW - 200, notes=None, terminating=False, owners=(), policy="Always", **spec):  # fmt: skip
    condition = Condition("Ready", "True" if ready else "False", "", "", rfc3339(ready_at))
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace="default",
            uid=f"uid-{name}",
            resource_version="7",
            labels={"app": "web"} if labels is None else labels,
            annotations=notes or {},
            creation_timestamp=rfc3339(created_at),
            deletion_timestamp=rfc3339(NOW) if terminating else None,
            owner_references=tuple(owners),
        ),
        spec=PodSpec(
            node_name=on,
            containers=(Container("main", "web:1", tuple(ContainerPort(number, name) for name, number in ports)),),
            restart_policy=policy,
            **spec,
        ),
        status=PodStatus(
            phase=phase,
            conditions=(condition,),
            pod_ip=ip,
            container_statuses=(ContainerStatus("main", restart_count=restarts),),
        ),
    )
