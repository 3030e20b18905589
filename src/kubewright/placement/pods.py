"""A pod as placement sees it: its requests laid out like the nodes' columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quantity import milli, value
from kubewright.api.resources import CPU, MEMORY, pod_request
from kubewright.placement.nodes import Amounts, NodeTable

HostPort: TypeAlias = tuple[str, str, int]
"""Address, protocol, port."""

_UNSET_CPU_MILLI = 100
_UNSET_MEMORY_BYTES = 200 * 1024**2
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  the address that stands for all of a node's


@dataclass(frozen=True, slots=True)
class PodRow:
    """One pod against one NodeTable."""

    pod: Pod
    request: Amounts
    """Shape (n_resources,), in the table's rows."""
    scored: Amounts
    """Shape (2,): cpu and memory, with kube-scheduler's 100m and 200 MiB for containers that request none."""
    lacking: tuple[str, ...]
    """Resources that it requests and no node has."""
    host_ports: tuple[HostPort, ...]

    @property
    def key(self) -> ObjectKey:
        """Return the pod's namespace and name."""
        return self.pod.key

    @classmethod
    def of(cls, pod: Pod, table: NodeTable) -> PodRow:
        """Lay out a pod's requests."""
        wanted = pod_request(pod)
        request = np.zeros(len(table.resources), np.int64)
        for name, amount in wanted.items():
            if name in table.rows:
                request[table.rows[name]] = amount
        lacking = tuple(sorted(name for name, amount in wanted.items() if amount > 0 and name not in table.rows))
        return cls(pod, request, np.array(_scored(pod, wanted), np.int64), lacking, tuple(_host_ports(pod)))


def _scored(pod: Pod, wanted: dict[str, int]) -> tuple[int, int]:
    """Add the defaults of containers that leave a request out; an explicit zero stays zero."""
    containers = pod.spec.containers
    without_cpu = sum(CPU not in each.resources.requests for each in containers)
    without_memory = sum(MEMORY not in each.resources.requests for each in containers)
    if pod.spec.resources is not None:
        without_cpu *= milli(pod.spec.resources.requests.get(CPU, 0)) == 0
        without_memory *= value(pod.spec.resources.requests.get(MEMORY, 0)) == 0
    return (
        wanted.get(CPU, 0) + without_cpu * _UNSET_CPU_MILLI,
        wanted.get(MEMORY, 0) + without_memory * _UNSET_MEMORY_BYTES,
    )


def _host_ports(pod: Pod) -> Iterator[HostPort]:
    for container in (*pod.spec.containers, *(each for each in pod.spec.init_containers if each.is_sidecar)):
        for port in container.ports:
            if port.host_port > 0:
                yield port.host_ip or ANY_ADDRESS, port.protocol, port.host_port
