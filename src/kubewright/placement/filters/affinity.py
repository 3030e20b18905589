"""nodeSelector and required node affinity, over all nodes at once.

`api.affinity.node_matches` says the same of one node and is what this is tested against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kubewright.api.affinity import NodeSelectorTerm
from kubewright.api.requirements import Requirement
from kubewright.placement.filters.protocol import one_reason
from kubewright.placement.nodes import NodeMask, NodeTable
from kubewright.placement.pods import PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class NodeAffinity:
    """All of nodeSelector, and one of the required terms if there are any."""

    name: str = "NodeAffinity"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes that match."""
        table, spec = snapshot.table, pod.pod.spec
        mask = table.all()
        for key, wanted in spec.node_selector.items():
            mask &= table.with_label(key, wanted)
        required = spec.affinity.node_affinity.required if spec.affinity and spec.affinity.node_affinity else None
        if required is not None:
            matching = ~table.all()
            for term in required.node_selector_terms:
                matching |= _term(term, table)
            mask &= matching
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Return the one reason."""
        del pod, snapshot
        return one_reason("node(s) didn't match Pod's node affinity/selector", refused)


def _term(term: NodeSelectorTerm, table: NodeTable) -> NodeMask:
    if not term.match_expressions and not term.match_fields:
        return ~table.all()
    mask = table.all()
    for requirement in term.match_expressions:
        mask &= _labels(requirement, table)
    for requirement in term.match_fields:
        mask &= table.where(lambda node, each=requirement: each.matches({"metadata.name": node.metadata.name}))
    return mask


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
    masks = [table.with_label(requirement.key, value) for value in requirement.values]
    return np.logical_or.reduce(masks) if masks else ~table.all()
