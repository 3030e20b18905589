"""What nodes say of themselves under faults: conditions as the kubelet and its neighbours set them, and devices. Pure.

- DiskFull, PidPressure, NetworkUnavailable, RuntimeHung: pressure, or not ready, as the kubelet says it.
- ClockSkew, ReadOnlyFilesystem, KernelDeadlock, RuntimeHung, KubeletRestarts: as node-problem-detector does.
- DiskFailing: as kubewright's own agent does.
- Those of GPUs: AcceleratedHardwareReady is False, as cloud providers' node agents say it, and who holds the GPU. One
  that is of no use any more leaves the allocatable ones, as a device plugin reports it, and so does one that somebody
  has put out of use (`api.nodeagent.QUARANTINED`). Errors of applications (XID 13, 31 ...)
  and correctable ones leave it.

A condition that a fault brought about goes back to what a healthy node says; one that no fault has touched is not
there. A node that is cut off says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.conditions import Condition, find_condition
from kubewright.api.core import NODES, Node
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.nodeagent import quarantined
from kubewright.api.quantity import value
from kubewright.client.protocol import PatchType
from kubewright.devices.requests import GPU, VENDOR
from kubewright.devices.xids import APPLICATION_XIDS
from kubewright.twin.controllers.writes import Announce, Patch, Write
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.fault import FaultSpec
from kubewright.twin.faults.inforce import Active
from kubewright.twin.faults.rules import NO_NETWORK, RUNTIME_DOWN

_CUTTING = frozenset({"NodeDown", "NodePartitioned"})
_UNHEALTHY = {"True": "False", "False": "True"}
READY, DISK, CLOCK, HARDWARE = "Ready", "DiskPressure", "NTPProblem", "AcceleratedHardwareReady"
READ_ONLY, FAILING, DEADLOCK = "ReadonlyFilesystem", "DiskFailing", "KernelDeadlock"
RUNTIME, RESTARTS, THROTTLED = "ContainerRuntimeUnhealthy", "FrequentKubeletRestart", "GpuThrottled"
NETWORK, PIDS = "NetworkUnavailable", "PIDPressure"
Holders = Callable[[int], str]
"""Which pod holds a GPU, by its number; nothing if none does."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a condition says."""

    status: str
    reason: str
    message: str


_HEALTHY: Mapping[str, _Said] = {
    DISK: _Said("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    CLOCK: _Said("False", "NTPIsUp", "ntp service is up"),
    READY: _Said("True", "KubeletReady", "kubelet is posting ready status"),
    HARDWARE: _Said("True", "AcceleratedHardwareIsReady", "Monitoring for the accelerated hardware is active"),
    THROTTLED: _Said("False", "GpusAtFullSpeed", "no GPU slows itself down"),
    READ_ONLY: _Said("False", "FilesystemIsNotReadOnly", "Filesystem is not read-only"),
    FAILING: _Said("False", "NoDiskErrors", "no disk reports errors"),
    DEADLOCK: _Said("False", "KernelHasNoDeadlock", "kernel has no deadlock"),
    RUNTIME: _Said("False", "ContainerRuntimeIsHealthy", "Container runtime on the node is functioning properly"),
    RESTARTS: _Said("False", "NoFrequentKubeletRestart", "kubelet is functioning properly"),
    NETWORK: _Said("False", "RouteCreated", "pods have a network"),
    PIDS: _Said("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}
_ILL: Mapping[str, Mapping[str, _Said]] = {
    "DiskFull": {DISK: _Said("True", "KubeletHasDiskPressure", "kubelet has disk pressure")},
    "PidPressure": {PIDS: _Said("True", "KubeletHasInsufficientPID", "kubelet has insufficient PID available")},
    "ReadOnlyFilesystem": {READ_ONLY: _Said("True", "FilesystemIsReadOnly", "Remounting filesystem read-only")},
    "KernelDeadlock": {DEADLOCK: _Said("True", "TaskHung", "task kworker blocked for more than 120 seconds")},
    "KubeletRestarts": {RESTARTS: _Said("True", "FrequentKubeletRestart", "kubelet restarted 6 times in 20 minutes")},
    "RuntimeHung": {
        RUNTIME: _Said("True", "ContainerdUnhealthy", "containerd does not answer"),
        READY: _Said("False", "KubeletNotReady", RUNTIME_DOWN),
    },
    "NetworkUnavailable": {
        NETWORK: _Said("True", "NoRouteCreated", "pods have no network"),
        READY: _Said("False", "KubeletNotReady", NO_NETWORK),
    },
}
"""What faults of nodes that take no parameters have them say."""
_OF_GPUS = (HARDWARE, THROTTLED)
_BY_KUBELETS = frozenset({DISK, PIDS})


def writes_of(node: Node, faults: Sequence[Active], now: float, holders: Holders = lambda _: "") -> list[Write]:
    """Return what brings a node's status to what its faults mean; nothing when it says so already."""
    if any(each.spec.type in _CUTTING for each in faults):
        return []
    wanted = _wanted(faults, holders)
    if not any(name.startswith(VENDOR) for name in node.status.capacity):
        wanted = {type_: said for type_, said in wanted.items() if type_ not in _OF_GPUS}
    changes: list[Manifest] = []
    news: list[Write] = []
    for type_, healthy in _HEALTHY.items():
        old, new = find_condition(node.status.conditions, type_), wanted.get(type_)
        if new is None and old is not None and old.status == _UNHEALTHY[healthy.status] and _is_ours(type_, old):
            new = healthy
        if new is not None and not _says(old, new):
            changes.append(_condition(type_, new, old, now))
            news += _announced(node, type_, new)
    status: Manifest = {"conditions": changes} if changes else {}
    status |= _devices(node, faults)
    if not status:
        return []
    patch = Patch(NODES, node.key, node.metadata.uid, {"status": status}, "status", patch_type=PatchType.STRATEGIC)
    return [patch, *news]


def _is_ours(type_: str, old: Condition) -> bool:
    """Tell whether a fault may have brought a condition about: that a node is not ready others say, too."""
    return type_ != READY or old.message in (RUNTIME_DOWN, NO_NETWORK)


def _says(old: Condition | None, new: _Said) -> bool:
    return old is not None and (old.status, old.reason, old.message) == (new.status, new.reason, new.message)


def _condition(type_: str, said: _Said, old: Condition | None, now: float) -> Manifest:
    since = old.last_transition_time if old is not None and old.status == said.status else None
    return {
        "type": type_,
        "status": said.status,
        "reason": said.reason,
        "message": said.message,
        "lastHeartbeatTime": rfc3339(now),
        "lastTransitionTime": since or rfc3339(now),
    }


def _wanted(faults: Iterable[Active], holders: Holders) -> dict[str, _Said]:
    """Return what is not healthy; of two faults that say the same condition the last by name is heard."""
    found: dict[str, _Said] = {}
    for fault in faults:
        spec = fault.spec
        match spec.type:
            case "DiskFailing":
                device = (spec.disk_failing or p.DiskFailing()).device
                found[FAILING] = _Said("True", "DiskErrors", f"I/O error, dev {device}")
            case "ClockSkew":
                seconds = (spec.clock_skew or p.ClockSkew()).seconds
                found[CLOCK] = _Said("True", "NTPIsDown", f"the clock is off by {seconds} s")
            case "DevicePluginDown":
                found[HARDWARE] = _Said("False", "DevicePluginNotReady", "the device plugin does not answer")
            case _:
                found |= _ILL.get(spec.type, {}) or _of_gpu(spec, holders)
    return found


def _of_gpu(spec: FaultSpec, holders: Holders) -> dict[str, _Said]:
    """Return what is said of a GPU, and who holds it."""
    type_, status = HARDWARE, "False"
    match spec.type:
        case "GpuXid":
            xid = spec.gpu_xid or p.GpuXid()
            device, reason, text = xid.device, f"NvidiaXID{xid.code}Error", f"XID {xid.code} on GPU {xid.device}"
        case "GpuEcc":
            ecc = spec.gpu_ecc or p.GpuEcc()
            if ecc.errors == "Correctable":
                return {}
            device, (reason, words) = ecc.device, _ECC[ecc.errors]
            text = f"{words} on GPU {device}"
        case "GpuHung":
            device = (spec.gpu_hung or p.GpuHung()).device
            reason, text = "NvidiaGPUHung", f"no progress on GPU {device}, which is busy"
        case "NvlinkError":
            device = (spec.nvlink_error or p.NvlinkError()).device
            reason, text = "NvidiaNVLinkError", f"NVLink errors on GPU {device}"
        case "GpuThrottled":
            throttled = spec.gpu_throttled or p.GpuThrottled()
            device, reason = throttled.device, f"{throttled.reason}Slowdown"
            type_, status, text = THROTTLED, "True", f"slowdown ({throttled.reason}) on GPU {device}"
        case _:
            return {}
    holder = holders(device)
    return {type_: _Said(status, reason, f"{text}, held by {holder}" if holder else text)}


_ECC = {
    "Uncorrectable": ("NvidiaDoubleBitError", "uncorrectable ECC error"),
    "RemapPending": ("NvidiaRowRemapPending", "rows wait for a reset to be replaced"),
}


def _announced(node: Node, type_: str, said: _Said) -> list[Write]:
    if said == _HEALTHY[type_]:
        return []
    if type_ in _BY_KUBELETS:
        event = said.reason.replace("Kubelet", "Node")
        return [Announce(NODES, node, "Normal", event, f"Node {node.metadata.name} status is now: {event}")]
    if type_ == READY:
        return []
    return [Announce(NODES, node, "Warning", said.reason, said.message)]


def _devices(node: Node, faults: Iterable[Active]) -> Manifest:
    """Return the change of allocatable GPUs."""
    if GPU not in node.status.capacity:
        return {}
    count = value(node.status.capacity[GPU])
    faults = tuple(faults)
    lost = lost_devices(faults).union(quarantined(node))
    usable = count - len({device for device in lost if device < count})
    if any(each.spec.type == "DevicePluginDown" for each in faults):
        usable = 0
    if value(node.status.allocatable.get(GPU, "0")) == usable:
        return {}
    return {"allocatable": {GPU: str(usable)}}


def lost_devices(faults: Iterable[Active]) -> frozenset[int]:
    """Return the indices of the GPUs that faults make unusable."""
    return frozenset(device for device in map(lost_device, faults) if device is not None)


def lost_device(fault: Active) -> int | None:
    """Return the index of the GPU that a fault makes unusable."""
    spec = fault.spec
    match spec.type:
        case "GpuXid":
            xid = spec.gpu_xid or p.GpuXid()
            return None if xid.code in APPLICATION_XIDS else xid.device
        case "GpuEcc":
            ecc = spec.gpu_ecc or p.GpuEcc()
            return ecc.device if ecc.errors == "Uncorrectable" else None
        case _:
            return None
