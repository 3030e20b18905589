"""Node selectors, taints and tolerations over all nodes at once.

Filters, scores, topology spread and volumes ask here; what was asked before is remembered with the nodes.
`api.affinity.node_matches` and `api.tolerations.untolerated` say the same of one node and are what this is tested
against.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from kubewright.api.affinity import NodeSelector, NodeSelectorTerm
from kubewright.api.core import Pod, Toleration
from kubewright.api.requirements import Requirement
from kubewright.api.tolerations import HARD_EFFECTS, PREFER_NO_SCHEDULE, tolerates, untolerated
from kubewright.placement.nodes import NodeMask, NodeScores, NodeTable

encode = msgspec.msgpack.Encoder().encode


def matching_nodes(pod: Pod, table: NodeTable) -> NodeMask:
    """Return the nodes that meet the pod's nodeSelector and required node affinity; not to be changed."""
    affinity = pod.spec.affinity
    required = affinity.node_affinity.required if affinity and affinity.node_affinity else None

    def find() -> NodeMask:
        mask = table.all()
        for key, wanted in pod.spec.node_selector.items():
            mask &= table.with_label(key, wanted)
        return mask if required is None else mask & selected(required, table)

    return table.remembered(b"a" + encode((pod.spec.node_selector, required)), find)


def selected(selector: NodeSelector, table: NodeTable) -> NodeMask:
    """Return the nodes that meet one of the terms; not to be changed."""

    def find() -> NodeMask:
        mask = table.none()
        for term in selector.node_selector_terms:
            mask |= _term(term, table)
        return mask

    return table.remembered(b"s" + encode(selector), find)


def preferred(pod: Pod, table: NodeTable) -> NodeScores:
    """Return for each node the sum of the weights of the preferred terms that it meets."""
    affinity = pod.spec.affinity
    total = np.zeros(len(table), np.int64)
    for each in affinity.node_affinity.preferred if affinity and affinity.node_affinity else ():
        if each.weight:
            total += each.weight * table.remembered(
                b"t" + encode(each.preference), lambda term=each.preference: _term(term, table)
            )
    return total


def tolerated(tolerations: tuple[Toleration, ...], table: NodeTable) -> NodeMask:
    """Return the nodes without a NoSchedule or NoExecute taint that is not tolerated; not to be changed."""

    def find() -> NodeMask:
        mask = table.all()
        for taints, columns in table.taints:
            if untolerated(tolerations, taints, HARD_EFFECTS) is not None:
                mask[columns] = False
        return mask

    return table.remembered(b"o" + encode(tolerations), find)


def has_soft_taints(table: NodeTable) -> bool:
    """Tell whether any node would rather have no pods."""
    return any(taint.effect == PREFER_NO_SCHEDULE for taints, _ in table.taints for taint in taints)


def soft_taints(tolerations: tuple[Toleration, ...], table: NodeTable) -> NodeScores:
    """Return for each node how many of its PreferNoSchedule taints are not tolerated."""
    fitting = [each for each in tolerations if each.effect in {"", PREFER_NO_SCHEDULE}]
    counts = np.zeros(len(table), np.int64)
    for taints, columns in table.taints:
        counts[columns] = sum(each.effect == PREFER_NO_SCHEDULE and not tolerates(fitting, each) for each in taints)
    return counts


def named_nodes(pod: Pod) -> frozenset[str] | None:
    """Return the only nodes that required node affinity leaves by their names, or None when it names none."""
    affinity = pod.spec.affinity
    required = affinity.node_affinity.required if affinity and affinity.node_affinity else None
    if required is None or not required.node_selector_terms:
        return None
    named: set[str] = set()
    for term in required.node_selector_terms:
        names = [
            frozenset(each.values)
            for each in term.match_fields
            if each.key == "metadata.name" and each.operator == "In"
        ]
        if not names:
            return None
        named |= names[0].intersection(*names[1:])
    return frozenset(named)


def _term(term: NodeSelectorTerm, table: NodeTable) -> NodeMask:
    if not term.match_expressions and not term.match_fields:
        return table.none()
    mask = table.all()
    for requirement in term.match_expressions:
        mask &= _labels(requirement, table)
    for requirement in term.match_fields:
        mask &= _field(requirement, table)
    return mask


def _field(requirement: Requirement, table: NodeTable) -> NodeMask:
    if requirement.key != "metadata.name":
        return table.where(lambda _: requirement.matches({}))
    if requirement.operator == "In":
        mask = table.none()
        mask[_columns(requirement.values, table)] = True
        return mask
    return table.where(lambda node: requirement.matches({"metadata.name": node.metadata.name}))


def _columns(names: Iterable[str], table: NodeTable) -> list[int]:
    return [table.columns[name] for name in names if name in table.columns]


def _labels(requirement: Requirement, table: NodeTable) -> NodeMask:
    match requirement.operator:
        case "In":
            return _any_of(requirement, table)
        case "NotIn":
            return ~_any_of(requirement, table)
        case "Exists":
            return table.with_label(requirement.key)
        case "DoesNotExist":
            return ~table.with_label(requirement.key)
        case _:
            return table.where(lambda node: requirement.matches(node.metadata.labels))


def _any_of(requirement: Requirement, table: NodeTable) -> NodeMask:
    topology = table.topology(requirement.key)
    wanted = np.zeros(topology.n_domains + 1, np.bool_)
    wanted[[topology.values[value] for value in requirement.values if value in topology.values]] = True
    return wanted[topology.codes]
