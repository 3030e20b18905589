"""Host ports: two pods of one node cannot listen on the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubewright.placement.filters.protocol import one_reason
from kubewright.placement.nodes import NodeMask
from kubewright.placement.pods import ANY_ADDRESS, HostPort, PodRow
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class HostPorts:
    """A (address, protocol, port) is taken once; the address 0.0.0.0 takes it on all addresses."""

    name: str = "NodePorts"

    def mask(self, pod: PodRow, snapshot: ClusterSnapshot) -> NodeMask:
        """Return the nodes on which all of the pod's host ports are free."""
        mask = snapshot.table.all()
        if pod.host_ports:
            for column, taken in snapshot.host_ports():
                if any(_conflict(wanted, taken) for wanted in pod.host_ports):
                    mask[column] = False
        return mask

    def reasons(self, pod: PodRow, snapshot: ClusterSnapshot, refused: NodeMask) -> Mapping[str, int]:
        """Return the one reason."""
        del pod, snapshot
        return one_reason("node(s) didn't have free ports for the requested pod ports", refused)


def _conflict(one: HostPort, other: HostPort) -> bool:
    same_address = one[0] == other[0] or ANY_ADDRESS in {one[0], other[0]}
    return same_address and one[1:] == other[1:]
