"""The catalogue: every cause that is known, in the order in which they are tried. Docs: `docs/healing.md`.

Within a level the first that finds something wins, so the specific stand before the general. Each theme is a file of
`causes`, with a tuple `CAUSES`.
"""

from __future__ import annotations

from kubewright.healing.causes import cluster, drains, gpus, network, nodes, policies, releases, workloads, zones
from kubewright.healing.finding import Cause

CAUSES: tuple[Cause, ...] = (
    *zones.CAUSES,
    *gpus.CAUSES,
    *nodes.CAUSES,
    *drains.CAUSES,
    *network.CAUSES,
    *policies.CAUSES,
    *cluster.CAUSES,
    *releases.CAUSES,
    *workloads.CAUSES,
)
