"""What in a pod can never be met by these nodes, however empty they are, or contradicts itself: in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from kubewright.api.affinity import Affinity, NodeSelectorTerm, PodAffinity
from kubewright.api.core import Pod
from kubewright.api.requirements import Requirement
from kubewright.api.resources import pod_request, write_amount
from kubewright.placement.nodes import NodeTable
from kubewright.placement.pods import PodRow
from kubewright.placement.selecting import matching_nodes, named_nodes
from kubewright.placement.snapshot import ClusterSnapshot

VALUES_SHOWN = 5


def impossibilities(row: PodRow, snapshot: ClusterSnapshot) -> tuple[str, ...]:
    """Return what no change of load could mend; nothing for a cluster without nodes."""
    if not len(snapshot.table):
        return ()
    pod, table = row.pod, snapshot.table
    found = (_requests(row, table), _selector(pod, table), _terms(pod, table), _peers(pod, table), _spread(row, table))
    return tuple(dict.fromkeys(sentence for each in found for sentence in each))


def _requests(row: PodRow, table: NodeTable) -> Iterator[str]:
    for name, amount in pod_request(row.pod).items():
        if amount <= 0:
            continue
        most = int(table.allocatable[table.rows[name]].max()) if name in table.rows else 0
        asked = f"{write_amount(name, amount)} {name} are requested"
        if not most:
            yield f"{asked}, and no node has any"
        elif most < amount:
            yield f"{asked}, and no node has more than {write_amount(name, most)}, even empty"


def _selector(pod: Pod, table: NodeTable) -> Iterator[str]:
    for key, value in pod.spec.node_selector.items():
        if not table.with_label(key, value).any():
            yield f"nodeSelector: no node has the label {key}={value}{_others(key, table)}"


def _others(key: str, table: NodeTable) -> str:
    values = sorted(table.topology(key).values)
    if not values:
        return "; none has the key at all"
    more = f" and {len(values) - VALUES_SHOWN} more" if len(values) > VALUES_SHOWN else ""
    return f"; there is {', '.join(values[:VALUES_SHOWN])}{more}"


def _terms(pod: Pod, table: NodeTable) -> Iterator[str]:
    affinity = (pod.spec.affinity or Affinity()).node_affinity
    terms = affinity.required.node_selector_terms if affinity and affinity.required else ()
    for term in terms:
        yield from _term(term, table)
    named = named_nodes(pod)
    if named == frozenset():
        yield "node affinity names nodes, of which none can meet all of its terms"
    elif named and not any(name in table.columns for name in named):
        yield f"node affinity names {', '.join(sorted(named)[:VALUES_SHOWN])}, and there is no such node"
    alone = bool(pod.spec.node_selector) and bool(terms)
    if alone and not matching_nodes(pod, table).any() and _each_matches(pod, table):
        yield "nodeSelector and node affinity each match some nodes, and together none: they contradict each other"


def _each_matches(pod: Pod, table: NodeTable) -> bool:
    by_labels = replace(pod, spec=replace(pod.spec, affinity=None))
    by_affinity = replace(pod, spec=replace(pod.spec, node_selector={}))
    return bool(matching_nodes(by_labels, table).any() and matching_nodes(by_affinity, table).any())


def _term(term: NodeSelectorTerm, table: NodeTable) -> Iterator[str]:
    for requirement in term.match_expressions:
        if requirement.operator in {"In", "Exists", "Gt", "Lt"} and not table.topology(requirement.key).values:
            yield f"node affinity: no node has the label {requirement.key}, which {requirement} needs"
    for one in term.match_expressions:
        for other in term.match_expressions:
            if _contradict(one, other):
                yield f"node affinity: {one} and {other} contradict each other"


def _contradict(one: Requirement, other: Requirement) -> bool:
    """Tell whether no value of the label meets both; `one` is the one that wants it to be there."""
    if one.key != other.key or one.operator not in {"In", "Exists"}:
        return False
    if other.operator == "DoesNotExist":
        return True
    if one.operator != "In" or not one.values:
        return False
    met = any(other.matches({one.key: value}) for value in one.values)
    # Two lists contradict each other both ways round: say it once.
    return not met and (other.operator != "In" or one.values <= other.values)


def _peers(pod: Pod, table: NodeTable) -> Iterator[str]:
    affinity = pod.spec.affinity or Affinity()
    near, apart = affinity.pod_affinity or PodAffinity(), affinity.pod_anti_affinity or PodAffinity()
    for term in near.required:
        if not table.topology(term.topology_key).values:
            yield f"pod affinity: no node has the label {term.topology_key}, its topologyKey"
        if term in apart.required:
            yield f"near and far of the same pods are required ({term.label_selector} within {term.topology_key})"


def _spread(row: PodRow, table: NodeTable) -> Iterator[str]:
    for each in row.shape.hard_spread:
        n_domains = table.topology(each.topology_key).n_domains
        if not n_domains:
            yield f"topology spread: no node has the label {each.topology_key}, its topologyKey"
