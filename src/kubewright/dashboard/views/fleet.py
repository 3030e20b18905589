"""The fleet: a row for each node, with how full it is by every resource. `world` calls it for the screen's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from kubewright.api.core import TYPE_LABEL, Node
from kubewright.api.resources import CPU, MEMORY, PODS_RESOURCE
from kubewright.dashboard.tables import Row
from kubewright.dashboard.views.tally import Fare, Tally
from kubewright.devices.requests import PRODUCT
from kubewright.placement.pods import ZONE
from kubewright.placement.snapshot import ClusterSnapshot

_SHOWN_FIRST = (CPU, MEMORY, PODS_RESOURCE)


class NodeRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node as the heat map shows it."""

    id: str
    zone: str = ""
    type: str = ""
    gpu: str = ""
    """The model of its GPUs."""
    state: str = "ready"
    """ready, cordoned or down."""
    use: Mapping[str, tuple[int, int]] = {}
    """By resource: what is requested and what is offered; cpu in thousandths."""
    pods: int = 0
    ill: int = 0
    coming: int = 0


def state_of(node: Node) -> str:
    """Say in a word whether a node takes pods."""
    if not node.is_ready:
        return "down"
    return "cordoned" if node.spec.unschedulable else "ready"


def rows(snapshot: ClusterSnapshot, tally: Tally, nodes: Mapping[str, Node]) -> Iterator[Row]:
    """Yield every node, by name."""
    table = snapshot.table
    requested, allocatable = snapshot.requested.T.tolist(), table.allocatable.T.tolist()
    for column, (booked, offered) in enumerate(zip(requested, allocatable, strict=True)):
        node = nodes.get(table.nodes[column].metadata.name, table.nodes[column])
        labels, counts = node.metadata.labels, tally.of_node(node.metadata.name)
        use = {
            name: (booked[row], offered[row])
            for row, name in enumerate(table.resources)
            if offered[row] and (name in _SHOWN_FIRST or "/" in name)
        }
        shown = NodeRow(
            node.metadata.name,
            labels.get(ZONE, ""),
            labels.get(TYPE_LABEL, ""),
            labels.get(PRODUCT, ""),
            state_of(node),
            use,
            sum(counts.values()),
            counts.get(Fare.ILL, 0),
            counts.get(Fare.COMING, 0),
        )
        yield Row(shown.id, "", shown)
