"""All drills, by name."""

from __future__ import annotations

from kubewright.drills.drill import Drill
from kubewright.drills.themes import cluster, combined, controls, gpus, network, nodes, releases, workloads

DRILLS: dict[str, Drill] = {
    each.name: each
    for theme in (nodes, gpus, releases, workloads, network, cluster, combined, controls)
    for each in theme.DRILLS
}
