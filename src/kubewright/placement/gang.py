"""A group of pods placed together or not at all, on forks: the snapshot is the caller's to change, or to leave.

`fit_group` tries them one after the other, each seeing those before it. Where the group is to be together, by a label
of nodes, it tries one domain after the other, the tightest that could hold it first, so that large ones stay whole. A
group that only would rather be together is spread over as few domains as it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from kubewright.api.affinity import Affinity, NodeAffinity, NodeSelector, NodeSelectorTerm
from kubewright.api.core import Pod
from kubewright.api.requirements import Requirement
from kubewright.placement.diagnosis import Diagnosis, Refusal
from kubewright.placement.fit import DEFAULT_POLICY, Fit, find, fit
from kubewright.placement.pods import PodRow
from kubewright.placement.policy import Policy
from kubewright.placement.snapshot import ClusterSnapshot

DOMAINS_TRIED = 64
TOPOLOGY_FILTER = "GangTopology"
"""What refuses nodes to a group that finds room only apart."""


@dataclass(frozen=True, slots=True)
class Together:
    """Where the pods of a group are to be with regard to each other."""

    key: str = ""
    """A label of nodes whose value they share; empty if they may be anywhere."""
    required: bool = True
    """Whether they run together or not at all, or would only rather."""
    domains: frozenset[str] = frozenset()
    """The values where some of the group are already."""


ANYWHERE = Together()


@dataclass(frozen=True, slots=True)
class Group:
    """Pods that are placed together."""

    pods: tuple[Pod, ...]
    """The first is placed first."""
    n_needed: int
    """How many of them at least; none else is placed either."""
    together: Together = ANYWHERE


@dataclass(frozen=True, slots=True)
class GroupFit:
    """Where each pod of a group goes; those that a gang can do without may be left over."""

    fits: tuple[Fit, ...]
    left_over: tuple[tuple[Pod, Diagnosis], ...] = ()


@dataclass(frozen=True, slots=True)
class GroupRefusal:
    """Why a group does not fit."""

    n_fitting: int
    """How many of its pods had a node when the first had none, in the domain that took the most."""
    n_pods: int
    diagnosis: Diagnosis
    """What stood against that pod."""
    domain: str = ""
    """Where that was, as `key=value`; empty if it was tried everywhere."""

    def __str__(self) -> str:
        where = f" in {self.domain}" if self.domain else ""
        return f"{self.n_fitting} of {self.n_pods} pods fit{where}: {self.diagnosis}"


Outcome: TypeAlias = GroupFit | GroupRefusal


def fit_group(group: Group, snapshot: ClusterSnapshot, order: int, policy: Policy = DEFAULT_POLICY) -> Outcome:
    """Find nodes for at least as many of the pods as are needed; changes nothing."""
    together = group.together
    if not together.key:
        return _try(group, snapshot, order, policy)
    refused: GroupRefusal | None = None
    for domain in _domains(group, snapshot):
        found = _try(group, snapshot, order, policy, domain)
        if isinstance(found, GroupFit):
            return found
        refused = found if refused is None or found.n_fitting > refused.n_fitting else refused
    if not together.required:
        return _few_domains(group, snapshot, order, policy)
    return refused or _nowhere(group, snapshot, order, policy)


def in_domain(pod: Pod, key: str, domain: str) -> Pod:
    """Return the pod as one that may only be on nodes with this label."""
    return replace(pod, spec=replace(pod.spec, node_selector={**pod.spec.node_selector, key: domain}))


def outside(pod: Pod, key: str, values: Sequence[str]) -> Pod:
    """Return the pod as one that may not be on nodes where the label has one of these values."""
    requirement = Requirement(key, "NotIn", tuple(values))
    affinity = pod.spec.affinity or Affinity()
    nodes = affinity.node_affinity or NodeAffinity()
    terms = nodes.required.node_selector_terms if nodes.required else (NodeSelectorTerm(),)
    narrowed = tuple(
        replace(term, match_expressions=(*term.match_expressions, requirement))
        for term in terms
        if nodes.required is None or term.match_expressions or term.match_fields
    )
    required = NodeSelector(narrowed or terms)
    affinity = replace(
        affinity, node_affinity=replace(nodes, required_during_scheduling_ignored_during_execution=required)
    )
    return replace(pod, spec=replace(pod.spec, affinity=affinity))


def _try(group: Group, snapshot: ClusterSnapshot, order: int, policy: Policy, domain: str = "") -> Outcome:
    """Place the pods on a fork; once more are left over than may be, stop."""
    fork, pods, key = snapshot.fork(), group.pods, group.together.key
    fits: list[Fit] = []
    left_over: list[tuple[Pod, Diagnosis]] = []
    for pod in pods:
        found = fit(in_domain(pod, key, domain) if domain else pod, fork, order, policy)
        if isinstance(found, Diagnosis):
            left_over.append((pod, found))
            if len(pods) - len(left_over) < group.n_needed:
                where = f"{key}={domain}" if domain else ""
                return GroupRefusal(len(fits), len(pods), left_over[0][1], where)
            continue
        fork.assume(found.row, found.column)
        fits.append(_for(pod, found, snapshot))
    return GroupFit(tuple(fits), tuple(left_over))


def _few_domains(group: Group, snapshot: ClusterSnapshot, order: int, policy: Policy) -> Outcome:
    """Fill one domain after the other, the one with the most room first; last the nodes without the label."""
    fork, together = snapshot.fork(), group.together
    fits: list[Fit] = []
    left = list(group.pods)
    slots = _slots(group.pods, snapshot, together.key)
    roomiest = sorted(slots, key=lambda each: (each not in together.domains, -slots[each].in_all, each))
    for domain in roomiest[:DOMAINS_TRIED]:
        remaining: list[Pod] = []
        for pod in left:
            found = find(in_domain(pod, together.key, domain), fork, order, policy)
            if found is None:
                remaining.append(pod)
            else:
                fork.assume(found.row, found.column)
                fits.append(_for(pod, found, snapshot))
        left = remaining
        if not left:
            return GroupFit(tuple(fits))
    rest = _try(Group(tuple(left), max(group.n_needed - len(fits), 0)), fork, order, policy)
    if isinstance(rest, GroupRefusal):
        return GroupRefusal(len(fits) + rest.n_fitting, len(group.pods), rest.diagnosis)
    return GroupFit((*fits, *(_for(each.row.pod, each, snapshot) for each in rest.fits)), rest.left_over)


def _for(pod: Pod, found: Fit, snapshot: ClusterSnapshot) -> Fit:
    """Return what was found for a narrowed pod as that of the pod itself."""
    return Fit(snapshot.row(pod), found.column, found.node)


def _domains(group: Group, snapshot: ClusterSnapshot) -> Iterator[str]:
    """Yield the domains that could hold the group: where some of it are already, or the tightest first."""
    slots, together = _slots(group.pods, snapshot, group.together.key), group.together
    if together.domains:
        if len(together.domains) == 1 or not together.required:
            yield from (each for each in sorted(together.domains) if each in slots)
        if together.required:
            return
    fitting = [each for each in slots if slots[each].of_group >= group.n_needed and each not in together.domains]
    yield from sorted(fitting, key=lambda each: (slots[each].in_all, each))[:DOMAINS_TRIED]


@dataclass(frozen=True, slots=True)
class _Slots:
    """How many of a group's pods a domain has the resources for, at the most."""

    of_group: int
    in_all: int
    """However many the group has."""


def _slots(pods: Sequence[Pod], snapshot: ClusterSnapshot, key: str) -> Mapping[str, _Slots]:
    """Return for each domain how much of the group it has room for."""
    topology = snapshot.table.topology(key)
    rows = _by_shape(snapshot.row(pod) for pod in pods)
    of_group: NDArray[np.int64] = np.zeros(topology.n_domains + 1, np.int64)
    in_all = of_group.copy()
    for row, n_pods in rows:
        slots = _slots_of(row, snapshot, topology.codes, topology.n_domains)
        of_group += np.minimum(slots, n_pods)
        in_all += slots
    return {value: _Slots(int(of_group[code]), int(in_all[code])) for value, code in topology.values.items()}


def _slots_of(row: PodRow, snapshot: ClusterSnapshot, codes: NDArray[np.intp], n_domains: int) -> NDArray[np.int64]:
    table = snapshot.table
    if row.shape.lacking:
        return np.zeros(n_domains + 1, np.int64)
    fitting = np.full(len(table), np.iinfo(np.int32).max, np.int64)
    for resource, amount in row.shape.wanted:
        free = table.allocatable[resource] - snapshot.requested[resource]
        fitting = np.minimum(fitting, np.maximum(free, 0) // amount)
    return np.bincount(codes, fitting, n_domains + 1).astype(np.int64)


def _by_shape(rows: Iterable[PodRow]) -> list[tuple[PodRow, int]]:
    counts: dict[bytes, tuple[PodRow, int]] = {}
    for row in rows:
        first, n_rows = counts.get(row.shape.key, (row, 0))
        counts[row.shape.key] = first, n_rows + 1
    return list(counts.values())


def _nowhere(group: Group, snapshot: ClusterSnapshot, order: int, policy: Policy) -> GroupRefusal:
    """Say why no domain was even tried."""
    key, n_nodes, n_pods = group.together.key, len(snapshot.table), len(group.pods)
    slots = _slots(group.pods, snapshot, key)
    if not slots:
        return GroupRefusal(0, n_pods, _apart(n_nodes, f"node(s) without the label {key}"))
    n_most = max((slots[each].of_group for each in group.together.domains or slots if each in slots), default=0)
    anywhere = _try(Group(group.pods, n_pods), snapshot, order, policy)
    if isinstance(anywhere, GroupRefusal):
        return GroupRefusal(min(n_most, anywhere.n_fitting), n_pods, anywhere.diagnosis)
    text = f"node(s) in no domain of {key} that has room for more than {n_most} of the pods"
    if len(group.together.domains) > 1:
        text = f"node(s) of several domains of {key} that have pods of the group already"
    return GroupRefusal(n_most, n_pods, _apart(n_nodes, text))


def _apart(n_nodes: int, text: str) -> Diagnosis:
    return Diagnosis(n_nodes, (Refusal(TOPOLOGY_FILTER, n_nodes, ((text, n_nodes),)),))
