"""What the kernel says that matters: lines of its log that tell of faults, as node-problem-detector has them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kubewright.devices.xids import APPLICATION_XIDS
from kubewright.healing.agent.sighting import (
    DEADLOCK,
    DISK,
    HARDWARE,
    MACHINE_CHECK,
    READ_ONLY,
    Sighting,
)

MOST_BYTES = 8192
"""Of one record, as the kernel has them."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the log."""

    number: int
    at_seconds: float
    """Since the machine booted."""
    text: str


def parse(data: bytes) -> Record | None:
    """Read a record as /dev/kmsg gives it (`6,339,5140900,-;text`); None for what is no record."""
    head, separator, rest = data.partition(b";")
    fields = head.split(b",")
    if not separator or len(fields) < len(("priority", "number", "microseconds")):
        return None
    if not (fields[1].isdigit() and fields[2].isdigit()):
        return None
    text = rest.split(b"\n", 1)[0].decode("utf-8", "replace")
    return Record(int(fields[1]), int(fields[2]) / 1e6, text)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Lines that tell of a fault."""

    line: re.Pattern[str]
    condition: str
    reason: str
    times: int = 1
    """So many within ten minutes make it one; fewer are an event."""


_PATTERNS = (
    _Pattern(re.compile(r"task \S+:\w+ blocked for more than \d+ seconds"), DEADLOCK, "TaskHung", 3),
    _Pattern(
        re.compile(r"watchdog: BUG: soft lockup|rcu: INFO: rcu_\w+ (self-)?detected stall"), DEADLOCK, "CpuStuck", 3
    ),
    _Pattern(re.compile(r"Remounting filesystem read-only"), READ_ONLY, "FilesystemIsReadOnly"),
    _Pattern(
        re.compile(r"(?:I/O error, dev |Buffer I/O error on dev(?:ice)? |critical medium error, dev )\w+"),
        DISK,
        "DiskErrors",
        3,
    ),
    _Pattern(
        re.compile(r"(?:EXT4-fs error \(device \w+\)|XFS \(\w+\): metadata I/O error)"), DISK, "FilesystemErrors", 3
    ),
    _Pattern(re.compile(r"nvme nvme\d+: (?:controller is down|Device not ready; aborting)"), DISK, "DiskGone"),
    _Pattern(
        re.compile(r"\[Hardware Error\]: .*(?:Uncorrected|UE)|EDAC .*\bUE\b"), MACHINE_CHECK, "UncorrectedMemoryError"
    ),
    # Events alone.
    _Pattern(re.compile(r"Killed process \d+ \(.+?\)"), "", "OOMKilling"),
    _Pattern(re.compile(r"BUG: unable to handle|kernel BUG at |divide error: 0000"), "", "KernelOops"),
    _Pattern(re.compile(r"nf_conntrack: .*table full, dropping packet"), "", "ConntrackFull"),
    _Pattern(re.compile(r"\[Hardware Error\]"), "", "MachineCheck"),
)
_XID = re.compile(r"NVRM: Xid \(PCI:([0-9a-fA-F:.]+)\): (\d{1,3})\b")


def sightings(record: Record, gpus: Sequence[str] = ()) -> Sighting | None:
    """Return what a line tells of; `gpus` are the PCI addresses of the GPUs, by their numbers."""
    xid = _XID.search(record.text)
    if xid is not None:
        return _gpu(xid[1].lower(), int(xid[2]), gpus)
    for pattern in _PATTERNS:
        found = pattern.line.search(record.text)
        if found is not None:
            return Sighting(pattern.condition, pattern.reason, record.text[:_SHOWN], pattern.times)
    return None


_SHOWN = 200


def _gpu(pci: str, code: int, gpus: Sequence[str]) -> Sighting:
    number = next((index for index, each in enumerate(gpus) if _bus(each) == _bus(pci)), None)
    which = f"GPU {number}" if number is not None else f"the GPU at {pci}"
    lasts = code not in APPLICATION_XIDS
    return Sighting(HARDWARE, f"NvidiaXID{code}Error", f"XID {code} on {which}", lasts=lasts)


def _bus(address: str) -> str:
    """Return what driver and kernel agree on: they disagree on the length of the domain, and on the function."""
    domain, _, rest = address.lower().partition(":")
    return f"{domain[-4:]}:{rest.partition('.')[0]}"
