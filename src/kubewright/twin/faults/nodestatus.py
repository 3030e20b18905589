"""What nodes say of themselves under faults: conditions as the kubelet and its neighbours set them, and devices. Pure.

- DiskFull: DiskPressure, as the kubelet says it.
- ClockSkew: NTPProblem, as node-problem-detector does.
- GpuXid, GpuEcc: AcceleratedHardwareReady is False, as cloud providers' node agents say it, and a GPU that is of no use
  any more leaves the allocatable ones, as a device plugin reports it. Errors of applications (XID 13, 31 ...) and
  correctable ones leave it.

A condition that a fault brought about goes back to what a healthy node says; one that no fault has touched is not
there. A node that is cut off says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubewright.api.conditions import Condition, find_condition
from kubewright.api.core import NODES, Node
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.quantity import value
from kubewright.client.protocol import PatchType
from kubewright.devices.requests import GPU, VENDOR
from kubewright.twin.controllers.writes import Announce, Patch, Write
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active

_CUTTING = frozenset({"NodeDown", "NodePartitioned"})
_UNHEALTHY = {"True": "False", "False": "True"}
DISK, CLOCK, HARDWARE = "DiskPressure", "NTPProblem", "AcceleratedHardwareReady"
HARMLESS_XIDS = frozenset({13, 31, 43, 45, 68, 109})
"""Errors of applications, which device plugins do not take for errors of the device."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a condition says."""

    status: str
    reason: str
    message: str


_HEALTHY: Mapping[str, _Said] = {
    DISK: _Said("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    CLOCK: _Said("False", "NTPIsUp", "ntp service is up"),
    HARDWARE: _Said("True", "AcceleratedHardwareIsReady", "Monitoring for the accelerated hardware is active"),
}


def writes_of(node: Node, faults: Sequence[Active], now: float) -> list[Write]:
    """Return what brings a node's status to what its faults mean; nothing when it says so already."""
    if any(each.spec.type in _CUTTING for each in faults):
        return []
    wanted = _wanted(faults)
    if not any(name.startswith(VENDOR) for name in node.status.capacity):
        wanted.pop(HARDWARE, None)
    changes: list[Manifest] = []
    news: list[Write] = []
    for type_, healthy in _HEALTHY.items():
        old, new = find_condition(node.status.conditions, type_), wanted.get(type_)
        if new is None and old is not None and old.status == _UNHEALTHY[healthy.status]:
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


def _wanted(faults: Iterable[Active]) -> dict[str, _Said]:
    """Return what is not healthy; of two faults that say the same condition the last by name is heard."""
    found: dict[str, _Said] = {}
    for fault in faults:
        spec = fault.spec
        match spec.type:
            case "DiskFull":
                found[DISK] = _Said("True", "KubeletHasDiskPressure", "kubelet has disk pressure")
            case "ClockSkew":
                seconds = (spec.clock_skew or p.ClockSkew()).seconds
                found[CLOCK] = _Said("True", "NTPIsDown", f"the clock is off by {seconds} s")
            case "GpuXid":
                xid = spec.gpu_xid or p.GpuXid()
                found[HARDWARE] = _Said("False", f"NvidiaXID{xid.code}Error", f"XID {xid.code} on GPU {xid.device}")
            case "GpuEcc":
                ecc = spec.gpu_ecc or p.GpuEcc()
                if ecc.errors == "Uncorrectable":
                    text = f"uncorrectable ECC error on GPU {ecc.device}"
                    found[HARDWARE] = _Said("False", "NvidiaDoubleBitError", text)
            case _:
                pass
    return found


def _announced(node: Node, type_: str, said: _Said) -> list[Write]:
    if said == _HEALTHY[type_]:
        return []
    if type_ == DISK:
        text = f"Node {node.metadata.name} status is now: NodeHasDiskPressure"
        return [Announce(NODES, node, "Normal", "NodeHasDiskPressure", text)]
    return [Announce(NODES, node, "Warning", said.reason, said.message)]


def _devices(node: Node, faults: Iterable[Active]) -> Manifest:
    """Return the change of allocatable GPUs."""
    if GPU not in node.status.capacity:
        return {}
    count = value(node.status.capacity[GPU])
    usable = count - len({device for device in map(lost_device, faults) if device is not None and device < count})
    if value(node.status.allocatable.get(GPU, "0")) == usable:
        return {}
    return {"allocatable": {GPU: str(usable)}}


def lost_device(fault: Active) -> int | None:
    """Return the index of the GPU that a fault makes unusable."""
    spec = fault.spec
    match spec.type:
        case "GpuXid":
            xid = spec.gpu_xid or p.GpuXid()
            return None if xid.code in HARMLESS_XIDS else xid.device
        case "GpuEcc":
            ecc = spec.gpu_ecc or p.GpuEcc()
            return ecc.device if ecc.errors == "Uncorrectable" else None
        case _:
            return None
