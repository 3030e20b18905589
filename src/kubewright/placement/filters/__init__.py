"""What a node must pass before a pod may run on it, in kube-scheduler's order."""

from __future__ import annotations

from kubewright.placement.filters.affinity import NodeAffinity
from kubewright.placement.filters.names import NodeName, Unschedulable
from kubewright.placement.filters.ports import HostPorts
from kubewright.placement.filters.protocol import Filter
from kubewright.placement.filters.resources import Resources
from kubewright.placement.filters.taints import Taints
from kubewright.placement.filters.volumes import VolumeBinding, VolumeRestrictions, VolumeZone

__all__ = [
    "DEFAULT_FILTERS",
    "Filter",
    "HostPorts",
    "NodeAffinity",
    "NodeName",
    "Resources",
    "Taints",
    "Unschedulable",
    "VolumeBinding",
    "VolumeRestrictions",
    "VolumeZone",
]

DEFAULT_FILTERS: tuple[Filter, ...] = (
    Unschedulable(),
    NodeName(),
    Taints(),
    NodeAffinity(),
    HostPorts(),
    Resources(),
    VolumeRestrictions(),
    VolumeBinding(),
    VolumeZone(),
)
