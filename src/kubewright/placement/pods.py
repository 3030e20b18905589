"""A pod as placement sees it: its shape, which it shares with all pods that are alike to filters and scores.

`Shapes` numbers the shapes of a cluster. What a pod alone has, its volumes and the node it names, is read off the pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from kubewright.api.affinity import Affinity, PodAffinity, TopologySpreadConstraint
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.resources import CPU, MEMORY, pod_request
from kubewright.api.selectors import LabelSelector
from kubewright.placement.nodes import Amounts, wanted_amount
from kubewright.placement.peers import Group, Kind, Peers, Term, Wanted, encode, wanted_by, with_label_keys

HostPort: TypeAlias = tuple[str, str, int]
"""Address, protocol, port."""

_UNSET = {CPU: 100, MEMORY: 200 * 1024**2}
"""What a container counts for in scores that does not say what it needs."""
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  the address that stands for all of a node's
_KNOWN = 65_536
_SEEN = 8192
HARD_AFFINITY_WEIGHT = 1
"""What a placed pod's required affinity adds to the score of a pod that it is to (`hardPodAffinityWeight`)."""
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
SYSTEM_SPREAD = (
    TopologySpreadConstraint(max_skew=3, topology_key=HOSTNAME, when_unsatisfiable="ScheduleAnyway"),
    TopologySpreadConstraint(max_skew=5, topology_key=ZONE, when_unsatisfiable="ScheduleAnyway"),
)
"""How pods of a service or a workload spread that say nothing of it themselves."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One topology spread constraint of a shape."""

    topology_key: str
    max_skew: int
    min_domains: int
    honors_affinity: bool
    honors_taints: bool
    group: Group | None
    """The pods that count; None for an empty selector, which counts none, though it matches all."""
    counts_itself: bool
    """Whether the pod, once placed, would be one of them."""


@dataclass(frozen=True, slots=True)
class Near:
    """A group of pods to be near to, or far from, within a domain of the topology."""

    topology_key: str
    group: Group
    weight: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Everything about a pod that filters and scores look at, against one layout of resources."""

    key: bytes
    bearing: bytes
    """The part of the key that has nothing to do with other pods: shapes that share it stand alike with each node."""
    sample: Pod
    """One of the pods, for what is read off the specification."""
    request: Amounts
    """Shape (n_resources,), in the table's rows."""
    scored: Amounts
    """Shape (2,): cpu and memory, with kube-scheduler's 100m and 200 MiB for containers that request none."""
    small: tuple[int, int]
    """The same as integers of Python's, for one node at a time."""
    wanted: tuple[tuple[int, int], ...]
    """The rows that it requests something of, and how much: `request` without zeros."""
    lacking: tuple[str, ...]
    """Resources that it requests and no node has."""
    host_ports: tuple[HostPort, ...]
    kind: Kind
    near: tuple[Near, ...]
    """Required affinity; a pod must match all of the terms to count for any, so all have one group."""
    near_itself: bool
    """Whether it matches its own required affinity: the first of a group may then be anywhere."""
    apart: tuple[Near, ...]
    """Required anti-affinity."""
    preferred: tuple[Near, ...]
    """Preferred affinity, and with negative weights anti-affinity."""
    held: tuple[Term, ...]
    """What it says about other pods once it is placed."""
    hard_spread: tuple[Spread, ...]
    soft_spread: tuple[Spread, ...]
    is_system_spread: bool
    """Whether `soft_spread` is the system's: then nodes that lack one of the labels are rated, too."""
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PodRow:
    """One pod, and what it shares with its like."""

    pod: Pod
    shape: Shape

    @property
    def key(self) -> ObjectKey:
        """Return the pod's namespace and name."""
        return self.pod.key

    @property
    def request(self) -> Amounts:
        """Return what it requests, in the table's rows; shape (n_resources,)."""
        return self.shape.request

    @property
    def priority(self) -> int:
        """Return the pod's priority."""
        return self.pod.spec.priority


class Shapes:
    """The shapes of a cluster's pods, each once."""

    __slots__ = ("_known", "_rows", "_seen", "peers")

    def __init__(self, rows: Mapping[str, int], peers: Peers) -> None:
        self._rows = rows
        self._known: dict[bytes, Shape] = {}
        self._seen: dict[tuple[object, ...], tuple[Shape, Pod]] = {}
        self.peers = peers

    def row(self, pod: Pod, selector: LabelSelector | None = None) -> PodRow:
        """Return the pod with its shape; `selector` is what the system spreads it by, if it does."""
        quick = _identity(pod) if selector is None else None
        seen = None if quick is None else self._seen.get(quick)
        if seen is not None:
            return PodRow(pod, seen[0])
        shape = self._find(pod, selector)
        if quick is not None:
            if len(self._seen) >= _SEEN:
                self._seen.clear()
            # The pod is kept with it: as long as its parts live, no others can have their identity.
            self._seen[quick] = (shape, pod)
        return PodRow(pod, shape)

    def _find(self, pod: Pod, selector: LabelSelector | None) -> Shape:
        own = _own_parts(pod)
        key = own + _social_parts(pod, selector)
        shape = self._known.get(key)
        if shape is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            shape = self._known[key] = _shape((key, own), pod, selector, self._rows, self.peers)
        return shape


def _identity(pod: Pod) -> tuple[object, ...] | None:
    """Return which parts a pending pod is made of; parts that were interned are the same for all that are alike."""
    metadata, spec, status = pod.metadata, pod.spec, pod.status
    if status.container_statuses or status.init_container_statuses or spec.resources or metadata.deletion_timestamp:
        return None
    if spec.volumes and any(each.image is not None for each in spec.volumes):
        return None
    return (
        metadata.namespace,
        id(metadata.labels),
        id(spec.containers),
        id(spec.init_containers),
        id(spec.affinity),
        id(spec.node_selector),
        id(spec.tolerations),
        id(spec.topology_spread_constraints),
        id(spec.overhead),
    )


def _own_parts(pod: Pod) -> bytes:
    """Return everything that decides how a pod stands with a node and the pods there, whoever else is anywhere."""
    spec, status = pod.spec, pod.status
    containers = [(each.image, each.ports, each.resources) for each in spec.containers]
    init = [(each.image, each.ports, each.resources, each.restart_policy) for each in spec.init_containers]
    resized = [
        (each.name, each.allocated_resources, each.resources, status.conditions)
        for each in (*status.container_statuses, *status.init_container_statuses)
        if each.allocated_resources is not None or each.resources is not None
    ]
    return encode(
        (
            containers,
            init,
            spec.resources,
            spec.overhead,
            spec.node_selector,
            spec.affinity and spec.affinity.node_affinity,
            spec.tolerations,
            resized,
            [each.name for each in (*spec.containers, *spec.init_containers)] if resized else (),
            status.allocated_resources,
            status.resources,
            [each.image.reference for each in spec.volumes if each.image is not None],
        )
    )


def _social_parts(pod: Pod, selector: LabelSelector | None) -> bytes:
    """Return what decides how a pod stands with other pods."""
    metadata, affinity = pod.metadata, pod.spec.affinity
    return encode(
        (
            metadata.namespace,
            metadata.labels,
            metadata.deletion_timestamp is not None,
            affinity and (affinity.pod_affinity, affinity.pod_anti_affinity),
            pod.spec.topology_spread_constraints,
            selector,
        )
    )


def _shape(
    keys: tuple[bytes, bytes], pod: Pod, selector: LabelSelector | None, rows: Mapping[str, int], peers: Peers
) -> Shape:
    amounts = pod_request(pod)
    request = np.zeros(len(rows), np.int64)
    for name, amount in amounts.items():
        if name in rows:
            request[rows[name]] = wanted_amount(amount)
    requested = pod_request(pod, _UNSET)
    scored = wanted_amount(requested[CPU]), wanted_amount(requested[MEMORY])
    kind = peers.kind(pod)
    near, apart, preferred = _near(pod, peers)
    hard, soft = _spread(pod, selector, peers)
    return Shape(
        key=keys[0],
        bearing=keys[1],
        sample=pod,
        request=request,
        scored=np.array(scored, np.int64),
        small=scored,
        wanted=tuple((int(row), int(request[row])) for row in np.flatnonzero(request)),
        lacking=tuple(sorted(name for name, amount in amounts.items() if amount > 0 and name not in rows)),
        host_ports=tuple(_host_ports(pod)),
        kind=kind,
        near=near,
        near_itself=bool(near) and near[0].group in kind.groups,
        apart=apart,
        preferred=preferred,
        held=tuple(_held(pod, peers, apart, preferred)),
        hard_spread=hard,
        soft_spread=soft,
        is_system_spread=not pod.spec.topology_spread_constraints,
        images=tuple(_images(pod)),
    )


def _host_ports(pod: Pod) -> Iterator[HostPort]:
    for container in pod.spec.staying:
        for port in container.ports:
            if port.host_port > 0:
                yield port.host_ip or ANY_ADDRESS, port.protocol, port.host_port


def _images(pod: Pod) -> Iterator[str]:
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        yield normalized_image(container.image)
    for volume in pod.spec.volumes:
        if volume.image is not None:
            yield normalized_image(volume.image.reference)


def normalized_image(name: str) -> str:
    """Return an image's name as nodes report it: with a tag (`normalizedImageName`)."""
    return name if name.rfind(":") > name.rfind("/") else f"{name}:latest"


_NOTHING = Affinity(pod_affinity=PodAffinity(), pod_anti_affinity=PodAffinity())


def _near(pod: Pod, peers: Peers) -> tuple[tuple[Near, ...], tuple[Near, ...], tuple[Near, ...]]:
    affinity = pod.spec.affinity or _NOTHING
    to, away = affinity.pod_affinity or PodAffinity(), affinity.pod_anti_affinity or PodAffinity()
    near: tuple[Near, ...] = ()
    if to.required:
        group = peers.group([wanted_by(term, pod) for term in to.required])
        near = tuple(Near(term.topology_key, group) for term in to.required)
    apart = tuple(Near(term.topology_key, peers.group([wanted_by(term, pod)])) for term in away.required)
    preferred = tuple(
        Near(
            each.pod_affinity_term.topology_key,
            peers.group([wanted_by(each.pod_affinity_term, pod)]),
            sign * each.weight,
        )
        for sign, side in ((1, to), (-1, away))
        for each in side.preferred
    )
    return near, apart, preferred


def _held(pod: Pod, peers: Peers, apart: tuple[Near, ...], preferred: tuple[Near, ...]) -> Iterator[Term]:
    for each in apart:
        yield peers.term(each.topology_key, 0, each.group)
    for each in preferred:
        if each.weight:
            yield peers.term(each.topology_key, each.weight, each.group)
    affinity = pod.spec.affinity
    for term in affinity.pod_affinity.required if affinity and affinity.pod_affinity else ():
        group = peers.group([wanted_by(term, pod)])
        yield peers.term(term.topology_key, HARD_AFFINITY_WEIGHT, group)


def _spread(pod: Pod, selector: LabelSelector | None, peers: Peers) -> tuple[tuple[Spread, ...], tuple[Spread, ...]]:
    own = pod.spec.topology_spread_constraints
    hard = tuple(_constraint(each, each.label_selector, pod, peers) for each in own if _is_hard(each))
    soft = [each for each in own if not _is_hard(each)]
    if own:
        return hard, tuple(_constraint(each, each.label_selector, pod, peers) for each in soft)
    if selector is None:
        return (), ()
    return (), tuple(_constraint(each, selector, pod, peers) for each in SYSTEM_SPREAD)


def _is_hard(constraint: TopologySpreadConstraint) -> bool:
    return constraint.when_unsatisfiable == "DoNotSchedule"


def _constraint(given: TopologySpreadConstraint, selector: LabelSelector | None, pod: Pod, peers: Peers) -> Spread:
    namespace, labels = pod.metadata.namespace, pod.metadata.labels
    selector = with_label_keys(selector, given.match_label_keys, labels)
    is_empty = selector is not None and not selector.match_labels and not selector.match_expressions
    group = None if is_empty else peers.group([Wanted((namespace,), None, selector)], staying=True)
    return Spread(
        topology_key=given.topology_key,
        max_skew=given.max_skew,
        min_domains=given.min_domains,
        honors_affinity=given.node_affinity_policy == "Honor",
        honors_taints=given.node_taints_policy == "Honor",
        group=group,
        counts_itself=selector is not None and selector.matches(labels),
    )
