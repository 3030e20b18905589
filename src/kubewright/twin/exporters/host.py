"""A node-exporter's `/metrics`: the node as its operating system sees it, as far as kube-prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable

from kubewright.twin.exporters.sources import SYSTEM_STORAGE_BYTES, NodeUse
from kubewright.twin.exporters.text import Family, Sample, counter, gauge, labels

_IDLE = "idle"
_BUSY_MODES = {"user": 0.72, "system": 0.2, "iowait": 0.03, "softirq": 0.03, "irq": 0.0, "nice": 0.0, "steal": 0.02}
_DISK = labels(device="vda")
_FILESYSTEM = labels(device="/dev/vda1", fstype="ext4", mountpoint="/")
_NETWORK = labels(device="eth0")
_PACKET_BYTES = 800.0
_BYTES_PER_INODE = 16_384.0
_SYSTEM_BYTES_PER_SECOND = 2_000.0
_FILES = 1 << 20
_CONNECTIONS = 262_144
_UNITS = ("containerd.service", "kubelet.service")


class Host:
    """Node exporters of all nodes; it remembers idle time, which must not fall while pods use more than there is."""

    def __init__(self) -> None:
        self._idle: dict[str, float] = {}

    def metrics(self, use: NodeUse) -> str:
        """Write one node's metrics."""
        return "".join(
            [
                family.write(samples)
                for families in (self._processor(use), _memory(use), _storage(use), _network(use), _system(use))
                for family, samples in families
            ]
        )

    def _processor(self, use: NodeUse) -> list[tuple[Family, list[Sample]]]:
        name, cores = use.node.metadata.name, max(1, int(use.capacity("cpu", 1.0)))
        busy = use.cpu_seconds
        idle = self._idle[name] = max(self._idle.get(name, 0.0), use.uptime_seconds * cores - busy)
        modes = {_IDLE: idle, **{mode: busy * share for mode, share in _BUSY_MODES.items()}}
        load = sum(each.cpu_cores for each in use.readings)
        return [
            (
                counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode."),
                [
                    (labels(cpu=str(number), mode=mode), seconds / cores)
                    for number in range(cores)
                    for mode, seconds in modes.items()
                ],
            ),
            *[(gauge(f"node_load{minutes}", f"{minutes}m load average."), [("", load)]) for minutes in (1, 5, 15)],
            (counter("node_context_switches_total", "Total number of context switches."), [("", busy * 1000)]),
            *_pressure("cpu", sum(each.throttled_seconds for each in use.readings)),
        ]


def _pressure(resource: str, seconds: float) -> list[tuple[Family, list[Sample]]]:
    text = f"Total time in seconds that processes have waited for {resource}"
    return [(counter(f"node_pressure_{resource}_waiting_seconds_total", text), [("", seconds)])]


def _memory(use: NodeUse) -> list[tuple[Family, list[Sample]]]:
    total, used = use.capacity("memory", 0.0), use.memory_bytes
    available = total - used
    figures = {
        "MemTotal": total,
        "MemAvailable": available,
        "MemFree": available * 0.7,
        "Cached": available * 0.25,
        "Buffers": available * 0.03,
        "Slab": total * 0.01,
        "SReclaimable": available * 0.01,
        "Active_anon": used * 0.8,
        "SwapTotal": 0.0,
        "SwapFree": 0.0,
    }
    found = [
        (gauge(f"node_memory_{name}_bytes", f"Memory information field {name}_bytes."), [("", value)])
        for name, value in figures.items()
    ]
    return [
        *found,
        (counter("node_vmstat_pgmajfault", "/proc/vmstat information field pgmajfault."), [("", 0.0)]),
        (counter("node_vmstat_oom_kill", "/proc/vmstat information field oom_kill."), [("", 0.0)]),
        *_pressure("memory", 0.0),
    ]


def _storage(use: NodeUse) -> list[tuple[Family, list[Sample]]]:
    size = use.capacity("ephemeral-storage", 100e9)
    used = min(size, SYSTEM_STORAGE_BYTES + sum(each.storage_bytes for each in use.readings))
    files = size / _BYTES_PER_INODE
    filesystem = {
        "size_bytes": size,
        "avail_bytes": size - used,
        "free_bytes": size - used,
        "files": files,
        "files_free": files - used / _BYTES_PER_INODE,
        "readonly": 0.0,
    }
    # The disk is busy with what containers log, a little for each second that they compute.
    busy = use.cpu_seconds * 0.01
    disk = {
        "io_time_seconds_total": busy,
        "io_time_weighted_seconds_total": busy * 1.5,
        "read_bytes_total": busy * 2e7,
        "written_bytes_total": busy * 5e7,
    }
    return [
        *(
            (gauge(f"node_filesystem_{name}", f"Filesystem {name}."), [(_FILESYSTEM, value)])
            for name, value in filesystem.items()
        ),
        *((counter(f"node_disk_{name}", f"Disk {name}."), [(_DISK, value)]) for name, value in disk.items()),
        *_pressure("io", 0.0),
    ]


def _network(use: NodeUse) -> list[tuple[Family, list[Sample]]]:
    own = use.uptime_seconds * _SYSTEM_BYTES_PER_SECOND
    totals = {
        "receive": own + use.gone.received_bytes + sum(each.received_bytes for each in use.readings),
        "transmit": own + use.gone.sent_bytes + sum(each.sent_bytes for each in use.readings),
    }
    families: list[tuple[Family, list[Sample]]] = [
        (gauge("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise."), [(_NETWORK, 1.0)])
    ]
    for way, total in totals.items():
        figures = {"bytes": total, "packets": float(int(total / _PACKET_BYTES)), "drop": 0.0, "errs": 0.0}
        for what, value in figures.items():
            family = counter(f"node_network_{way}_{what}_total", f"Network device statistic {way}_{what}.")
            families.append((family, [(_NETWORK, value)]))
    return [
        *families,
        (gauge("node_nf_conntrack_entries", "Number of currently allocated flow entries."), [("", 500.0)]),
        (gauge("node_nf_conntrack_entries_limit", "Maximum size of connection tracking."), [("", float(_CONNECTIONS))]),
    ]


def _system(use: NodeUse) -> Iterable[tuple[Family, list[Sample]]]:
    info = use.node.status.node_info
    name = use.node.metadata.name
    uname = labels(
        domainname="(none)",
        machine=info.architecture,
        nodename=name,
        release=info.kernel_version,
        sysname="Linux",
        version="#1 SMP",
    )
    states = [
        (labels(name=unit, state=state, type="simple"), float(state == "active"))
        for unit in _UNITS
        for state in ("activating", "active", "deactivating", "failed", "inactive")
    ]
    restarts = [(labels(name=unit), 0.0) for unit in _UNITS]
    yield gauge("node_boot_time_seconds", "Node boot time, in unixtime."), [("", use.booted_at)]
    yield gauge("node_time_seconds", "System time in seconds since epoch (1970)."), [("", use.now)]
    yield gauge("node_uname_info", "Labeled system information as provided by the uname system call."), [(uname, 1.0)]
    yield gauge("node_filefd_allocated", "File descriptor statistics: allocated."), [("", 1000.0)]
    yield gauge("node_filefd_maximum", "File descriptor statistics: maximum."), [("", float(_FILES))]
    yield gauge("node_timex_sync_status", "Is clock synchronized to a reliable server (1 = yes)."), [("", 1.0)]
    yield gauge("node_timex_offset_seconds", "Time offset in between local system and reference clock."), [("", 0.0)]
    yield gauge("node_timex_maxerror_seconds", "Maximum error in seconds."), [("", 0.01)]
    yield gauge("node_textfile_scrape_error", "1 if there was an error opening or reading a file."), [("", 0.0)]
    yield gauge("node_systemd_unit_state", "Systemd unit"), states
    yield counter("node_systemd_service_restart_total", "Service unit count of Restart triggers"), restarts
    yield (
        gauge("node_exporter_build_info", "The exporter's build. The count is always 1."),
        [(labels(version="1.9"), 1)],
    )
