"""The nouns: what was seen on a node, and the conditions that tell of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEADLOCK = "KernelDeadlock"
READ_ONLY = "ReadonlyFilesystem"
DISK = "DiskFailing"
MACHINE_CHECK = "MachineCheckError"
CLOCK = "NTPProblem"
RUNTIME = "ContainerRuntimeUnhealthy"
KUBELET = "KubeletUnhealthy"
RESTARTS = "FrequentKubeletRestart"
CERTIFICATE = "KubeletCertificateExpiring"
HARDWARE = "AcceleratedHardwareReady"

WELL: Mapping[str, tuple[str, str]] = {
    DEADLOCK: ("KernelHasNoDeadlock", "kernel has no deadlock"),
    READ_ONLY: ("FilesystemIsNotReadOnly", "Filesystem is not read-only"),
    DISK: ("NoDiskErrors", "no disk reports errors"),
    MACHINE_CHECK: ("NoMachineCheckError", "the machine reports no errors of its own"),
    CLOCK: ("NTPIsUp", "the clock is kept"),
    RUNTIME: ("ContainerRuntimeIsHealthy", "the container runtime answers"),
    KUBELET: ("KubeletIsHealthy", "kubelet on the node is functioning properly"),
    RESTARTS: ("NoFrequentKubeletRestart", "kubelet does not restart"),
    CERTIFICATE: ("KubeletCertificateIsValid", "the kubelet's certificate is valid for long enough"),
    HARDWARE: ("AcceleratedHardwareIsReady", "no GPU reports errors of its own"),
}
"""What each says while nothing is wrong. All but the last are False then."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something was seen, just now."""

    condition: str
    """Which it belongs to; nothing if it is only to be told as an event."""
    reason: str
    message: str
    times: int = 1
    """So many of one reason make the condition."""
    lasts: bool = True
    """Whether it is so until the machine boots, or passes when it is not told again."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a check says of its condition now: not well, with reason and message, or well."""

    condition: str
    reason: str = ""
    message: str = ""
