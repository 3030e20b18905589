"""The part of a cluster that a remedy touches, out of the healer's caches and fit to live on its own. Pure.

That is the workloads whose pods it takes away or whose templates it changes, their pods, the nodes of these and those
where new ones would go. What other pods take of a node is taken off what the node has. Of a large workload only some
pods are copied, with those that the remedy takes away among them, and it wants no more than these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.apps import DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, ReplicaSet
from kubewright.api.core import NAMESPACES, NODES, PODS, Node, Pod
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource, controller_of
from kubewright.api.plan import Action, Announce, Apply, Delete, Evict, Patch, Plan
from kubewright.api.resources import amounts, pod_request, write_amount
from kubewright.healing.seen import Seen
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.twin.reading import as_dict, as_list, dicts, text

MOST_WORKLOADS = 20
MOST_PODS = 40
"""Of one workload."""
_FLEETS: tuple[Resource[Any], ...] = (DEPLOYMENTS, STATEFUL_SETS)
_OWNERS = frozenset({DEPLOYMENTS.kind, REPLICA_SETS.kind, STATEFUL_SETS.kind})
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_UNSERVED = ("schedulerName", "runtimeClassName", "priorityClassName", "serviceAccountName", "serviceAccount")
"""What names others who are not copied: a scheduler, classes and accounts."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A workload that a remedy touches."""

    resource: Resource[Any]
    key: ObjectKey
    pods: tuple[Pod, ...]
    """Those that are copied."""
    wanted: int


def fleets_of(plan: Plan, leaving: Iterable[Pod], seen: Seen) -> list[Fleet]:
    """Return the workloads that a plan touches and that can be lived through, and whose pods go, first."""
    going = {pod.metadata.uid for pod in leaving}
    touched: dict[tuple[str, ObjectKey], Resource[Any]] = {}
    for action in plan.actions:
        found = _touched(action, seen)
        if found is not None:
            touched.setdefault((found[0].plural, found[1]), found[0])
    fleets = (_fleet(resource, key, going, seen) for (_, key), resource in touched.items())
    return [each for each in fleets if each is not None]


def _touched(action: Action, seen: Seen) -> tuple[Resource[Any], ObjectKey] | None:
    if isinstance(action, Announce):
        return None
    resource, key = action.resource, action.key
    pod = seen.get(PODS, key) if resource.plural == PODS.plural else None
    if pod is not None:
        resource, top = seen.top_of(PODS, pod)
        key = top.key
    return next(((each, key) for each in _FLEETS if each.plural == resource.plural), None)


def _fleet(resource: Resource[Any], key: ObjectKey, going: set[str], seen: Seen) -> Fleet | None:
    """Return a workload; None for one that is gone, or whose pods need what is not copied."""
    obj = seen.get(resource, key)
    if obj is None or obj.metadata.deletion_timestamp:
        return None
    pods = [each for each in seen.pods_of(resource, key) if not each.is_finished]
    pods.sort(key=lambda each: (each.metadata.uid not in going, each.key))
    if any(_needs_others(each) for each in pods):
        return None
    return Fleet(resource, key, tuple(pods[:MOST_PODS]), min(obj.spec.replicas, max(len(pods[:MOST_PODS]), 1)))


def _needs_others(pod: Pod) -> bool:
    """Tell whether a pod needs neighbours, devices or volumes: where these are was asked of the whole cluster."""
    affinity = pod.spec.affinity
    near = affinity is not None and affinity.pod_affinity is not None
    claims = any(each.persistent_volume_claim is not None or each.ephemeral is not None for each in pod.spec.volumes)
    return near or claims or bool(pod.spec.resource_claims)


def objects_of(
    fleets: Sequence[Fleet], nodes: Iterable[str], ill: str, snapshot: ClusterSnapshot, seen: Seen
) -> list[Manifest]:
    """Return the objects of the part, on these nodes and those of its pods; `ill` is a node that takes none."""
    copied = [pod for each in fleets for pod in each.pods]
    names = dict.fromkeys([*nodes, *(pod.spec.node_name for pod in copied if pod.spec.node_name)])
    keys = {pod.key for pod in copied}
    found = [_node(name, ill, keys, snapshot, seen) for name in names]
    places = dict.fromkeys(each.key.namespace for each in fleets)
    found += [_object(NAMESPACES, live) for name in places if (live := seen.get(NAMESPACES, ObjectKey("", name)))]
    for each in fleets:
        live = seen.get(each.resource, each.key)
        if live is None:
            continue
        found.append(_scaled(_object(each.resource, live), each.wanted))
        if each.resource is DEPLOYMENTS:
            sets: list[ReplicaSet] = seen.owned(REPLICA_SETS, live.metadata.uid)
            found += [_scaled(_object(REPLICA_SETS, one), _pods_of(one, each)) for one in sets]
    found += [_pod(pod) for pod in copied]
    return [each for each in found if each is not None]


def _pods_of(one: ReplicaSet, fleet: Fleet) -> int:
    mine = sum(1 for pod in fleet.pods if (owner := controller_of(pod)) and owner.uid == one.metadata.uid)
    return min(one.spec.replicas, mine)


def _node(name: str, ill: str, copied: set[ObjectKey], snapshot: ClusterSnapshot, seen: Seen) -> Manifest | None:
    node: Node | None = seen.get(NODES, ObjectKey("", name))
    column = snapshot.table.columns.get(name)
    if node is None or column is None:
        return None
    left = dict(amounts(node.status.allocatable))
    for placed in snapshot.on_node[column]:
        if placed.row.pod.key not in copied:
            for resource, amount in pod_request(placed.row.pod).items():
                left[resource] = left.get(resource, 0) - amount
    document = _object(NODES, node)
    room = {resource: write_amount(resource, max(amount, 0)) for resource, amount in left.items()}
    status = {**as_dict(document.get("status")), "allocatable": room, "capacity": room}
    spec = as_dict(document.get("spec")) | ({"unschedulable": True} if name == ill else {})
    return {**document, "spec": spec, "status": status}


def _object(resource: Resource[Any], obj: KubeObject) -> Manifest:
    """Return an object as a document, without owners that are not copied: it would be collected with them."""
    document = as_dict(_said(msgspec.json.decode(msgspec.json.encode(obj))))
    metadata = as_dict(document["metadata"])
    owners = [each for each in dicts(metadata, "ownerReferences") if each["kind"] in _OWNERS]
    metadata = {**metadata, "ownerReferences": owners}
    return {**document, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


def _said(value: Any) -> Any:
    """Leave out what a typed object does not say; what is no typed object is left as it is."""
    if not isinstance(value, dict):
        return [_said(each) for each in as_list(value)] if isinstance(value, list) else value
    given = as_dict(value)
    kept = {name: each if name == "template" else _said(each) for name, each in given.items()}
    return {name: each for name, each in kept.items() if each not in _NOTHING}


def _scaled(document: Manifest, replicas: int) -> Manifest:
    spec = as_dict(document.get("spec"))
    return {**document, "spec": {**spec, "replicas": replicas, "template": template(spec.get("template"))}}


def _pod(pod: Pod) -> Manifest:
    document = _object(PODS, pod)
    return {**document, "spec": _alone(as_dict(document.get("spec")))}


def template(given: Any) -> Manifest:
    """Return a template whose pods need nothing that is not copied."""
    document = as_dict(given)
    return {**document, "spec": _alone(as_dict(document.get("spec")))}


def _alone(spec: Mapping[str, Any]) -> Manifest:
    """Return a pod's spec without what it refers to: programs start whatever they are given."""
    rest = {name: value for name, value in spec.items() if name not in _UNSERVED and name != "volumes"}
    for field in ("containers", "initContainers"):
        if dicts(spec, field):
            rest[field] = [_container(each) for each in dicts(spec, field)]
    return rest


def _container(given: Mapping[str, Any]) -> Manifest:
    rest = {name: value for name, value in given.items() if name not in {"envFrom", "env", "volumeMounts"}}
    plain = [each for each in dicts(given, "env") if not each.get("valueFrom")]
    return rest | ({"env": plain} if plain else {})


def played(plan: Plan, objects: Iterable[Manifest]) -> Plan:
    """Return what of a plan is about objects that are there, as it is done there."""
    there = {(each["kind"], text(each, "metadata", "namespace"), text(each, "metadata", "name")) for each in objects}
    actions: list[Action] = []
    for each in plan.actions:
        if isinstance(each, Announce):
            continue
        if (each.resource.kind, each.key.namespace, each.key.name) not in there:
            continue
        match each:
            case Patch(resource, key, uid, operations, says):
                steps = tuple(_step(one) for one in operations if one["op"] != "test")
                actions.append(Patch(resource, key, uid, steps, says))
            case Apply() | Delete() | Evict():
                actions.append(each)
            case _:
                pass
    return Plan(tuple(actions), plan.reason)


def _step(operation: Mapping[str, Any]) -> Manifest:
    value = operation.get("value")
    if operation.get("path") == "/spec/template":
        return {**operation, "value": template(value)}
    return dict(operation)
