"""What a cluster costs an hour as it is: by what the API server has, and what is used now. Pure but for `ask`.

There is no history in it: a pod that ended a minute ago costs nothing, and one that was just placed costs its hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kubewright.api.core import Pod
from kubewright.api.meta import EMPTY, ObjectKey
from kubewright.api.resources import CPU, MEMORY, amounts, pod_request
from kubewright.api.workload import workload_of
from kubewright.costs.facts import Asset, Demand, Owner, Resource, asset_key
from kubewright.costs.gpus import gpus_asked
from kubewright.costs.prices import PriceBook
from kubewright.devices.requests import VENDOR
from kubewright.series.protocol import CONTAINER, MetricSource, Missing, PodQuery, Signal
from kubewright.spending.objects import BALANCER, CLAIM, SERVICE, Directory, Objects, capacity_of, said_prices, teams_of

HOUR = 3600
WINDOW_SECONDS = 300.0
NODES_AT_ONCE = 100
NODE = "Node"
POD_ITSELF = ""
"""The container to which is charged what a pod asks for beyond its containers: overhead, and what starting takes."""
_SIGNALS = {Resource.CPU: Signal.CONTAINER_CPU, Resource.MEMORY: Signal.CONTAINER_MEMORY}


@dataclass(frozen=True, slots=True)
class Use:
    """What is used now."""

    containers: Mapping[Resource, Mapping[tuple[ObjectKey, str], float]] = field(
        default_factory=dict[Resource, Mapping[tuple[ObjectKey, str], float]]
    )
    """Cores and bytes, by pod and container."""
    gpus: Mapping[ObjectKey, float] = field(default_factory=dict[ObjectKey, float])
    """The share of its GPUs' time, by pod."""
    missing: tuple[str, ...] = ()
    """What is not known, and why."""


async def ask(source: MetricSource | None, window_seconds: float = WINDOW_SECONDS) -> Use:
    """Ask what is used."""
    if source is None:
        return Use(missing=("use: nobody was asked",))
    missing: list[str] = []
    containers: dict[Resource, Mapping[tuple[ObjectKey, str], float]] = {}
    for resource, signal in _SIGNALS.items():
        found = await source.instant(PodQuery(signal, window_seconds))
        if isinstance(found, Missing):
            missing.append(f"use of {resource.value}: {found}")
        else:
            containers[resource] = {(each.pod, each.labels.get(CONTAINER, "")): each.value for each in found.samples}
    gpus = await source.instant(PodQuery(Signal.GPU, window_seconds))
    shares = {} if isinstance(gpus, Missing) else {each.pod: each.value for each in gpus.samples}
    return Use(containers, shares, tuple(missing))


def present(objects: Objects, book: PriceBook, use: Use) -> tuple[list[Asset], list[Demand]]:
    """Return an hour of what there is, and of who asks for it and uses it."""
    assets: list[Asset] = []
    demands: list[Demand] = []
    for there, wanted in batches(objects, book, use):
        assets += there
        demands += wanted
    return assets, demands


def batches(objects: Objects, book: PriceBook, use: Use) -> Iterator[tuple[list[Asset], list[Demand]]]:
    """Yield the same, some nodes at a time with the pods on them, so that whoever allocates can do else between."""
    directory, labels = Directory(teams_of(objects)), objects_labels(objects)
    by_node: dict[str, list[Pod]] = {}
    for pod in objects.pods:
        by_node.setdefault(pod.spec.node_name, []).append(pod)
    assets = list(_nodes(objects, book))
    for first in range(0, len(assets), NODES_AT_ONCE):
        some = assets[first : first + NODES_AT_ONCE]
        pods = [pod for asset in some for pod in by_node.pop(asset.name, ())]
        yield some, [each for pod in pods for each in _of_pod(pod, labels, directory, use)]
    left = [pod for pods in by_node.values() for pod in pods]
    yield [], [each for pod in left for each in _of_pod(pod, labels, directory, use)]
    yield _others(objects, book, directory)


def _others(objects: Objects, book: PriceBook, directory: Directory) -> tuple[list[Asset], list[Demand]]:
    assets: list[Asset] = []
    demands: list[Demand] = []
    for claim in objects.claims:
        if claim.status.phase == "Bound":
            owner = directory.of_object(CLAIM, claim.key, claim.metadata.labels)
            there = claim_asset(str(claim.key), claim.size_bytes * HOUR, book, claim.storage_class)
            assets.append(there)
            demands.append(whole(owner, there))
    balancer = book.flat(Resource.BALANCER)
    for service in objects.services if balancer else ():
        if balancer and service.spec.type == BALANCER:
            owner = directory.of_object(SERVICE, service.key, service.metadata.labels)
            there = Asset(SERVICE, str(service.key), {Resource.BALANCER: HOUR}, balancer, EMPTY, HOUR)
            assets.append(there)
            demands.append(whole(owner, there))
    return [*assets, *cluster_fee(book, HOUR)], demands


def claim_asset(name: str, byte_seconds: int, book: PriceBook, storage_class: str) -> Asset:
    """Return a claim as something that costs."""
    return Asset(CLAIM, name, {Resource.STORAGE: byte_seconds}, book.storage(storage_class), EMPTY)


def whole(owner: Owner, asset: Asset) -> Demand:
    """Return the demand of whoever has all of an asset of one resource."""
    ((resource, amount),) = asset.amounts.items()
    return Demand(owner, asset_key(asset.kind, asset.name), resource, amount, amount)


def cluster_fee(book: PriceBook, seconds: int) -> Iterator[Asset]:
    """Yield the cluster itself, if it costs something."""
    fee = book.flat(Resource.FEE)
    if fee is not None:
        yield Asset("Cluster", book.file.account, {Resource.FEE: seconds}, fee)


def objects_labels(objects: Objects) -> dict[str, Mapping[str, str]]:
    """Return the labels of nodes."""
    return {node.metadata.name: node.metadata.labels for node in objects.nodes}


def _nodes(objects: Objects, book: PriceBook) -> Iterator[Asset]:
    said = said_prices(objects.nodes, objects.pools)
    for node in objects.nodes:
        name, labels = node.metadata.name, node.metadata.labels
        try:
            capacity = capacity_of(node.status.capacity or node.status.allocatable, labels)
        except ValueError:
            continue  # whoever is on it is told of, as on a node that nobody knows
        tariff = book.node(labels, capacity, said.get(name))
        yield Asset(NODE, name, {each: there * HOUR for each, there in capacity.items()}, tariff, labels, HOUR)


def _of_pod(pod: Pod, nodes: Mapping[str, Mapping[str, str]], directory: Directory, use: Use) -> Iterator[Demand]:
    if not pod.spec.node_name or pod.is_finished:
        return
    owner = directory.of_pod(pod.key, workload_of(pod), pod.metadata.labels)
    node = asset_key(NODE, pod.spec.node_name)
    labels = nodes.get(pod.spec.node_name, EMPTY)
    try:
        left = pod_request(pod)
        asked = {each.name: amounts(each.resources.requests) for each in pod.spec.staying}
    except ValueError:
        return
    for container, requests in asked.items():
        mine = owner._replace(container=container)
        for resource, name, scale in ((Resource.CPU, CPU, 1000), (Resource.MEMORY, MEMORY, 1)):
            known = use.containers.get(resource)
            used = None if known is None else known.get((pod.key, container))
            requested = requests.get(name, 0)
            left[name] = left.get(name, 0) - requested
            yield Demand(mine, node, resource, requested * HOUR, None if used is None else round(used * scale * HOUR))
        gpus = gpus_asked({name: each for name, each in requests.items() if name.startswith(VENDOR)}, labels) * HOUR
        share = use.gpus.get(pod.key)
        if gpus:
            yield Demand(mine, node, Resource.GPU, gpus, None if share is None else round(share * gpus))
    for resource, name in ((Resource.CPU, CPU), (Resource.MEMORY, MEMORY)):
        if left.get(name, 0) > 0:
            yield Demand(owner._replace(container=POD_ITSELF), node, resource, left[name] * HOUR, 0)
