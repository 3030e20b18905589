"""GPUs: the devices and how they are, what nodes hand out of them, and which pods have and use them."""

from __future__ import annotations

from kubewright.monitoring.dashboards.board import Board, Limits, Panel, Query, Row, Variable, firing, number, of

_ON = {"Hostname": "=~$node"}
_GPU = "Hostname, gpu"
_NAMED = "{{Hostname}} {{gpu}}"
_RESOURCES = "=~nvidia_com_.+"
_HOLDER = "namespace, pod, Hostname, gpu"
NODE = Variable("node", "Node", f"label_values({of('DCGM_FI_DEV_GPU_UTIL')}, Hostname)", everything=True)


_HELD = of("DCGM_FI_DEV_GPU_UTIL", **_ON, pod="!=")
"""Devices that some pod has."""
_NVLINK = f"rate({of('DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL', **_ON)}[$__rate_interval])"
_REPLAYS = f"increase({of('DCGM_FI_DEV_PCIE_REPLAY_COUNTER', **_ON)}[$__rate_interval])"


def _device(title: str, metric: str, unit: str, *, limits: Limits | None = None, page: str = "") -> Panel:
    query = Query(f"max by ({_GPU}) ({of(metric, **_ON)})", _NAMED)
    return Panel(title, [query], unit, width=8, limits=limits, page=page)


def _resources(kind: str) -> str:
    return f"sum by (resource) ({of(kind, resource=_RESOURCES)})"


_MEMORY = (
    f"max by ({_GPU}) ({of('DCGM_FI_DEV_FB_USED', **_ON)}"
    f" / ({of('DCGM_FI_DEV_FB_USED', **_ON)} + {of('DCGM_FI_DEV_FB_FREE', **_ON)}))"
)

GPU_BOARD = Board(
    "gpu",
    "GPUs",
    "Devices, slices of devices, and the pods that have them.",
    [
        Row(
            "Now",
            [
                number("GPUs", f"count(max by ({_GPU}) ({of('DCGM_FI_DEV_GPU_UTIL', **_ON)}))"),
                number(
                    "Handed out",
                    f"sum({of('kube_pod_container_resource_requests', resource='nvidia_com_gpu')})"
                    f" / sum({of('kube_node_status_allocatable', resource='nvidia_com_gpu')})",
                    "percentunit",
                ),
                number("Busy", f"avg({of('DCGM_FI_DEV_GPU_UTIL', **_ON)}) / 100", "percentunit"),
                number(
                    "Busy of what is handed out",
                    f"avg({_HELD}) / 100",
                    "percentunit",
                    limits=Limits(0.5, 0.2),
                    page="GpuIdleWhileAllocated",
                ),
                number(
                    "With an XID",
                    f"sum(max by ({_GPU}) ({of('DCGM_FI_DEV_XID_ERRORS', **_ON)}) > bool 0)",
                    limits=Limits(1, 2),
                    page="GpuXid",
                ),
                number("Power", f"sum({of('DCGM_FI_DEV_POWER_USAGE', **_ON)})", "watt"),
            ],
        ),
        Row(
            "Devices",
            [
                _device("Busy", "DCGM_FI_DEV_GPU_UTIL", "percent"),
                Panel("Memory used", [Query(_MEMORY, _NAMED)], "percentunit", width=8, highest=1, page="GpuMemory"),
                _device("Tensor cores active", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "percentunit"),
                _device("Temperature", "DCGM_FI_DEV_GPU_TEMP", "celsius", limits=Limits(80, 88), page="GpuThrottled"),
                _device("Clock", "DCGM_FI_DEV_SM_CLOCK", "MHz", page="GpuThrottled"),
                Panel(
                    "NVLink",
                    [
                        Query(
                            f"max by ({_GPU}) ({_NVLINK})",
                            _NAMED,
                        )
                    ],
                    "MBs",
                    width=8,
                ),
            ],
        ),
        Row(
            "Faults",
            [
                Panel(
                    "Last XID",
                    [Query(f"max by ({_GPU}, UUID) ({of('DCGM_FI_DEV_XID_ERRORS', **_ON)}) > 0", _NAMED)],
                    shape="table",
                    width=8,
                    page="GpuXid",
                ),
                Panel(
                    "Rows of memory that were replaced within a day",
                    [
                        Query(f"max by ({_GPU}) (increase({of(metric, **_ON)}[1d])) > 0", f"{_NAMED} {kind}")
                        for kind, metric in (
                            ("correctable", "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS"),
                            ("uncorrectable", "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"),
                        )
                    ],
                    width=8,
                    page="GpuMemory",
                ),
                Panel(
                    "PCIe replays",
                    [
                        Query(
                            f"max by ({_GPU}) ({_REPLAYS})",
                            _NAMED,
                        )
                    ],
                    width=8,
                    about="Transfers that had to be repeated: many of them tell of a bad slot or riser.",
                ),
            ],
        ),
        Row(
            "Slices and pods",
            [
                Panel(
                    "What nodes hand out",
                    [
                        Query(_resources("kube_node_status_allocatable"), "{{resource}}"),
                        Query(_resources("kube_pod_container_resource_requests"), "{{resource}} taken"),
                    ],
                    about="Whole GPUs, time slices, and MIG instances by their profile.",
                    width=8,
                ),
                Panel(
                    "Busy, by pod",
                    [
                        Query(
                            f"topk(20, max by ({_HOLDER}) ({_HELD}))",
                            "{{namespace}}/{{pod}} {{gpu}}",
                        )
                    ],
                    "percent",
                    width=8,
                    page="GpuIdleWhileAllocated",
                    leads_to="namespace",
                ),
                Panel(
                    "Have a GPU and used less than 5 % of it for half an hour",
                    [
                        Query(
                            f"avg by ({_HOLDER}) (avg_over_time({_HELD}[30m])) < 5",
                            "{{namespace}}/{{pod}} {{gpu}}",
                        )
                    ],
                    "percent",
                    "table",
                    width=8,
                    page="GpuIdleWhileAllocated",
                    leads_to="namespace",
                ),
            ],
        ),
    ],
    [NODE],
    [firing(alertname="=~Gpu.+")],
)
