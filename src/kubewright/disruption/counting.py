"""How a group stands with a limit: how many there are, how many are out, and what a request would add. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.core import Node, Pod
from kubewright.api.crds.disruptionledger import LedgerStatus, Permit, TakenPod
from kubewright.api.crds.disruptionlimit import APP, CLUSTER, NAMESPACE, TEAM, ZONE, Bound, DisruptionLimitSpec
from kubewright.disruption.ledger import find
from kubewright.disruption.requests import Request
from kubewright.disruption.world import World, app_of, gpus_missing, gpus_of, is_well
from kubewright.placement.pods import ZONE as ZONE_LABEL

NODES, PODS, GPUS = "nodes", "pods", "gpus"


@dataclass(frozen=True, slots=True)
class Standing:
    """One group of a limit, as a request finds it."""

    sort: str
    group: str
    bound: Bound
    total: int
    out: int
    """Out of service by what is seen and by permits; of a limit about certain requesters, what these hold."""
    unwell: int
    """Out of service at all, whoever it was."""
    sick: int
    """Out of service and by nobody's will: not ready."""
    adds: int
    """What the request would take out besides."""
    asks: int
    """What it asks for that its permit has not yet, whether it is out already or not."""


def standings(spec: DisruptionLimitSpec, request: Request, ledger: LedgerStatus, world: World) -> Iterator[Standing]:
    """Yield the groups of a limit that a request is about."""
    own = tuple(each for each in ledger.permits if concerns(spec, each))
    narrow = bool(spec.requesters or spec.faults)
    mine = find(ledger, request.id) or Permit()
    permits = ledger.permits, own, mine
    if spec.nodes is not None:
        yield from _of_nodes(spec, spec.nodes, request, permits, world, narrow=narrow)
    if spec.gpus is not None:
        yield from _of_gpus(spec, spec.gpus, request, permits, world, narrow=narrow)
    if spec.pods is not None and request.pods:
        yield from _of_pods(spec, spec.pods, request, permits, world, narrow=narrow)


def concerns(spec: DisruptionLimitSpec, asked: Request | Permit) -> bool:
    """Tell whether a limit is about what this requester does about this fault."""
    return (not spec.requesters or asked.requester in spec.requesters) and (
        not spec.faults or asked.fault in spec.faults
    )


def amount(text: str, total: int) -> int:
    """Return a number, or a share of `total`, rounded up."""
    return math.ceil(int(text[:-1]) * total / 100) if text.endswith("%") else int(text)


_Permits = tuple[Sequence[Permit], Sequence[Permit], Permit]
"""All that stand; those that a limit counts; the request's own."""


def _of_nodes(
    spec: DisruptionLimitSpec, bound: Bound, request: Request, permits: _Permits, world: World, *, narrow: bool
) -> Iterator[Standing]:
    every, counted, mine = permits
    held, held_at_all = _nodes(counted), _nodes(every)
    for group, nodes in _node_groups(spec, _touched(request, world), world).items():
        unwell = {name for name in nodes if name in world.out_of_service or name in held_at_all}
        out = {name for name in nodes if name in held} if narrow else unwell
        asked = [name for name in request.nodes if name in nodes]
        yield Standing(
            NODES,
            group,
            bound,
            total=len(nodes),
            out=len(out),
            unwell=len(unwell),
            sick=sum(not node.is_ready for node in nodes.values()),
            adds=sum(name not in out for name in asked),
            asks=sum(name not in mine.nodes for name in asked),
        )


def _of_gpus(
    spec: DisruptionLimitSpec, bound: Bound, request: Request, permits: _Permits, world: World, *, narrow: bool
) -> Iterator[Standing]:
    every, counted, mine = permits
    for group, nodes in _node_groups(spec, _touched(request, world), world).items():
        having = {name: world.gpus[name] for name in nodes if name in world.gpus}
        asks = _gpus_out(having, {}, (_asked(request, mine),))
        if not (asks or bound.stop_below):
            continue
        seen = world.gpus_out
        unwell = _gpus_out(having, seen, every)
        out = _gpus_out(having, {}, counted) if narrow else unwell
        others = [each for each in counted if each.id != request.id]
        then = _gpus_out(having, {} if narrow else seen, (*others, _asked(request, mine)))
        had = _gpus_out(having, {}, (mine,))
        yield Standing(
            GPUS,
            group,
            bound,
            total=sum(having.values()),
            out=out.total(),
            unwell=unwell.total(),
            sick=sum(_gpus_sick(nodes[name]) for name in having),
            adds=(then - out).total(),
            asks=(asks - had).total(),
        )


def _of_pods(
    spec: DisruptionLimitSpec, bound: Bound, request: Request, permits: _Permits, world: World, *, narrow: bool
) -> Iterator[Standing]:
    every, counted, mine = permits
    asked = {
        each.uid: pod
        for each in request.pods
        if (pod := world.pod_at(each.key)) is not None and pod.metadata.uid == each.uid and _is_chosen(spec, pod, world)
    }
    groups: dict[str, list[Pod]] = {}
    for pod in asked.values():
        groups.setdefault(_pod_group(spec, pod, world), []).append(pod)
    had = {each.uid for each in mine.pods}
    for group, wanted in sorted(groups.items()):
        there = {pod.metadata.uid: pod for pod in _pods_of(spec, group, wanted[0], world)}
        gone = _gone(spec, group, every, there, world)
        unwell = {uid for uid, pod in there.items() if not is_well(pod)} | _uids(every, there) | gone
        out = (_uids(counted, there) | _gone(spec, group, counted, there, world)) if narrow else unwell
        yield Standing(
            PODS,
            group,
            bound,
            total=len(there) + len(gone),
            out=len(out),
            unwell=len(unwell),
            sick=sum(not is_well(pod) for pod in there.values()),
            adds=sum(pod.metadata.uid not in out for pod in wanted),
            asks=sum(pod.metadata.uid not in had for pod in wanted),
        )


def _touched(request: Request, world: World) -> set[str]:
    """Return the nodes that a request does anything to: those it takes, and those that it takes pods off."""
    pods = (world.pod_at(each.key) for each in request.pods)
    return {*request.nodes, *request.gpus, *(pod.spec.node_name for pod in pods if pod is not None)} & {*world.nodes}


def _node_groups(spec: DisruptionLimitSpec, touched: Iterable[str], world: World) -> dict[str, dict[str, Node]]:
    """Return the nodes of the groups of which any is touched."""
    chosen = [name for name in sorted(touched) if _is_node_chosen(spec, world.nodes[name])]
    mark = (spec.per, spec.zones, tuple(sorted(spec.node_selector.items())))
    if chosen and mark not in world.groups:
        world.groups[mark] = _grouped(spec, world)
    found = {
        group: world.groups[mark].get(group, {}) for group in (_node_group(spec, world.nodes[name]) for name in chosen)
    }
    # Of a new node there is nothing to count before it has been ready; whoever asks for it is counted all the same.
    for name in chosen:
        if name in world.starting:
            group = _node_group(spec, world.nodes[name])
            found[group] = {**found[group], name: world.nodes[name]}
    return found


def _grouped(spec: DisruptionLimitSpec, world: World) -> dict[str, dict[str, Node]]:
    groups: dict[str, dict[str, Node]] = {}
    for name, node in world.nodes.items():
        if _is_node_chosen(spec, node) and name not in world.starting:
            groups.setdefault(_node_group(spec, node), {})[name] = node
    return groups


def _node_group(spec: DisruptionLimitSpec, node: Node) -> str:
    return node.metadata.labels.get(ZONE_LABEL, "") if spec.per == ZONE else ""


def _is_node_chosen(spec: DisruptionLimitSpec, node: Node) -> bool:
    labels = node.metadata.labels
    return (not spec.zones or labels.get(ZONE_LABEL, "") in spec.zones) and all(
        labels.get(key) == text for key, text in spec.node_selector.items()
    )


def _nodes(permits: Iterable[Permit]) -> frozenset[str]:
    return frozenset(name for each in permits for name in each.nodes)


def _gpus_sick(node: Node) -> int:
    return gpus_missing(node) if node.is_ready else gpus_of(node)


def _gpus_out(having: Mapping[str, int], seen: Mapping[str, int], permits: Iterable[Permit]) -> Counter[str]:
    """Return by node how many GPUs are out: those that are seen to be, or else those that permits are about."""
    taken: Counter[str] = Counter()
    for each in permits:
        taken.update(each.gpus)
        taken.update({name: having.get(name, 0) for name in each.nodes})
    return +Counter({name: min(count, max(seen.get(name, 0), taken[name])) for name, count in having.items()})


def _asked(request: Request, mine: Permit) -> Permit:
    gpus = {name: max(count, mine.gpus.get(name, 0)) for name, count in request.gpus.items()}
    return Permit(nodes=(*mine.nodes, *request.nodes), gpus={**mine.gpus, **gpus})


def _is_chosen(spec: DisruptionLimitSpec, pod: Pod, world: World) -> bool:
    namespace = pod.metadata.namespace
    return (not spec.namespaces or namespace in spec.namespaces) and (
        not spec.teams or world.team_of(namespace) in spec.teams
    )


def _pod_group(spec: DisruptionLimitSpec, pod: Pod, world: World) -> str:
    match spec.per:
        case x if x == NAMESPACE:
            return pod.metadata.namespace
        case x if x == TEAM:
            return world.team_of(pod.metadata.namespace)
        case x if x == APP:
            return app_of(pod)
        case _:
            return ""


def _pods_of(spec: DisruptionLimitSpec, group: str, one: Pod, world: World) -> Iterator[Pod]:
    """Yield the pods of a group, of which `one` is one that is chosen."""
    if spec.per == APP:
        yield from world.apps_in(one.metadata.namespace).get(group, ())
        return
    places = [one.metadata.namespace] if spec.per == NAMESPACE else list(world.pods_by_namespace)
    for place in places:
        for pod in world.pods_by_namespace.get(place, ()):
            if spec.per == NAMESPACE or (
                _is_chosen(spec, pod, world) and (spec.per == CLUSTER or _pod_group(spec, pod, world) == group)
            ):
                yield pod


def _uids(permits: Iterable[Permit], among: Iterable[str]) -> set[str]:
    return {pod.uid for each in permits for pod in each.pods} & set(among)


def _gone(
    spec: DisruptionLimitSpec, group: str, permits: Iterable[Permit], there: Mapping[str, Pod], world: World
) -> set[str]:
    """Return pods of the group that permits are about, that are gone, and in whose place there is none yet."""
    gone = {
        pod.uid: pod.taken
        for permit in permits
        for pod in permit.pods
        if pod.uid not in there and _is_of(spec, group, pod, world)
    }
    if not gone:
        return set()
    since = min(gone.values())
    instead = sum(not is_well(pod) and (pod.metadata.creation_timestamp or "") >= since for pod in there.values())
    return set(sorted(gone)[min(instead, len(gone)) :])


def _is_of(spec: DisruptionLimitSpec, group: str, pod: TakenPod, world: World) -> bool:
    place, team = pod.namespace, world.team_of(pod.namespace)
    chosen = (not spec.namespaces or place in spec.namespaces) and (not spec.teams or team in spec.teams)
    return chosen and {APP: pod.app, NAMESPACE: place, TEAM: team}.get(spec.per, "") == group
