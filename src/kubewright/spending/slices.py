"""Makes of a store's series what there was in each part of a time, and who asked for it and used it. Pure.

A point is about the time since the one before. Within it a pod counts by its seconds: from its start to its end, where
the store knows them, or to when it was last seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.meta import EMPTY, ObjectKey
from kubewright.api.pods import Pod
from kubewright.api.workload import Workload, workload_of
from kubewright.costs.facts import Asset, Demand, Owner, Resource, asset_key
from kubewright.costs.gpus import gpus_asked, gpus_there
from kubewright.costs.prices import PriceBook, Said
from kubewright.devices.mig import RESOURCE_PREFIX
from kubewright.devices.requests import CORES, GPU, MEMORY_SHARE, SHARED
from kubewright.series.protocol import CLAIM as CLAIM_LABEL
from kubewright.series.protocol import CONTAINER, NAMESPACE, POD
from kubewright.spending.objects import CLAIM, SERVICE, Directory
from kubewright.spending.points import Key, Parts, Point, Told, Values, key_of, latest
from kubewright.spending.present import NODE, claim_asset, cluster_fee, whole

_MIG = re.compile(r"nvidia_com_mig_(\d+g)_(\d+gb)(_me)?", re.ASCII)
_WRITTEN = (GPU, CORES, MEMORY_SHARE, SHARED)
_NAMES = {re.sub(r"\W", "_", each): each for each in _WRITTEN}
_POD = (NAMESPACE, POD, "uid")
_CLAIM = (NAMESPACE, CLAIM_LABEL)


@dataclass(slots=True)
class Answers:
    """What a store said about some parts of a time, by question."""

    parts: Parts
    nodes: Told = ()
    nodes_began: Told = ()
    nodes_last_seen: Told = ()
    pods: Told = ()
    pods_began: Told = ()
    pods_ended: Told = ()
    pods_last_seen: Told = ()
    requests: Told = ()
    replica_sets: Told = ()
    cpu: Told = ()
    """Of use that is not known there are no series."""
    memory: Told = ()
    gpu: Told = ()
    claims: Told = ()
    classes: Told = ()
    balancers: Told = ()
    sent: Told = ()


@dataclass(frozen=True, slots=True)
class Background:
    """What is known besides the store's series."""

    book: PriceBook
    directory: Directory
    pods: Mapping[ObjectKey, Pod] = field(default_factory=dict[ObjectKey, Pod])
    """Those that are there."""
    node_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    said: Mapping[str, Said] = field(default_factory=dict[str, Said])
    labels: Mapping[tuple[str, ObjectKey], Mapping[str, str]] = field(
        default_factory=dict[tuple[str, ObjectKey], Mapping[str, str]]
    )
    """Of claims and services that are there, by kind."""

    def owner(self, kind: str, key: Key) -> Owner:
        """Return the owner of what a claim or a service costs."""
        name = ObjectKey(*key)
        return self.directory.of_object(kind, name, self.labels.get((kind, name), EMPTY))


@dataclass(slots=True)
class Slice:
    """One part of a time."""

    start: int
    assets: list[Asset] = field(default_factory=list[Asset])
    demands: list[Demand] = field(default_factory=list[Demand])
    strangers: set[str] = field(default_factory=set[str])
    """Nodes that are gone, so that nobody knows their labels, types and prices."""

    def add_whole(self, owner: Owner, asset: Asset) -> None:
        """Add something that is all somebody's."""
        self.assets.append(asset)
        self.demands.append(whole(owner, asset))


@dataclass(frozen=True, slots=True)
class _Alive:
    """A pod within a part."""

    key: ObjectKey
    uid: Key
    node: str
    owner: Owner
    seconds: int


def slices(answers: Answers, known: Background) -> Iterator[Slice | None]:
    """Yield each part; None for one that the store knows nothing of."""
    reader = _Reader(answers, known)
    for part in range(answers.parts.count):
        yield reader.read(part)


class _Reader:
    """Answers, by part."""

    def __init__(self, told: Answers, known: Background) -> None:
        parts = self._parts = told.parts
        self._known = known
        self._nodes = parts.by_key(told.nodes, "node")
        self._nodes_seen = _unseen_since(parts.values(told.nodes_last_seen, "node"), self._nodes)
        self._nodes_began = latest(told.nodes_began, "node")
        self._pods = parts.by_key(told.pods, *_POD)
        self._seen = _unseen_since(parts.values(told.pods_last_seen, *_POD), self._pods)
        self._began, self._ended = latest(told.pods_began, *_POD), latest(told.pods_ended, *_POD)
        self._requests = parts.by_key(told.requests, *_POD)
        self._cpu = parts.values(told.cpu, NAMESPACE, POD, CONTAINER)
        self._memory = parts.values(told.memory, NAMESPACE, POD, CONTAINER)
        self._gpu = parts.values(told.gpu, NAMESPACE, POD)
        self._sent = parts.values(told.sent, NAMESPACE, POD)
        self._claims = parts.values(told.claims, *_CLAIM)
        self._balancers = parts.values(told.balancers, NAMESPACE, "service")
        self._classes = {key_of(each, _CLAIM): each.labels.get("storageclass", "") for each in told.classes}
        self._sets = {
            key_of(each, (NAMESPACE, "replicaset")): each.labels.get("owner_name", "") for each in told.replica_sets
        }
        self._containers: dict[ObjectKey, dict[str, None]] = {}
        for each in (*told.cpu, *told.memory):
            self._containers.setdefault(each.pod, {})[each.labels.get(CONTAINER, "")] = None

    def read(self, part: int) -> Slice | None:
        """Return one part."""
        if part not in self._nodes:
            return None
        found = Slice(self._parts.start + part * self._parts.seconds)
        for (name,), told in self._nodes[part].items():
            found.assets.append(self._node(part, name, told, found))
        self._add_pods(part, found)
        self._add_others(part, found)
        return found

    def _node(self, part: int, name: str, told: Sequence[Point], found: Slice) -> Asset:
        labels = self._known.node_labels.get(name)
        if labels is None:
            found.strangers.add(name)
            labels = EMPTY
        there = {_plain(each.labels.get("resource", "")): each.value for each in told}
        capacity = {Resource.CPU: round(there.get("cpu", 0) * 1000), Resource.MEMORY: round(there.get("memory", 0))}
        gpus = gpus_there({each: round(value) for each, value in there.items()}, labels)
        capacity |= {Resource.GPU: gpus} if gpus else {}
        tariff = self._known.book.node(labels, capacity, self._known.said.get(name))
        seconds = self._parts.within(part, self._nodes_began.get((name,)), _at(self._nodes_seen, part).get((name,)))
        return Asset(NODE, name, {each: there * seconds for each, there in capacity.items()}, tariff, labels, seconds)

    def _add_pods(self, part: int, found: Slice) -> None:
        alive = [self._alive(part, key, told[0].labels) for key, told in self._pods.get(part, {}).items()]
        together: dict[ObjectKey, int] = {}
        for each in alive:
            together[each.key] = together.get(each.key, 0) + each.seconds
        network = self._known.book.flat(Resource.NETWORK)
        sent = 0
        for each in alive:
            if each.seconds:
                share = each.seconds / together[each.key]
                found.demands.extend(self._of_pod(part, each, share))
                mine = round(_at(self._sent, part).get(each.key, 0.0) * share) if network else 0
                found.demands.append(Demand(each.owner, asset_key("Network", "sent"), Resource.NETWORK, mine, mine))
                sent += mine
        if network:
            found.assets.append(Asset("Network", "sent", {Resource.NETWORK: sent}, network))

    def _alive(self, part: int, uid: Key, labels: Mapping[str, str]) -> _Alive:
        key = ObjectKey(uid[0], uid[1])
        living = self._known.pods.get(key)
        if living is not None and living.metadata.uid == uid[2]:
            owner = self._known.directory.of_pod(key, workload_of(living), living.metadata.labels)
        else:
            owner = self._known.directory.of_pod(key, self._workload(key.namespace, labels), None)
        ends = [each for each in (self._ended.get(uid), _at(self._seen, part).get(uid)) if each is not None]
        seconds = self._parts.within(part, self._began.get(uid), min(ends, default=None))
        return _Alive(key, uid, labels.get("node", ""), owner, seconds)

    def _workload(self, namespace: str, labels: Mapping[str, str]) -> Workload | None:
        kind, name = labels.get("created_by_kind", ""), labels.get("created_by_name", "")
        deployment = self._sets.get((namespace, name)) if kind == "ReplicaSet" else None
        if deployment:
            return Workload(namespace, "Deployment", deployment)
        return Workload(namespace, kind, name) if name and kind != "<none>" else None

    def _of_pod(self, part: int, pod: _Alive, share: float) -> Iterator[Demand]:
        node, seconds = asset_key(NODE, pod.node), pod.seconds
        asked: dict[str, dict[str, float]] = {}
        for labels, value in self._requests.get(part, {}).get(pod.uid, ()):
            asked.setdefault(labels.get(CONTAINER, ""), {})[_plain(labels.get("resource", ""))] = value
        for container in {**dict.fromkeys(asked), **self._containers.get(pod.key, {})}:
            owner, requests = pod.owner._replace(container=container), asked.get(container, {})
            # A rate is what was used divided by the whole part, a mean of memory is of the time that there was any.
            cores = _at(self._cpu, part).get((*pod.key, container))
            used = None if cores is None else round(cores * self._parts.seconds * share * 1000)
            yield Demand(owner, node, Resource.CPU, round(requests.get("cpu", 0) * 1000) * seconds, used)
            held = _at(self._memory, part).get((*pod.key, container))
            used = None if held is None else round(held * seconds)
            yield Demand(owner, node, Resource.MEMORY, round(requests.get("memory", 0)) * seconds, used)
            of_node = self._known.node_labels.get(pod.node, EMPTY)
            gpus = gpus_asked({each: round(value) for each, value in requests.items()}, of_node) * seconds
            if gpus:
                busy = _at(self._gpu, part).get(pod.key)
                yield Demand(owner, node, Resource.GPU, gpus, None if busy is None else round(busy * gpus))

    def _add_others(self, part: int, found: Slice) -> None:
        book = self._known.book
        for key, size in _at(self._claims, part).items():
            there = round(size) * self._parts.seconds
            found.add_whole(
                self._known.owner(CLAIM, key), claim_asset("/".join(key), there, book, self._classes.get(key, ""))
            )
        balancer = book.flat(Resource.BALANCER)
        if balancer:
            for key in _at(self._balancers, part):
                there = {Resource.BALANCER: self._parts.seconds}
                found.add_whole(self._known.owner(SERVICE, key), Asset(SERVICE, "/".join(key), there, balancer))
        found.assets.extend(cluster_fee(book, self._parts.seconds))


def _at(values: Mapping[int, Values], part: int) -> Values:
    return values.get(part, {})


def _unseen_since(seen: Mapping[int, Values], there: Mapping[int, Mapping[Key, object]]) -> dict[int, Values]:
    """Return when things were last seen of a part, but for those that the next part knows again.

    At the end of a part the store may lack a sample, as when a scrape came too late or an exporter started anew.
    """
    return {
        part: {key: at for key, at in values.items() if key not in there.get(part + 1, {})}
        for part, values in seen.items()
    }


def _plain(name: str) -> str:
    """Return a resource's own name, of the one that kube-state-metrics makes of it."""
    if match := _MIG.fullmatch(name):
        return f"{RESOURCE_PREFIX}{match[1]}.{match[2]}{'.me' if match[3] else ''}"
    return _NAMES.get(name, name)
