"""The types of faults, and what each takes: one table, from which the CRD's rules and the lists in `decide` follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from kubewright.api.meta import Manifest

FaultType: TypeAlias = Literal[
    "NodeDown",
    "KubeletHung",
    "NodePartitioned",
    "SlowDisk",
    "DiskFull",
    "ClockSkew",
    "CertificateExpiry",
    "ReadOnlyFilesystem",
    "DiskFailing",
    "KernelDeadlock",
    "RuntimeHung",
    "KubeletRestarts",
    "NetworkUnavailable",
    "PidPressure",
    "GpuXid",
    "GpuEcc",
    "GpuHung",
    "GpuThrottled",
    "NvlinkError",
    "DevicePluginDown",
    "MemoryLeak",
    "CpuStress",
    "ContainerCrash",
    "CrashLoop",
    "ImagePullFailure",
    "BadRelease",
    "ProbeFailure",
    "DnsFailure",
    "NetworkDelay",
    "NetworkLoss",
    "NetworkPartition",
    "PvcFull",
    "StuckFinalizer",
    "WebhookOutage",
    "ApiLatency",
    "ApiError",
    "ApiReset",
    "WatchDrop",
    "WatchStale",
    "Compaction",
]
NODES: Final = "nodes"
PODS: Final = "pods"
CLIENTS: Final = "clients"
CLAIMS: Final = "claims"
OBJECTS: Final = "objects"
WEBHOOKS: Final = "webhooks"


@dataclass(frozen=True, slots=True)
class Takes:
    """What a type takes: `targets` are fields of `spec.target`, one of which is needed."""

    targets: tuple[str, ...]
    parameters: Literal["none", "optional", "needed"] = "none"


TYPES: Mapping[str, Takes] = {
    "NodeDown": Takes((NODES,)),
    "KubeletHung": Takes((NODES,)),
    "NodePartitioned": Takes((NODES,)),
    "SlowDisk": Takes((NODES,), "optional"),
    "DiskFull": Takes((NODES,)),
    "ClockSkew": Takes((NODES,), "needed"),
    "CertificateExpiry": Takes((NODES, CLIENTS)),
    "ReadOnlyFilesystem": Takes((NODES,)),
    "DiskFailing": Takes((NODES,), "optional"),
    "KernelDeadlock": Takes((NODES,)),
    "RuntimeHung": Takes((NODES,)),
    "KubeletRestarts": Takes((NODES,)),
    "NetworkUnavailable": Takes((NODES,)),
    "PidPressure": Takes((NODES,)),
    "GpuXid": Takes((NODES,), "optional"),
    "GpuEcc": Takes((NODES,), "optional"),
    "GpuHung": Takes((NODES,), "optional"),
    "GpuThrottled": Takes((NODES,), "optional"),
    "NvlinkError": Takes((NODES,), "optional"),
    "DevicePluginDown": Takes((NODES,)),
    "MemoryLeak": Takes((PODS,), "needed"),
    "CpuStress": Takes((PODS,), "needed"),
    "ContainerCrash": Takes((PODS,), "optional"),
    "CrashLoop": Takes((PODS,), "optional"),
    "ImagePullFailure": Takes((PODS,), "optional"),
    "BadRelease": Takes((PODS,), "optional"),
    "ProbeFailure": Takes((PODS,), "optional"),
    "DnsFailure": Takes((PODS,), "optional"),
    "NetworkDelay": Takes((PODS,), "needed"),
    "NetworkLoss": Takes((PODS,), "needed"),
    "NetworkPartition": Takes((PODS,), "optional"),
    "PvcFull": Takes((CLAIMS,)),
    "StuckFinalizer": Takes((OBJECTS,), "optional"),
    "WebhookOutage": Takes((WEBHOOKS,), "optional"),
    "ApiLatency": Takes((CLIENTS,), "needed"),
    "ApiError": Takes((CLIENTS,), "needed"),
    "ApiReset": Takes((CLIENTS,), "optional"),
    "WatchDrop": Takes((CLIENTS,), "optional"),
    "WatchStale": Takes((CLIENTS,)),
    "Compaction": Takes(()),
}
TARGETS = (NODES, PODS, CLIENTS, CLAIMS, OBJECTS, WEBHOOKS)


def parameter_field(type_: str) -> str:
    """Return the JSON name of a type's parameters: the type's own, beginning small."""
    return type_[:1].lower() + type_[1:]


def spec_rules() -> list[Manifest]:
    """Return the CEL rules of a Fault's spec: each type takes its own targets and parameters, and no other's.

    They are few and long, since each costs a twin a few milliseconds at its start.
    """
    taking = [(name, parameter_field(name)) for name, takes in TYPES.items() if takes.parameters != "none"]
    needing = [(name, parameter_field(name)) for name, takes in TYPES.items() if takes.parameters == "needed"]
    own = "self.type.substring(0, 1).lowerAscii() + self.type.substring(1)"
    return [
        _rule(
            [f"(self.type == '{name}' || !has(self.{field}))" for name, field in taking],
            "' takes no parameters of another type'",
        ),
        _rule([f"(self.type != '{name}' || has(self.{field}))" for name, field in needing], f"' needs ' + {own}"),
        *_target_rules(),
    ]


def target_rules() -> list[Manifest]:
    """Return the CEL rules of `spec.target`."""
    kinds = ", ".join(f"has(self.{target})" for target in TARGETS)
    return [
        {
            "rule": f"[{kinds}].filter(given, given).size() <= 1",
            "message": f"a fault has one kind of target: {', '.join(TARGETS[:-1])} or {TARGETS[-1]}",
        },
        {"rule": "!has(self.count) || !has(self.percent)", "message": "count and percent exclude each other"},
    ]


def _target_rules() -> Iterator[Manifest]:
    for targets in dict.fromkeys(takes.targets for takes in TYPES.values()):
        names = ", ".join(f"'{name}'" for name, takes in TYPES.items() if takes.targets == targets)
        given = " || ".join(f"has(self.target.{target})" for target in targets)
        wanted = " or ".join(f"target.{target}" for target in targets)
        if targets:
            yield _rule([f"!(self.type in [{names}]) || (has(self.target) && ({given}))"], f"' needs {wanted}'")
        else:
            yield _rule([f"!(self.type in [{names}]) || !has(self.target)"], "' takes no target'")


def _rule(parts: list[str], words: str) -> Manifest:
    """Return a rule of several parts; `words` go on after the fault's type."""
    message = "the target or the parameters are not those of this type of fault"
    expression = f"'a fault of type ' + self.type + {words}"
    return {"rule": " && ".join(parts), "message": message, "messageExpression": expression}
