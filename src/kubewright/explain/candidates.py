"""Which single changes may help a pod that fits nowhere: proposed from what stands against each node, tried by `why`.

A change to the pod helps where nothing but what it changes stands against a node; so the filters' masks say which are
worth a try. Each sort proposes a few; nothing here is certain until it was tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Node, Pod, Taint
from kubewright.api.resources import PODS_RESOURCE
from kubewright.api.tolerations import HARD_EFFECTS, tolerates
from kubewright.explain.amounts import rounded
from kubewright.explain.changes import CORDON_TAINT, Change, LessRequested, NodeAdded, Tolerated, Uncordoned
from kubewright.explain.forks import daemons_of
from kubewright.explain.terms import TERMS, gate_terms
from kubewright.placement.examine import passes
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import HOSTNAME, PodRow
from kubewright.placement.policy import Policy
from kubewright.placement.snapshot import ClusterSnapshot

EACH = 3
"""So many of a sort are proposed: the best are among the first."""
TERMS_AT_MOST = 32
SHAPES_AT_MOST = 16
_FIT, _TAINTS, _CORDON = "NodeResourcesFit", "TaintToleration", "NodeUnschedulable"
STATES = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
"""Taints that say what is wrong with a node: who tolerates them is placed, and does not run."""

Against = Mapping[str, NodeMask]
"""By filter, the nodes that it refuses."""


def proposals(row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> Iterator[Change]:
    """Yield what to try, whatever its cost."""
    if row.pod.spec.scheduling_gates:
        yield from gate_terms(row.pod)
        return
    against = refused_by(row, snapshot, policy)
    n_against = sum((mask.astype(np.int64) for mask in against.values()), np.zeros(len(snapshot.table), np.int64))
    for name in against:
        if name in TERMS:
            for _, each in zip(range(TERMS_AT_MOST), TERMS[name](row.pod), strict=False):
                yield each
    if _FIT in against:
        yield from _smaller(row, snapshot, against[_FIT] & (n_against == 1))
    if _TAINTS in against:
        yield from _tolerations(row, snapshot, against[_TAINTS] & (n_against == 1))
    if _CORDON in against:
        yield from _cordons(row, snapshot, against, n_against)
    yield from _nodes(row, snapshot, policy)


def refused_by(row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> dict[str, NodeMask]:
    """Return which nodes each filter refuses; a name that two filters share counts once."""
    found: dict[str, NodeMask] = {}
    for each in policy.filters:
        if each.applies(row, snapshot):
            refused = ~each.mask(row, snapshot)
            if refused.any():
                found[each.name] = refused | found[each.name] if each.name in found else refused
    return found


def free(snapshot: ClusterSnapshot) -> NDArray[np.int64]:
    """Return what is left; shape (n_resources, n_nodes), never less than nothing."""
    return np.maximum(snapshot.table.allocatable - snapshot.requested, 0)


def _smaller(row: PodRow, snapshot: ClusterSnapshot, alone: NodeMask) -> Iterator[LessRequested]:
    """Yield for the nodes that lack the smallest share of what is wanted how little would do there."""
    columns = np.flatnonzero(alone)
    wanted = row.shape.wanted
    if row.shape.lacking or not len(columns):
        return
    rows, request = np.array([each[0] for each in wanted]), np.array([each[1] for each in wanted])
    left = free(snapshot)[rows][:, columns]
    share = np.maximum(request[:, None] - left, 0) / request[:, None]
    proposed: set[LessRequested] = set()
    for place in np.argsort(share.max(axis=0), kind="stable")[: 4 * EACH]:
        change = _fitting(row, snapshot, {int(r): int(amount) for r, amount in zip(rows, left[:, place], strict=True)})
        if change is not None and change not in proposed:
            proposed.add(change)
            yield change
        if len(proposed) == EACH:
            return


def _fitting(row: PodRow, snapshot: ClusterSnapshot, left: Mapping[int, int]) -> LessRequested | None:
    """Return the request that is just met by what is left; None if nothing would be left of one of its parts."""
    cut: list[tuple[str, int, int]] = []
    for resource, amount in row.shape.wanted:
        if amount <= left[resource]:
            continue
        name = snapshot.table.resources[resource]
        to = rounded(name, left[resource])
        if to <= 0 or name == PODS_RESOURCE:
            return None
        cut.append((name, amount, to))
    return LessRequested(tuple(cut)) if cut else None


def _tolerations(row: PodRow, snapshot: ClusterSnapshot, alone: NodeMask) -> Iterator[Tolerated]:
    """Yield the taints of which a node has no other that is not tolerated, that of the most nodes first."""
    counts: dict[Taint, int] = {}
    for taints, columns in snapshot.table.taints:
        missing = untolerated_of(row.pod, taints)
        n_nodes = int(np.count_nonzero(alone[columns]))
        if n_nodes and len(missing) == 1 and not missing[0].key.startswith(STATES):
            taint = Taint(missing[0].key, missing[0].value, missing[0].effect)
            counts[taint] = counts.get(taint, 0) + n_nodes
    yield from (Tolerated(taint) for taint, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0].key)))


def untolerated_of(pod: Pod, taints: tuple[Taint, ...]) -> list[Taint]:
    """Return the taints that keep the pod away."""
    return [each for each in taints if each.effect in HARD_EFFECTS and not tolerates(pod.spec.tolerations, each)]


def _cordons(
    row: PodRow, snapshot: ClusterSnapshot, against: Against, n_against: NDArray[np.int64]
) -> Iterator[Uncordoned]:
    """Yield nodes that are cordoned, and nothing besides: a cordon is also a taint."""
    table, tainted = snapshot.table, against.get(_TAINTS)
    count = 0
    for column in np.flatnonzero(against[_CORDON]):
        missing = untolerated_of(row.pod, table.nodes[column].spec.taints)
        by_taint = tainted is not None and bool(tainted[column])
        if any(each.key != CORDON_TAINT for each in missing) or n_against[column] != 1 + by_taint:
            continue
        yield Uncordoned(table.nodes[column].metadata.name)
        count += 1
        if count == EACH:
            return


def _nodes(row: PodRow, snapshot: ClusterSnapshot, policy: Policy) -> Iterator[NodeAdded]:
    """Yield a node of each shape on which the pod would fit if nothing but daemons ran there, the smallest first."""
    table, wanted = snapshot.table, row.shape.wanted
    if row.shape.lacking or not len(table):
        return
    enough = np.logical_and.reduce([amount <= table.allocatable[resource] for resource, amount in wanted])
    sizes = table.allocatable / np.maximum(table.allocatable.max(axis=1, keepdims=True), 1)
    seen: set[tuple[object, ...]] = set()
    count = 0
    columns: list[int] = np.argsort(sizes.sum(axis=0), kind="stable").tolist()
    for column in columns:
        node = table.nodes[column]
        shape = _shape(node)
        if not enough[column] or shape in seen or not _is_well(node):
            continue
        seen.add(shape)
        if _fits_empty(row, snapshot, column, policy):
            offers = ((table.resources[each], int(table.allocatable[each, column])) for each, _ in wanted)
            yield NodeAdded(node.metadata.name, tuple(each for each in offers if each[0] != PODS_RESOURCE))
            count += 1
        if count == EACH or len(seen) == SHAPES_AT_MOST:
            return


def _shape(node: Node) -> tuple[object, ...]:
    labels = tuple(sorted((key, value) for key, value in node.metadata.labels.items() if key != HOSTNAME))
    return labels, node.spec.taints, tuple(sorted(node.status.allocatable.items()))


def _is_well(node: Node) -> bool:
    return not node.spec.unschedulable and not any(each.key.startswith(STATES) for each in node.spec.taints)


def _fits_empty(row: PodRow, snapshot: ClusterSnapshot, column: int, policy: Policy) -> bool:
    """Tell whether the pod would fit there but for the pods that are there: a cheap look before the true try."""
    fork, daemons = snapshot.fork(), {each.key for each in daemons_of(snapshot, column)}
    for placed in snapshot.on_node[column]:
        if placed.row.key not in daemons:
            fork.forget(placed.row.key)
    return passes(row, fork, column, policy)
