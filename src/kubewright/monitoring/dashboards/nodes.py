"""One node: what it does, what presses it, and which of its pods are the cause."""

from __future__ import annotations

from kubewright.monitoring.dashboards.board import (
    NODE,
    Board,
    Limits,
    Panel,
    Query,
    Row,
    firing,
    number,
    of,
    parts,
    rate,
    rollouts,
)

_SHARE = Limits(0.8, 0.95)
_ON = {"node": "$node"}
_MEMORY = of("node_memory_MemTotal_bytes", **_ON)


def _condition(title: str, condition: str, good: str, page: str) -> Panel:
    held = of("kube_node_status_condition", **_ON, condition=condition, status=good)
    return number(title, f"max({held})", "bool_yes_no", limits=Limits(1, 0.5), page=page)


def _pods_of(title: str, metric: str, unit: str, *, counted: bool) -> Panel:
    chosen = {**_ON, "container": "!=", "image": "!="}
    inner = rate(metric, **chosen) if counted else of(metric, **chosen)
    query = Query(f"topk(10, sum by (namespace, pod) ({inner}))", "{{namespace}}/{{pod}}")
    return Panel(title, [query], unit, leads_to="namespace")


def _pair(title: str, read: str, written: str, unit: str, names: tuple[str, str], *, page: str = "") -> Panel:
    queries = [
        Query(f"sum({rate(read, **_ON)})", names[0]),
        Query(f"-sum({rate(written, **_ON)})", names[1]),
    ]
    return Panel(title, queries, unit, width=8, page=page)


NODE_BOARD = Board(
    "node",
    "Node",
    "What one node does, what presses it, and which of its pods are the cause.",
    [
        Row(
            "Now",
            [
                _condition("Is ready", "Ready", "true", "KubeNodeNotReady"),
                _condition("Has no memory pressure", "MemoryPressure", "false", "KubeNodePressure"),
                _condition("Has no disk pressure", "DiskPressure", "false", "KubeNodePressure"),
                number(
                    "Pods",
                    f"max({of('kubelet_running_pods', **_ON)})"
                    f" / max({of('kube_node_status_allocatable', **_ON, resource='pods')})",
                    "percentunit",
                    limits=_SHARE,
                ),
                number(
                    "Clock is off by",
                    f"max(abs({of('node_timex_offset_seconds', **_ON)}))",
                    "s",
                    limits=Limits(0.02, 0.05),
                    page="NodeClockSkewDetected",
                ),
                number("Up since", f"1000 * max({of('node_boot_time_seconds', **_ON)})", "dateTimeFromNow"),
            ],
        ),
        Row(
            "CPU and memory",
            [
                Panel(
                    "CPU",
                    [
                        Query(
                            f"sum by (mode) ({rate('node_cpu_seconds_total', **_ON, mode='!=idle')})",
                            "{{mode}}",
                        )
                    ],
                    "cores",
                    "stack",
                    width=8,
                    page="NodeSystemSaturation",
                ),
                Panel(
                    "Memory",
                    [
                        Query(
                            f"sum({_MEMORY} - {of('node_memory_MemAvailable_bytes', **_ON)})",
                            "used",
                        ),
                        Query(f"sum({of('node_memory_Cached_bytes', **_ON)})", "cached"),
                        Query(f"sum({_MEMORY})", "all"),
                    ],
                    "bytes",
                    width=8,
                    page="NodeMemoryHighUtilization",
                ),
                Panel(
                    "Time in which processes waited",
                    [
                        Query(f"sum({rate(f'node_pressure_{each}_waiting_seconds_total', **_ON)})", f"for {each}")
                        for each in ("cpu", "memory", "io")
                    ],
                    "percentunit",
                    width=8,
                    limits=Limits(0.2, 0.5),
                    about="Pressure stall information: the share of time in which at least one process was held up.",
                    page="NodeSystemSaturation",
                ),
            ],
        ),
        Row(
            "Disks and network",
            [
                _pair(
                    "Disks", "node_disk_read_bytes_total", "node_disk_written_bytes_total", "Bps", ("read", "written")
                ),
                parts(
                    "Filesystems",
                    "max by (mountpoint) (1 - "
                    f"{of('node_filesystem_avail_bytes', **_ON, fstype='!=')}"
                    f" / {of('node_filesystem_size_bytes', **_ON, fstype='!=')})",
                    "{{mountpoint}}",
                    Limits(0.85, 0.95),
                    page="NodeFilesystem",
                ),
                _pair(
                    "Network",
                    "node_network_receive_bytes_total",
                    "node_network_transmit_bytes_total",
                    "Bps",
                    ("received", "sent"),
                ),
            ],
        ),
        Row(
            "Pods",
            [
                _pods_of("CPU of the busiest", "container_cpu_usage_seconds_total", "cores", counted=True),
                _pods_of("Memory of the largest", "container_memory_working_set_bytes", "bytes", counted=False),
                Panel(
                    "Evicted within the hour",
                    [
                        Query(
                            f"sum by (eviction_signal) (increase({of('kubelet_evictions', **_ON)}[1h]))",
                            "{{eviction_signal}}",
                        )
                    ],
                    page="KubeNodeEviction",
                ),
                Panel(
                    "Killed for memory",
                    [Query(f"sum(increase({of('node_vmstat_oom_kill', **_ON)}[$__rate_interval]))", "processes")],
                    page="ContainerOomKilled",
                ),
            ],
        ),
    ],
    [NODE],
    [firing(**_ON), rollouts()],
)
