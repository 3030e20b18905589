"""Causes in GPUs, by what nodes say of them: whose an error is, and what helps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from kubewright.api.conditions import Condition, find_condition
from kubewright.api.nodeagent import quarantined
from kubewright.devices.xids import Helps, helps
from kubewright.healing.causes.nodes import found_by, node_in, said_by
from kubewright.healing.finding import Case, Cause, Finding, Level, Remedy
from kubewright.healing.remedies import gpus as r
from kubewright.healing.remedies.nodes import AWAIT, HOLD, KUBELETS_OWN, movable
from kubewright.signals.signal import Fault, Signal

HARDWARE, THROTTLED = "AcceleratedHardwareReady", "GpuThrottled"
_GPU = re.compile(r"\bGPU (\d{1,2})\b")
_HOLDER = re.compile(r"held by ([a-z0-9.-]+/[a-z0-9.-]+)")
_XID = re.compile(r"^NvidiaXID(\d{1,3})Error$")
_FAULTS = frozenset({Fault.NODE_CONDITION})


def _told(case: Case, condition: str = HARDWARE) -> tuple[Signal, Condition] | None:
    """Return what a node says of its GPUs: since when, and how it is now."""
    signals, node = said_by(case, condition), node_in(case)
    found = find_condition(node.status.conditions, condition) if node is not None else None
    return (signals[0], found) if signals and found is not None else None


def _gpu(name: str, is_meant: Callable[[str], bool], *, moves: bool) -> Callable[[Case], Finding | None]:
    """Return a detector by the condition's reason; where the GPU is put out of use, until nobody is on it."""

    def detect(case: Case) -> Finding | None:
        told = _told(case)
        if told is None or not is_meant(told[1].reason):
            return None
        found = _finding(case, name, *told)
        return None if moves and _is_done(case, found) else found

    return detect


def _finding(case: Case, name: str, signal: Signal, condition: Condition) -> Finding:
    text = condition.message or condition.reason
    holder = _HOLDER.search(text)
    details = {"holder": holder[1]} if holder is not None else {}
    found = found_by(case, name, [signal], case.of(Fault.GPU_OUT_OF_USE, Fault.NODE_HELD), _gpu_in(text))
    return replace(found, evidence=(f"{condition.type}: {text}",), details=details)


def _gpu_in(text: str) -> str:
    """Return the number of the GPU that a text names; nothing if it names none."""
    found = _GPU.search(text)
    return found[1] if found is not None else ""


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
    return None if told is None else _finding(case, "GpuThrottled", *told)


def _awaits_repair(case: Case) -> Finding | None:
    told = _told(case)
    return None if told is None else _finding(case, "GpuAwaitsRepair", *told)


def _out_of_use(case: Case) -> Finding | None:
    """A GPU is out of use on a node of which nothing is told any more."""
    out = case.of(Fault.GPU_OUT_OF_USE)[:1]
    if not out or case.of(Fault.NODE_CONDITION, Fault.NODE_SILENT):
        return None
    return found_by(case, "GpuOutOfUse", out, part=_gpu_in(out[0].evidence))


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
        (r.RESTART_PLUGIN, HOLD),
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
