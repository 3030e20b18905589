"""What can make room for a pod that fitted nowhere: kube-scheduler's queueing hints, filter by filter. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.gang import TOPOLOGY_FILTER


class News(enum.Enum):
    """What happened in the cluster, as far as it may help somebody."""

    NODE = "a node came, or offers or allows more"
    POD_GONE = "a pod gave back what it took"
    POD_PLACED = "a pod was placed, or its labels changed"
    STORAGE = "a claim, a volume, a class or what a node can attach changed"
    NAMESPACE = "a namespace came, or its labels changed"
    GROUP = "a gang lost a pod, or what it asks for changed"
    QUEUE = "a queue changed, or what it may use"
    DEVICES = "a claim to devices changed, a class of them, or what drivers offer"


CLAIMS = "claims"
"""Stands for what is wrong with a pod's claims whatever the node."""
GANG = "gang"
"""Stands for a gang that cannot run whatever there is room for: pods of it are missing."""
QUOTA = "quota"
"""Stands for a queue that may not have more."""
_ROOM = frozenset({News.NODE, News.POD_GONE})
_VOLUMES = _ROOM | {News.STORAGE}
_HELPS: Mapping[str, frozenset[News]] = {
    "NodeName": frozenset({News.NODE}),
    "NodeUnschedulable": frozenset({News.NODE}),
    "TaintToleration": frozenset({News.NODE}),
    "NodeAffinity": frozenset({News.NODE}),
    "NodePorts": _ROOM,
    "NodeResourcesFit": _ROOM,
    "VolumeRestrictions": _VOLUMES,
    "NodeVolumeLimits": _VOLUMES,
    "VolumeBinding": _VOLUMES,
    "VolumeZone": _VOLUMES,
    "PodTopologySpread": _ROOM | {News.POD_PLACED},
    "InterPodAffinity": _ROOM | {News.POD_PLACED, News.NAMESPACE},
    GANG: frozenset({News.GROUP}),
    TOPOLOGY_FILTER: _ROOM | {News.GROUP},
    QUOTA: frozenset({News.POD_GONE, News.QUEUE}),
    "DynamicResources": frozenset({News.NODE, News.DEVICES}),
    CLAIMS: frozenset({News.STORAGE, News.DEVICES}),
}
_ANYTHING = frozenset(News)


def refusers(diagnosis: Diagnosis) -> frozenset[str]:
    """Return what stood in a pod's way; in a cluster without nodes, that there are none."""
    if diagnosis.problem:
        return frozenset({CLAIMS})
    return frozenset(each.filter for each in diagnosis.refusals) or frozenset({"NodeName"})


def helps(news: Iterable[News], refused_by: Iterable[str]) -> bool:
    """Tell whether any of the news may let a pod through one of the filters that refused it."""
    heard = frozenset(news)
    return any(heard & _HELPS.get(each, _ANYTHING) for each in refused_by)
