"""Causes in GPUs, by what nodes say of them: whose an error is, and what helps."""

from __future__ import annotations

import re
from collections.abc import Callable

from kubewright.api.conditions import find_condition
from kubewright.api.core import PODS
from kubewright.api.meta import controller_of
from kubewright.api.nodeagent import quarantined
from kubewright.api.plan import Delete, Plan
from kubewright.devices.xids import Helps, helps
from kubewright.healing.causes.nodes import node_in
from kubewright.healing.finding import Case, Cause, Finding, Level, Remedy, Safety
from kubewright.healing.remedies import gpus as r
from kubewright.healing.remedies.nodes import AWAIT, HOLD, KUBELETS_OWN, movable
from kubewright.healing.seen import Seen
from kubewright.signals.signal import Fault, Signal

HARDWARE, THROTTLED = "AcceleratedHardwareReady", "GpuThrottled"
_GPU = re.compile(r"\bGPU (\d{1,2})\b")
_HOLDER = re.compile(r"held by ([a-z0-9.-]+/[a-z0-9.-]+)")
_XID = re.compile(r"^NvidiaXID(\d{1,3})Error$")
_PLUGINS = ("device-plugin", "gpu-agent")
_FAULTS = frozenset({Fault.NODE_CONDITION})


def _told(case: Case, condition: str = HARDWARE) -> tuple[Signal, str] | None:
    """Return what a node says of its GPUs, and the reason that it gives."""
    signal = next((each for each in case.of(Fault.NODE_CONDITION) if each.evidence.startswith(f"{condition}:")), None)
    node = node_in(case)
    found = find_condition(node.status.conditions, condition) if node is not None else None
    return None if signal is None or found is None else (signal, found.reason)


def _gpu(name: str, is_meant: Callable[[str], bool], *, moves: bool) -> Callable[[Case], Finding | None]:
    """Return a detector by the condition's reason; where the GPU is put out of use, until nobody is on it."""

    def detect(case: Case) -> Finding | None:
        told = _told(case)
        if told is None or not is_meant(told[1]):
            return None
        found = _finding(case, name, told[0])
        return None if moves and _is_done(case, found) else found

    return detect


def _finding(case: Case, name: str, signal: Signal) -> Finding:
    node = node_in(case)
    said = find_condition(node.status.conditions, HARDWARE) if node is not None else None
    text = said.message if said is not None and signal.evidence.startswith(HARDWARE) else signal.evidence
    gpu, holder = _GPU.search(text), _HOLDER.search(text)
    ours = case.of(Fault.GPU_OUT_OF_USE, Fault.NODE_HELD)
    return Finding(
        name,
        case.about,
        (f"{HARDWARE}: {text}" if said is not None else text,),
        frozenset(each.fingerprint for each in (signal, *ours)),
        signal.since,
        gpu[1] if gpu is not None else "",
        details={"holder": holder[1]} if holder is not None else {},
    )


def _is_done(case: Case, found: Finding) -> bool:
    """Tell whether the GPU is out of use and whoever was on it has been told to go."""
    node = node_in(case)
    if node is None or not found.part.isdecimal() or int(found.part) not in quarantined(node):
        return False
    held = r.on_gpu(node.metadata.name, int(found.part), found.details.get("holder", ""), case.seen)
    return not movable(held)


def _xid(*kinds: Helps) -> Callable[[str], bool]:
    def is_meant(reason: str) -> bool:
        found = _XID.match(reason)
        return found is not None and helps(int(found[1])) in kinds

    return is_meant


def _is(reason: str) -> Callable[[str], bool]:
    return lambda found: found == reason


def _throttled(case: Case) -> Finding | None:
    told = _told(case, THROTTLED)
    return None if told is None else _finding(case, "GpuThrottled", told[0])


def _awaits_repair(case: Case) -> Finding | None:
    told = _told(case)
    return None if told is None else _finding(case, "GpuAwaitsRepair", told[0])


def _out_of_use(case: Case) -> Finding | None:
    """A GPU is out of use on a node of which nothing is told any more."""
    out = case.of(Fault.GPU_OUT_OF_USE)
    if not out or case.of(Fault.NODE_CONDITION, Fault.NODE_SILENT):
        return None
    gpu = _GPU.search(out[0].evidence)
    part = gpu[1] if gpu is not None else ""
    return Finding("GpuOutOfUse", case.about, (out[0].evidence,), frozenset({out[0].fingerprint}), out[0].since, part)


def _restart_plugin(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Have the device plugin's pod on the node made anew, once."""
    del now
    pods = [
        pod
        for pod in seen.pods_on(finding.about.key.name)
        if not pod.is_terminating and controller_of(pod) is not None and pod.metadata.created_at < finding.since
        if any(word in pod.metadata.name for word in _PLUGINS)
    ]
    if not pods:
        return None
    return Plan(tuple(Delete(PODS, pod.key, pod.metadata.uid) for pod in pods), "the device plugin begins anew")


RESTART_PLUGIN = Remedy("make the device plugin anew", Safety.LOCAL, _restart_plugin, within_seconds=90.0)


def _cause(
    name: str, summary: str, is_meant: Callable[[str], bool], remedy: Remedy, also: tuple[str, ...] = ()
) -> Cause:
    moves = remedy is r.QUARANTINE
    return Cause(name, Level.NODE, summary, _FAULTS, _gpu(name, is_meant, moves=moves), (remedy,), also)


CAUSES: tuple[Cause, ...] = (
    _cause(
        "GpuApplicationError",
        "a program made an error on its GPU, which is well",
        _xid(Helps.APPLICATION),
        r.RESTART,
        ("XID 13 31 43 45 68 109",),
    ),
    _cause("GpuContainedError", "bits were lost in one program's memory", _xid(Helps.RESTART), r.RESTART, ("XID 94",)),
    _cause(
        "GpuNeedsReset",
        "a GPU is of no use until it is reset",
        _xid(Helps.RESET),
        r.QUARANTINE,
        ("XID 48 62 63 74 95 119 120",),
    ),
    _cause(
        "GpuLost",
        "a GPU fell off the bus, or cannot be mended by a reset",
        _xid(Helps.REPLACE),
        r.QUARANTINE,
        ("XID 64 79 92",),
    ),
    _cause(
        "GpuMemoryUncorrectable",
        "a GPU's memory lost bits",
        _is("NvidiaDoubleBitError"),
        r.QUARANTINE,
        ("ECC double bit",),
    ),
    _cause(
        "GpuRowRemapPending",
        "rows of a GPU's memory wait for a reset to be replaced",
        _is("NvidiaRowRemapPending"),
        r.QUARANTINE,
    ),
    _cause("GpuHung", "a GPU is busy and gets nothing done", _is("NvidiaGPUHung"), r.QUARANTINE),
    _cause("GpuLinkErrors", "a link between GPUs loses data", _is("NvidiaNVLinkError"), r.QUARANTINE, ("XID 74",)),
    Cause(
        "DevicePluginDown",
        Level.NODE,
        "a node's device plugin does not answer",
        _FAULTS,
        _gpu("DevicePluginDown", _is("DevicePluginNotReady"), moves=False),
        (RESTART_PLUGIN, HOLD),
    ),
    Cause(
        "GpuThrottled",
        Level.NODE,
        "a GPU slows itself down for heat or power",
        _FAULTS,
        _throttled,
        (KUBELETS_OWN, HOLD),
    ),
    Cause("GpuAwaitsRepair", Level.NODE, "a GPU is out of use, and nobody is on it", _FAULTS, _awaits_repair, (AWAIT,)),
    Cause(
        "GpuOutOfUse",
        Level.NODE,
        "a GPU is well again, and not given out yet",
        frozenset({Fault.GPU_OUT_OF_USE}),
        _out_of_use,
        (r.PUT_BACK,),
    ),
)
