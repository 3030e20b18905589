"""Alerts about nodes, and about pods that take from their neighbours."""

from __future__ import annotations

from kubewright.monitoring.rules import Alert, Group

_NODE = "{{ $labels.node }}"
_SPACE = 'node_filesystem_avail_bytes{fstype!=""} / node_filesystem_size_bytes{fstype!=""}'
_WRITABLE = 'node_filesystem_readonly{fstype!=""} == 0'
_MOUNT = "{{ $labels.mountpoint }} of " + _NODE
_OFFSET = "node_timex_offset_seconds"
_CONTAINER = "namespace, pod, container"
_WHERE = "{{ $labels.namespace }}/{{ $labels.pod }}"
_USED_CPU = f'sum by ({_CONTAINER}) (rate(container_cpu_usage_seconds_total{{container!="",image!=""}}[5m]))'
_USED_MEMORY = f'max by ({_CONTAINER}) (container_memory_working_set_bytes{{container!="",image!=""}})'
_HELD_BACK = f'sum by ({_CONTAINER}) (rate(container_cpu_cfs_throttled_seconds_total{{container!=""}}[5m])) > 0.05'


def _pressure(resource: str, kind: str) -> str:
    return f'sum by ({_CONTAINER}) (rate(container_pressure_{resource}_{kind}_seconds_total{{container!=""}}[5m]))'


def _requested(resource: str) -> str:
    return f'max by ({_CONTAINER}) (kube_pod_container_resource_requests{{resource="{resource}"}})'


NODES = Group(
    "kubewright-nodes",
    (
        Alert(
            "KubeNodeNotReady",
            'max by (node) (kube_node_status_condition{condition="Ready",status="true"} == 0)'
            " and on (node) kube_node_spec_unschedulable == 0",
            f"Node {_NODE} is not ready",
            f"The kubelet of {_NODE} does not report, or reports that it cannot run pods.",
            minutes=2,
        ),
        Alert(
            "KubeNodeUnreachable",
            'max by (node) (kube_node_spec_taint{key="node.kubernetes.io/unreachable",effect="NoSchedule"} == 1)',
            f"Node {_NODE} is unreachable",
            f"Nothing is heard of {_NODE}: its pods are started elsewhere after their toleration, five minutes.",
            minutes=1,
            severity="critical",
        ),
        Alert(
            "KubeNodeReadinessFlapping",
            'sum by (node) (changes(kube_node_status_condition{condition="Ready",status="true"}[15m])) > 2',
            f"Node {_NODE} comes and goes",
            f"The readiness of {_NODE} changed {{{{ $value }}}} times in 15 minutes.",
        ),
        Alert(
            "KubeNodePressure",
            "max by (node, condition) (kube_node_status_condition"
            '{condition=~"MemoryPressure|DiskPressure|PIDPressure",status="true"} == 1)',
            f"Node {_NODE} reports {{{{ $labels.condition }}}}",
            f"{{{{ $labels.condition }}}} holds on {_NODE}: it takes no new pods and evicts some that it has.",
            minutes=5,
        ),
        Alert(
            "KubeNodeEviction",
            "sum by (node, eviction_signal) (increase(kubelet_evictions[15m])) > 0",
            f"Node {_NODE} evicts pods",
            f"{_NODE} evicted {{{{ $value | humanize }}}} pods in 15 minutes: {{{{ $labels.eviction_signal }}}}.",
            severity="info",
        ),
        Alert(
            "KubeletClientCertificateExpiration",
            "min by (node) (kubelet_certificate_manager_client_ttl_seconds) < 7 * 24 * 3600",
            f"The certificate of the kubelet of {_NODE} expires",
            "It is valid for another {{ $value | humanizeDuration }}, and was not renewed.",
            minutes=15,
        ),
        Alert(
            "NodeFilesystemSpaceFillingUp",
            f'{_SPACE} < 0.4 and predict_linear(node_filesystem_avail_bytes{{fstype!=""}}[6h], 24 * 3600) < 0'
            f" and {_WRITABLE}",
            f"{_MOUNT} will be full within a day",
            f"{_MOUNT} has {{{{ $value | humanizePercentage }}}} of its space left, and it goes down.",
            minutes=60,
            page="NodeFilesystem",
        ),
        Alert(
            "NodeFilesystemAlmostOutOfSpace",
            f"{_SPACE} < 0.05 and {_WRITABLE}",
            f"{_MOUNT} is almost full",
            f"{_MOUNT} has {{{{ $value | humanizePercentage }}}} of its space left.",
            minutes=15,
            severity="critical",
            page="NodeFilesystem",
        ),
        Alert(
            "NodeFilesystemAlmostOutOfFiles",
            f'node_filesystem_files_free{{fstype!=""}} / node_filesystem_files{{fstype!=""}} < 0.05 and {_WRITABLE}',
            f"{_MOUNT} is almost out of inodes",
            f"{_MOUNT} has {{{{ $value | humanizePercentage }}}} of its inodes left.",
            minutes=15,
            page="NodeFilesystem",
        ),
        Alert(
            "NodeMemoryHighUtilization",
            "node:node_memory_utilisation:ratio > 0.9",
            f"Node {_NODE} is almost out of memory",
            f"{{{{ $value | humanizePercentage }}}} of the memory of {_NODE} is used.",
            minutes=15,
        ),
        Alert(
            "NodeSystemSaturation",
            'node_load1 / count without (cpu, mode) (node_cpu_seconds_total{mode="idle"}) > 2',
            f"Node {_NODE} has more to do than cores to do it",
            f"The load of {_NODE} is {{{{ $value | humanize }}}} for each core.",
            minutes=15,
        ),
        Alert(
            "NodeClockSkewDetected",
            f"({_OFFSET} > 0.05 and deriv({_OFFSET}[5m]) >= 0) or ({_OFFSET} < -0.05 and deriv({_OFFSET}[5m]) <= 0)",
            f"The clock of {_NODE} is wrong",
            f"The clock of {_NODE} is off by {{{{ $value | humanizeDuration }}}}, and does not come back.",
            minutes=10,
        ),
    ),
)

# Who waits although it asks for no more than was promised to it waits for others.
NEIGHBOURS = Group(
    "kubewright-neighbours",
    (
        Alert(
            "NoisyNeighbourCpu",
            f"{_pressure('cpu', 'waiting')} > 0.25"
            f" and on ({_CONTAINER}) {_USED_CPU} < on ({_CONTAINER}) {_requested('cpu')}"
            f" unless on ({_CONTAINER}) {_HELD_BACK}",
            f"{_WHERE} waits for CPU that others use",
            f"Container {{{{ $labels.container }}}} of {_WHERE} waits {{{{ $value | humanizePercentage }}}} of its "
            "time for a core, though it uses less than it requests.",
            minutes=10,
            page="NoisyNeighbour",
        ),
        Alert(
            "NoisyNeighbourMemory",
            f"{_pressure('memory', 'stalled')} > 0.1"
            f" and on ({_CONTAINER}) {_USED_MEMORY} < on ({_CONTAINER}) {_requested('memory')}",
            f"{_WHERE} stalls for memory that others use",
            f"Container {{{{ $labels.container }}}} of {_WHERE} stands still {{{{ $value | humanizePercentage }}}} of "
            "its time for memory, though it uses less than it requests.",
            minutes=10,
            page="NoisyNeighbour",
        ),
        Alert(
            "NoisyNeighbourIo",
            f"{_pressure('io', 'waiting')} > 0.5",
            f"{_WHERE} waits for its node's disks",
            f"Container {{{{ $labels.container }}}} of {_WHERE} waits {{{{ $value | humanizePercentage }}}} of its "
            "time for reads and writes.",
            minutes=15,
            page="NoisyNeighbour",
        ),
    ),
)
