"""A kubelet's `/metrics/cadvisor`: containers, their pods' cgroups and sandboxes, the node's root, and the machine.

Names, labels and units as cAdvisor 0.60 writes them in kubelet 1.37 under cgroup v2. Samples have no timestamps of
their own, so that a hurried twin (`--speed`) can be scraped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from kubewright.twin.exporters.containers import CONTAINERS, CPU, RSS, RSS_SHARE, USAGE, USAGE_SHARE, WORKING_SET, Row
from kubewright.twin.exporters.sources import NodeUse, PodUse
from kubewright.twin.exporters.text import Family, Sample, counter, gauge, labels

_PAUSE = "registry.k8s.io/pause:3.10"
_INTERFACE = "eth0"
_MEAN_PACKET_BYTES = 800.0
_ROOT = labels(container="", id="/", image="", name="", namespace="", pod="")


def cadvisor(use: NodeUse) -> str:
    """Write what a node's cAdvisor would."""
    rows = [row for pod_use in use.pods for row in _rows(pod_use)]
    groups = [_group(pod_use) for pod_use in use.pods if pod_use.readings]
    groups.append(_Group(_ROOT, use.cpu_seconds, use.memory_bytes))
    parts = [_container_family(family, samples, rows, groups) for family, samples in CONTAINERS]
    parts += [_network_family(family, value, use) for family, value in _NETWORK]
    return "".join([*parts, *_machine(use)])


def _rows(use: PodUse) -> Iterator[Row]:
    images = {each.name: each.image for each in (*use.pod.spec.containers, *use.pod.spec.init_containers)}
    metadata = use.pod.metadata
    for reading in use.readings:
        name = reading.container
        given = container_labels(metadata.uid, metadata.namespace, metadata.name, name, images.get(name, ""))
        yield Row(given, reading, use.pod)


@lru_cache(maxsize=32_768)
def container_labels(uid: str, namespace: str, pod: str, container: str, image: str) -> str:
    """Return a container's labels; without `container` its pod's sandbox's, without `image` its pod's cgroup's."""
    name = hashlib.sha256(f"{uid}/{container}".encode()).hexdigest() if image else ""
    group = f"/kubepods.slice/kubepods-pod{uid.replace('-', '_')}.slice"
    path = f"{group}/cri-containerd-{name}.scope" if name else group
    return labels(container=container, id=path, image=image, name=name, namespace=namespace, pod=pod)


@dataclass(frozen=True, slots=True)
class _Group:
    """A cgroup above containers: a pod's, or the root."""

    labels: str
    cpu_seconds: float
    memory_bytes: float


def _group(use: PodUse) -> _Group:
    metadata = use.pod.metadata
    given = container_labels(metadata.uid, metadata.namespace, metadata.name, "", "")
    readings = use.readings
    return _Group(given, sum(each.cpu_seconds for each in readings), sum(each.memory_bytes for each in readings))


_OF_GROUPS: dict[str, Callable[[_Group], Sample]] = {
    CPU.name: lambda group: (f'{group.labels},cpu="total"', group.cpu_seconds),
    WORKING_SET.name: lambda group: (group.labels, group.memory_bytes),
    USAGE.name: lambda group: (group.labels, group.memory_bytes * USAGE_SHARE),
    RSS.name: lambda group: (group.labels, group.memory_bytes * RSS_SHARE),
}


def _container_family(
    family: Family, samples: Callable[[Row], Iterable[Sample]], rows: list[Row], groups: list[_Group]
) -> str:
    found = [sample for row in rows for sample in samples(row)]
    of_group = _OF_GROUPS.get(family.name)
    return family.write([*found, *map(of_group, groups)] if of_group is not None else found)


def _received(use: PodUse) -> float:
    return sum(each.received_bytes for each in use.readings)


def _sent(use: PodUse) -> float:
    return sum(each.sent_bytes for each in use.readings)


def _packets(value: Callable[[PodUse], float]) -> Callable[[PodUse], float]:
    return lambda use: float(int(value(use) / _MEAN_PACKET_BYTES))


def _none(_use: PodUse) -> float:
    return 0.0


_NETWORK: list[tuple[Family, Callable[[PodUse], float]]] = [
    (counter("container_network_receive_bytes_total", "Cumulative count of bytes received"), _received),
    (counter("container_network_receive_packets_total", "Cumulative count of packets received"), _packets(_received)),
    (
        counter(
            "container_network_receive_packets_dropped_total", "Cumulative count of packets dropped while receiving"
        ),
        _none,
    ),
    (
        counter("container_network_receive_errors_total", "Cumulative count of errors encountered while receiving"),
        _none,
    ),
    (counter("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted"), _sent),
    (counter("container_network_transmit_packets_total", "Cumulative count of packets transmitted"), _packets(_sent)),
    (
        counter(
            "container_network_transmit_packets_dropped_total", "Cumulative count of packets dropped while transmitting"
        ),
        _none,
    ),
    (
        counter("container_network_transmit_errors_total", "Cumulative count of errors encountered while transmitting"),
        _none,
    ),
]


def _network_family(family: Family, value: Callable[[PodUse], float], use: NodeUse) -> str:
    """Write a family of the network, which a pod's containers share: it is their sandbox's."""
    return family.write(
        (f"{_sandbox_labels(pod_use)},{labels(interface=_INTERFACE)}", value(pod_use))
        for pod_use in use.pods
        if pod_use.readings and not pod_use.pod.spec.host_network
    )


def _sandbox_labels(use: PodUse) -> str:
    metadata = use.pod.metadata
    return container_labels(metadata.uid, metadata.namespace, metadata.name, "", _PAUSE)


def _machine(use: NodeUse) -> list[str]:
    node = use.node
    given = labels(boot_id=node.status.node_info.boot_id, machine_id=node.metadata.name, system_uuid=node.metadata.name)
    cores = use.capacity("cpu", 0.0)
    figures = (
        ("machine_cpu_cores", "Number of logical CPU cores.", cores),
        ("machine_cpu_physical_cores", "Number of physical CPU cores.", max(1.0, cores // 2)),
        ("machine_cpu_sockets", "Number of CPU sockets.", 1.0),
        ("machine_memory_bytes", "Amount of memory installed on the machine.", use.capacity("memory", 0.0)),
        ("machine_swap_bytes", "Amount of swap memory available on the machine.", 0.0),
    )
    machine = [gauge(name, text).write([(given, value)]) for name, text, value in figures]
    scrape = gauge("machine_scrape_error", "1 if there was an error while getting machine metrics, 0 otherwise.")
    error = gauge("container_scrape_error", "1 if there was an error while getting container metrics, 0 otherwise")
    return [*machine, scrape.write([("", 0.0)]), error.write([("", 0.0)])]
