"""What NVIDIA's device plugin and MIG manager are told: their files, and the labels that choose one. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubewright.api.core import CONFIG_MAPS
from kubewright.api.crds.gpupolicy import MIG, TIME_SLICING, GPUPolicy
from kubewright.api.meta import Manifest
from kubewright.devices.requests import GPU

PLUGIN_LABEL = "nvidia.com/device-plugin.config"
MIG_LABEL = "nvidia.com/mig.config"
STATE_LABEL = "nvidia.com/mig.config.state"
LAYOUT = "gpu.kubewright.dev/mig-layout"
"""The annotation of a node that says what its MIG configuration is: so that it can be written out again."""
DRAINING = "gpu.kubewright.dev/draining"
"""The annotation of a node that is being emptied to be partitioned anew, and takes no pods until it is."""
POLICY_LABEL = "gpu.kubewright.dev/policy"
"""On the files, whose they are."""
PLUGIN_CONFIG = "kubewright-device-plugin"
MIG_CONFIG = "kubewright-mig"
DISABLED = "all-disabled"

Partition = Mapping[str, int]
"""How many instances of each profile one GPU has."""
Partitions = Sequence[Partition]
"""Of each GPU of a node, by number."""


def write_layout(partitions: Partitions) -> str:
    """Write partitions as the annotation has them."""
    return json.dumps([dict(sorted(each.items())) for each in partitions], separators=(",", ":"))


def read_layout(text: str) -> Partitions | None:
    """Read the annotation; None if it makes no sense."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list):
        return None
    read: list[Partition] = []
    for each in found:  # pyright: ignore[reportUnknownVariableType]  checked below
        if not isinstance(each, dict) or not all(
            isinstance(count, int)
            for count in each.values()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        ):
            return None
        read.append(dict(each))  # pyright: ignore[reportUnknownArgumentType]
    return read


def layout_name(partitions: Partitions) -> str:
    """Return the name of a MIG configuration: the same for the same partitions."""
    return f"kubewright-{hashlib.sha256(write_layout(partitions).encode()).hexdigest()[:12]}"


def plugin_config(policy: GPUPolicy) -> Manifest:
    """Return the device plugin's configuration of a policy."""
    config: dict[str, Any] = {
        "version": "v1",
        "flags": {"migStrategy": "mixed" if policy.spec.mode == MIG else "none"},
    }
    if policy.spec.mode == TIME_SLICING:
        config["sharing"] = {
            "timeSlicing": {
                "renameByDefault": False,
                "failRequestsGreaterThanOne": True,
                "resources": [{"name": GPU, "replicas": policy.spec.replicas}],
            }
        }
    return _config_map(policy, PLUGIN_CONFIG, {policy.metadata.name: json.dumps(config, sort_keys=True)})


def mig_config(policy: GPUPolicy, layouts: Iterable[Partitions]) -> Manifest:
    """Return the MIG manager's configuration with all these layouts, and the one without MIG."""
    configs: dict[str, Any] = {DISABLED: [{"devices": "all", "mig-enabled": False}]}
    for partitions in layouts:
        configs[layout_name(partitions)] = [
            {"devices": [number], "mig-enabled": True, "mig-devices": dict(sorted(each.items()))}
            for number, each in enumerate(partitions)
        ]
    text = json.dumps({"version": "v1", "mig-configs": configs}, sort_keys=True)  # JSON is YAML
    return _config_map(policy, MIG_CONFIG, {"config.yaml": text})


def _config_map(policy: GPUPolicy, name: str, data: dict[str, str]) -> Manifest:
    return {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": {
            "name": f"{name}-{policy.metadata.name}",
            "namespace": policy.spec.namespace,
            "labels": {POLICY_LABEL: policy.metadata.name},
        },
        "data": data,
    }
