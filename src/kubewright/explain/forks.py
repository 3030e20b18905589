"""Forks with other nodes than the cluster has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from kubewright.api.core import Node, Pod
from kubewright.placement.following import following
from kubewright.placement.nodes import NodeTable
from kubewright.placement.pods import HOSTNAME
from kubewright.placement.snapshot import ClusterSnapshot


def with_nodes(snapshot: ClusterSnapshot, changed: Mapping[str, Node | None]) -> ClusterSnapshot:
    """Return the cluster once nodes became this; None stands for one that goes, and its pods with it."""
    fork = snapshot.fork()
    table = following(snapshot.table, changed)
    if table is not None:
        fork.follow_nodes(table)
        return fork
    nodes: dict[str, Node | None] = {node.metadata.name: node for node in snapshot.table.nodes}
    nodes.update(changed)
    return _laid_out(snapshot, [node for node in nodes.values() if node is not None])


def with_one_like(snapshot: ClusterSnapshot, like: str, name: str) -> ClusterSnapshot:
    """Return the cluster with one node more, like one that it has, with the daemons that this one runs."""
    table = snapshot.table
    fork = with_nodes(snapshot, {name: alike(table.nodes[table.columns[like]], name)})
    for daemon in daemons_of(snapshot, table.columns[like]):
        fork.assume(fork.row(copy_on(daemon, name)), fork.table.columns[name])
    return fork


def _laid_out(snapshot: ClusterSnapshot, nodes: Iterable[Node]) -> ClusterSnapshot:
    """Lay everything out anew: these nodes offer something that none did."""
    table, peers = snapshot.table, snapshot.shapes.peers
    fork = ClusterSnapshot(
        NodeTable.of(nodes),
        snapshot.storage,
        snapshot.workloads,
        peers.namespaces,
        claims=snapshot.claims.fork(),
    )
    for placed in snapshot.placed.values():
        column = fork.table.columns.get(table.nodes[placed.column].metadata.name)
        if column is not None:
            fork.assume(fork.row(placed.row.pod), column)
    for promised in snapshot.nominated.values():
        fork.nominate(fork.row(promised.row.pod), table.nodes[promised.column].metadata.name)
    return fork


def alike(model: Node, name: str) -> Node:
    """Return a node that offers what the model does, under a name of its own, ready for pods."""
    metadata = replace(model.metadata, name=name, uid="", labels={**model.metadata.labels, HOSTNAME: name})
    return replace(model, metadata=metadata, spec=replace(model.spec, unschedulable=False, provider_id=""))


def daemons_of(snapshot: ClusterSnapshot, column: int) -> Iterator[Pod]:
    """Return the pods that a node like this one has as well: those of DaemonSets, and the kubelet's own."""
    return (each.row.pod for each in snapshot.on_node[column] if each.row.pod.stays_on_node)


def copy_on(daemon: Pod, node: str) -> Pod:
    """Return the pod that a DaemonSet would make like this one on another node."""
    name = f"{daemon.metadata.name}-on-{node}"
    metadata = replace(daemon.metadata, name=name, uid=f"{daemon.metadata.uid}-on-{node}")
    return replace(daemon, metadata=metadata, spec=replace(daemon.spec, node_name=node))
