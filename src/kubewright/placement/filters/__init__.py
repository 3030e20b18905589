"""What a node must pass before a pod may run on it, in kube-scheduler's order."""

from __future__ import annotations

from kubewright.placement.filters.affinity import NodeAffinity
from kubewright.placement.filters.claims import DynamicResources
from kubewright.placement.filters.interpod import PodAffinity
from kubewright.placement.filters.limits import VolumeLimits
from kubewright.placement.filters.names import NamedNodes, NodeName, Unschedulable
from kubewright.placement.filters.ports import HostPorts
from kubewright.placement.filters.protocol import Filter, Reason, Scope
from kubewright.placement.filters.resources import Resources
from kubewright.placement.filters.spread import TopologySpread
from kubewright.placement.filters.taints import Taints
from kubewright.placement.filters.volumes import VolumeBinding, VolumeRestrictions, VolumeZone

__all__ = [
    "DEFAULT_FILTERS",
    "DynamicResources",
    "Filter",
    "HostPorts",
    "NamedNodes",
    "NodeAffinity",
    "NodeName",
    "PodAffinity",
    "Reason",
    "Resources",
    "Scope",
    "Taints",
    "TopologySpread",
    "Unschedulable",
    "VolumeBinding",
    "VolumeLimits",
    "VolumeRestrictions",
    "VolumeZone",
]

DEFAULT_FILTERS: tuple[Filter, ...] = (
    NamedNodes(),
    NodeName(),
    Unschedulable(),
    Taints(),
    NodeAffinity(),
    HostPorts(),
    Resources(),
    VolumeRestrictions(),
    VolumeLimits(),
    VolumeBinding(),
    VolumeZone(),
    TopologySpread(),
    PodAffinity(),
    DynamicResources(),
)
"""The first that refuses a node is the reason that is given for it."""
