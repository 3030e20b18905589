"""A kubelet's `/metrics`, `/metrics/resource` and `/metrics/probes`, as far as dashboards and alerts read them."""

from __future__ import annotations

from collections.abc import Callable

from kubewright.api.core import Container, Pod
from kubewright.twin.exporters.sources import NodeUse
from kubewright.twin.exporters.text import Family, counter, gauge, histogram, labels
from kubewright.twin.usage.account import Reading

_RELIST_SECONDS = 1.0
_RELIST_TOOK = 0.004
_SYNC_SECONDS = 60.0
_SYNC_TOOK = 0.02
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CERTIFICATE_SECONDS = 365 * 86400.0


def kubelet(use: NodeUse) -> str:
    """Write a kubelet's own metrics."""
    node = use.node.metadata.name
    running = [each for each in use.pods if each.readings]
    states = {"running": len(use.readings), "exited": _exited(use), "created": 0}
    renewed = max(0.0, _CERTIFICATE_SECONDS - use.uptime_seconds % (_CERTIFICATE_SECONDS * 0.8))
    version = labels(git_version=use.node.status.node_info.kubelet_version, go_version="none", platform="linux/amd64")
    families: list[tuple[Family, list[tuple[str, float]]]] = [
        (gauge("kubelet_node_name", "The node's name. The count is always 1."), [(labels(node=node), 1)]),
        (gauge("kubelet_running_pods", "Number of pods that have a running pod sandbox"), [("", len(running))]),
        (
            gauge("kubelet_running_containers", "Number of containers currently running"),
            [(labels(container_state=state), amount) for state, amount in states.items()],
        ),
        (
            gauge("kubelet_desired_pods", "The number of pods the kubelet is being instructed to run."),
            [(labels(static=""), len(use.pods))],
        ),
        (
            counter("kubelet_evictions", "Cumulative number of pod evictions by eviction signal"),
            [(labels(eviction_signal="memory.available"), use.gone.evictions)],
        ),
        (
            counter("kubelet_started_containers_total", "Cumulative number of containers started"),
            [(labels(container_type="container"), use.gone.containers + len(use.readings))],
        ),
        (
            gauge("kubelet_certificate_manager_client_ttl_seconds", "Seconds until the client certificate expires"),
            [("", renewed)],
        ),
        (
            gauge("kubelet_certificate_manager_server_ttl_seconds", "Seconds until the serving certificate expires"),
            [("", renewed)],
        ),
        (
            counter("kubelet_certificate_manager_client_expiration_renew_errors", "Errors renewing certificates"),
            [("", 0)],
        ),
        (counter("kubelet_server_expiration_renew_errors", "Errors renewing serving certificates"), [("", 0)]),
        (
            gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
            [("", use.booted_at)],
        ),
        (gauge("kubernetes_build_info", "The build of this component. The count is always 1."), [(version, 1)]),
    ]
    return "".join([family.write(samples) for family, samples in families]) + _timings(use)


def _timings(use: NodeUse) -> str:
    """Write histograms of loops that always take equally long."""
    relist = Family("kubelet_pleg_relist_duration_seconds", "histogram", "Duration of relisting pods.")
    worker = Family("kubelet_pod_worker_duration_seconds", "histogram", "Duration of syncing a single pod.")
    relists = float(int(use.uptime_seconds / _RELIST_SECONDS))
    syncs = float(int(use.uptime_seconds / _SYNC_SECONDS))
    return "".join(
        [
            relist.head,
            _always(relist, "", relists, _RELIST_TOOK),
            worker.head,
            _always(worker, labels(operation_type="sync"), syncs, _SYNC_TOOK),
        ]
    )


def _always(family: Family, given: str, times: float, seconds: float) -> str:
    buckets = [(bound, times if seconds <= bound else 0.0) for bound in _BUCKETS]
    return histogram(family, given, buckets, times, times * seconds)


def _exited(use: NodeUse) -> int:
    statuses = [status for each in use.pods for status in each.pod.status.container_statuses]
    return sum(1 for status in statuses if status.state.terminated is not None)


_RESOURCE: list[tuple[Family, Callable[[Reading], float]]] = [
    (
        counter("container_cpu_usage_seconds_total", "Cumulative cpu time consumed by the container in core-seconds"),
        lambda each: each.cpu_seconds,
    ),
    (
        gauge("container_memory_working_set_bytes", "Current working set of the container in bytes"),
        lambda each: each.memory_bytes,
    ),
    (
        gauge("container_start_time_seconds", "Start time of the container since unix epoch in seconds"),
        lambda each: each.started_at,
    ),
    (
        gauge("container_swap_usage_bytes", "Current amount of the container swap usage in bytes."),
        lambda _each: 0.0,
    ),
]


def resource(use: NodeUse) -> str:
    """Write `/metrics/resource`, which metrics-server reads."""
    rows = [(each.pod, reading) for each in use.pods for reading in each.readings]
    pods = [(_pod_labels(each.pod), each.readings) for each in use.pods if each.readings]
    return "".join(
        [
            *(
                family.write(
                    (f"{labels(container=each.container)},{_pod_labels(pod)}", value(each)) for pod, each in rows
                )
                for family, value in _RESOURCE
            ),
            counter("node_cpu_usage_seconds_total", "Cumulative cpu time consumed by the node in core-seconds").write(
                [("", use.cpu_seconds)]
            ),
            gauge("node_memory_working_set_bytes", "Current working set of the node in bytes").write(
                [("", use.memory_bytes)]
            ),
            gauge("node_swap_usage_bytes", "Current swap usage of the node in bytes.").write([("", 0.0)]),
            counter("pod_cpu_usage_seconds_total", "Cumulative cpu time consumed by the pod in core-seconds").write(
                (given, sum(each.cpu_seconds for each in readings)) for given, readings in pods
            ),
            gauge("pod_memory_working_set_bytes", "Current working set of the pod in bytes").write(
                (given, sum(each.memory_bytes for each in readings)) for given, readings in pods
            ),
            gauge(
                "resource_scrape_error", "1 if there was an error while getting container metrics, 0 otherwise"
            ).write([("", 0)]),
        ]
    )


def _pod_labels(pod: Pod) -> str:
    return labels(namespace=pod.metadata.namespace, pod=pod.metadata.name)


def probes(use: NodeUse) -> str:
    """Write `/metrics/probes`: what readiness probes have answered."""
    family = counter(
        "prober_probe_total", "Cumulative number of a liveness, readiness or startup probe for a container"
    )
    samples = [
        (_probe_labels(pod_use.pod, container, "successful"), _times(use, pod_use.readings, container))
        for pod_use in use.pods
        for container in pod_use.pod.spec.containers
        if container.readiness_probe is not None and pod_use.readings
    ]
    return family.write(samples) + gauge("process_start_time_seconds", "Start time of the process.").write(
        [("", use.booted_at)]
    )


def _probe_labels(pod: Pod, container: Container, result: str) -> str:
    return labels(
        container=container.name,
        namespace=pod.metadata.namespace,
        pod=pod.metadata.name,
        pod_uid=pod.metadata.uid,
        probe_type="Readiness",
        result=result,
    )


def _times(use: NodeUse, readings: list[Reading], container: Container) -> float:
    probe = container.readiness_probe
    began = next((each.started_at for each in readings if each.container == container.name), use.now)
    waited = use.now - began - (probe.initial_delay_seconds if probe else 0)
    return float(max(0, int(waited / max(1, probe.period_seconds if probe else 10))))
