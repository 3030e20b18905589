"""Reading a live cluster for questions about it: one list of each kind, at once, over nothing but a Client.

What a user may not read, or a cluster does not serve, is told of and taken for empty; nodes and pods it does not do
without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.core import NAMESPACES, NODES, PODS, SERVICES
from kubewright.api.crds.queue import QUEUES
from kubewright.api.meta import ObjectKey, Resource
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.priorities import PRIORITY_CLASSES
from kubewright.api.quotas import RESOURCE_QUOTAS
from kubewright.api.replication import REPLICATION_CONTROLLERS
from kubewright.api.resourceclaims import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from kubewright.api.volumes import CLAIMS, CSI_DRIVERS, CSI_NODES, STORAGE_CLASSES, VOLUME_ATTACHMENTS, VOLUMES
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.explain.cluster import Cluster
from kubewright.placement.claims import DeviceClaims
from kubewright.placement.storage import Storage

_NEEDED = (NODES, PODS)
_MAKERS: tuple[Resource[Any], ...] = (DEPLOYMENTS, DAEMON_SETS, CRON_JOBS, REPLICATION_CONTROLLERS)
_OTHERS: tuple[Resource[Any], ...] = (
    NAMESPACES,
    SERVICES,
    REPLICA_SETS,
    STATEFUL_SETS,
    JOBS,
    CLAIMS,
    VOLUMES,
    STORAGE_CLASSES,
    CSI_NODES,
    CSI_DRIVERS,
    VOLUME_ATTACHMENTS,
    RESOURCE_CLAIMS,
    DEVICE_CLASSES,
    RESOURCE_SLICES,
    POD_DISRUPTION_BUDGETS,
    PRIORITY_CLASSES,
    RESOURCE_QUOTAS,
    QUEUES,
    *_MAKERS,
)


async def read(client: Client) -> Cluster:
    """Read everything that placement looks at; raises OpError when nodes or pods cannot be read."""
    kinds = (*_NEEDED, *_OTHERS)
    read_ones = await asyncio.gather(*(_listed(client, kind) for kind in kinds))
    found = dict(zip((kind.kind for kind in kinds), read_ones, strict=True))
    items = {kind: each[0] for kind, each in found.items()}

    def keyed(kind: str) -> dict[ObjectKey, Any]:
        return {each.key: each for each in items[kind]}

    return Cluster(
        nodes=tuple(items["Node"]),
        pods=tuple(items["Pod"]),
        namespaces=tuple(items["Namespace"]),
        services=keyed("Service"),
        replica_sets=keyed("ReplicaSet"),
        stateful_sets=keyed("StatefulSet"),
        jobs=keyed("Job"),
        storage=Storage(
            keyed("PersistentVolumeClaim"),
            keyed("PersistentVolume"),
            keyed("StorageClass"),
            csi_nodes=keyed("CSINode"),
            csi_drivers=keyed("CSIDriver"),
            attachments=keyed("VolumeAttachment"),
        ),
        claims=DeviceClaims(keyed("ResourceClaim"), keyed("DeviceClass"), keyed("ResourceSlice")),
        budgets=tuple(items["PodDisruptionBudget"]),
        classes=tuple(items["PriorityClass"]),
        quotas=tuple(items["ResourceQuota"]),
        queues=tuple(items["Queue"]),
        makers=tuple(each for kind in _MAKERS for each in items[kind.kind]),
        unread=tuple(each[1] for each in read_ones if each[1]),
    )


async def _listed(client: Client, kind: Resource[Any]) -> tuple[Sequence[Any], str]:
    """Return a kind's objects, and why there are none, or not all, if they could not be read."""
    try:
        listing = await client.list(kind)
    except OpError as error:
        if kind in _NEEDED or error.kind not in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
            raise
        if kind is QUEUES and error.kind is ErrorKind.NOT_FOUND:
            return (), ""  # nobody has installed them
        return (), f"{kind.plural}: {error.detail}"
    return listing.items, f"{kind.plural}: {listing.problem}" if listing.problem else ""
