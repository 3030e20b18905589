"""Host ports: two pods of one node cannot listen on the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubewright.placement.filters.protocol import OverAll, Reason, Scope
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import ANY_ADDRESS, HostPort, PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class HostPorts(OverAll):
    """A (address, protocol, port) is taken once; the address 0.0.0.0 takes it on all addresses."""

    name: str = "NodePorts"
    scope: Scope = Scope.PODS_OF_NODE

    def applies(self, pod: PodRow, snapshot: ClusterSnapshot) -> bool:
        """Tell whether the pod wants host ports."""
        del snapshot
        return bool(pod.shape.host_ports)

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes on which all of the pod's host ports are free."""
        mask = snapshot.table.all()
        for column, taken in snapshot.host_ports():
            if _conflicts(pod.shape.host_ports, taken):
                mask[column] = False
        return mask

    def at(self, pod: PodRow, snapshot: ClusterSnapshot, column: int) -> bool:
        """Tell whether they are free on one node."""
        return not any(
            _conflicts(pod.shape.host_ports, taken)
            for placed in snapshot.on_node[column]
            for taken in placed.row.shape.host_ports
        )

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Iterator[Reason]:
        """Return the one reason."""
        del pod, snapshot
        yield Reason("node(s) didn't have free ports for the requested pod ports", refused)


def _conflicts(wanted: Iterable[HostPort], taken: HostPort) -> bool:
    return any(each[1:] == taken[1:] and (each[0] == taken[0] or ANY_ADDRESS in {each[0], taken[0]}) for each in wanted)
