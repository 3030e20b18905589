"""Forks with other nodes than the cluster has: forks share the table of their snapshot, so these are laid out anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from kubewright.api.core import Node, Pod
from kubewright.api.meta import controller_of
from kubewright.placement.nodes import NodeTable
from kubewright.placement.pods import HOSTNAME
from kubewright.placement.snapshot import ClusterSnapshot


def relaid(snapshot: ClusterSnapshot, nodes: Iterable[Node]) -> ClusterSnapshot:
    """Return the cluster with these nodes; pods stay where they are, or are left out with their node."""
    table, peers = snapshot.table, snapshot.shapes.peers
    fork = ClusterSnapshot(NodeTable.of(nodes), snapshot.storage, snapshot.workloads, peers.namespaces)
    for placed in snapshot.placed.values():
        column = fork.table.columns.get(table.nodes[placed.column].metadata.name)
        if column is not None:
            fork.assume(fork.row(placed.row.pod), column)
    for promised in snapshot.nominated.values():
        fork.nominate(fork.row(promised.row.pod), table.nodes[promised.column].metadata.name)
    return fork


def with_like(snapshot: ClusterSnapshot, like: str, names: Iterable[str]) -> ClusterSnapshot:
    """Return the cluster with more nodes like one that it has, each with the daemons that this one runs."""
    table = snapshot.table
    model = table.nodes[table.columns[like]]
    daemons = tuple(daemons_of(snapshot, table.columns[like]))
    added = [alike(model, name) for name in names]
    fork = relaid(snapshot, (*table.nodes, *added))
    for node in added:
        for daemon in daemons:
            fork.assume(fork.row(_on(daemon, node.metadata.name)), fork.table.columns[node.metadata.name])
    return fork


def alike(model: Node, name: str) -> Node:
    """Return a node that offers what the model does, under a name of its own, ready for pods."""
    metadata = replace(model.metadata, name=name, uid="", labels={**model.metadata.labels, HOSTNAME: name})
    return replace(model, metadata=metadata, spec=replace(model.spec, unschedulable=False, provider_id=""))


def daemons_of(snapshot: ClusterSnapshot, column: int) -> Iterator[Pod]:
    """Yield the pods that a DaemonSet keeps on a node."""
    for placed in snapshot.on_node[column]:
        owner = controller_of(placed.row.pod)
        if owner is not None and owner.kind == "DaemonSet":
            yield placed.row.pod


def _on(daemon: Pod, node: str) -> Pod:
    name = f"{daemon.metadata.name}-on-{node}"
    metadata = replace(daemon.metadata, name=name, uid=f"{daemon.metadata.uid}-on-{node}")
    return replace(daemon, metadata=metadata, spec=replace(daemon.spec, node_name=node))
