"""A table of nodes brought up to date: nodes that came, changed or went, without laying all of them out anew.

Clusters change all the time (a node is tainted, drained, added, taken away), and their pods stay where they are. The
scheduler's state follows its cache of nodes by this; a snapshot goes over to the new table by `follow_nodes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kubewright.api.core import Node
from kubewright.api.resources import amounts
from kubewright.placement.nodes import Image, NodeTable, offered_amount, resized, taints_of


def following(table: NodeTable, changed: Mapping[str, Node | None]) -> NodeTable | None:
    """Return the table after nodes became this, None standing for one that went; None if it takes other rows.

    A node that stays keeps its column, but the last ones move to where others went.
    """
    nodes, columns = list(table.nodes), dict(table.columns)
    for name, node in changed.items():
        if node is None:
            _remove(name, nodes, columns)
        elif not amounts(node.status.allocatable).keys() <= table.rows.keys():
            return None
        elif name in columns:
            nodes[columns[name]] = node
        else:
            columns[name] = len(nodes)
            nodes.append(node)
    return _filled(table, nodes, columns)


def _remove(name: str, nodes: list[Node], columns: dict[str, int]) -> None:
    column = columns.pop(name, None)
    if column is None:
        return
    last = nodes.pop()
    if column < len(nodes):
        nodes[column] = last
        columns[last.metadata.name] = column


def _filled(table: NodeTable, nodes: Sequence[Node], columns: Mapping[str, int]) -> NodeTable:
    touched = [at for at, node in enumerate(nodes) if at >= len(table) or node is not table.nodes[at]]
    allocatable, unschedulable = resized(table.allocatable, len(nodes)), resized(table.unschedulable, len(nodes))
    for column in touched:
        offered = amounts(nodes[column].status.allocatable)
        allocatable[:, column] = [offered_amount(offered.get(name, 0)) for name in table.resources]
        unschedulable[column] = nodes[column].spec.unschedulable
    return NodeTable(
        nodes=tuple(nodes),
        columns=columns,
        resources=table.resources,
        rows=table.rows,
        allocatable=allocatable,
        unschedulable=unschedulable,
        taints=taints_of(nodes),
        images=_images(table, nodes, touched),
    )


def _images(table: NodeTable, nodes: Sequence[Node], touched: Sequence[int]) -> Mapping[str, Image]:
    """Bring up to date which nodes hold which images; one that is known stays as large as it was."""
    if len(nodes) == len(table) and all(nodes[at].status.images == table.nodes[at].status.images for at in touched):
        return table.images
    images = {name: Image(each.size_bytes, resized(each.present, len(nodes))) for name, each in table.images.items()}
    for each in images.values():
        each.present[list(touched)] = False
    for column in touched:
        for name, size_bytes in _held(nodes[column]):
            if name not in images:
                images[name] = Image(size_bytes, resized(table.unschedulable[:0], len(nodes)))
            images[name].present[column] = True
    return {name: each for name, each in images.items() if each.present.any()}


def _held(node: Node) -> Iterable[tuple[str, int]]:
    return ((name, image.size_bytes) for image in node.status.images for name in image.names or ())
