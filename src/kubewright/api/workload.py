"""What pods belong to: told by their owner and, once they are gone, by their names."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from kubewright.api.meta import ObjectKey, controller_of
from kubewright.api.pods import Pod

TEMPLATE_HASH = "pod-template-hash"
"""The label by which a Deployment's ReplicaSets, and their pods, tell templates apart."""
REVISION_HASH = "controller-revision-hash"
"""The same of StatefulSets and DaemonSets."""
_ENDINGS = {"Deployment": r"-[a-z0-9]{1,10}-[a-z0-9]{5}", "StatefulSet": r"-[0-9]+", "DaemonSet": r"-[a-z0-9]{5}"}
_ANY_ENDING = r"-[a-z0-9-]+"
_AT_END = {kind: re.compile(f"{ending}$", re.ASCII) for kind, ending in _ENDINGS.items()}


class Workload(NamedTuple):
    """What pods belong to, such as a Deployment."""

    namespace: str
    kind: str
    name: str


def workload_of(pod: Pod) -> Workload | None:
    """Return what a pod belongs to: its controller, or the Deployment of its ReplicaSet; None for one by itself."""
    owner = controller_of(pod)
    if owner is None:
        return None
    suffix = f"-{pod.metadata.labels.get(TEMPLATE_HASH, '')}"
    if owner.kind == "ReplicaSet" and len(suffix) > 1 and owner.name.endswith(suffix):
        return Workload(pod.metadata.namespace, "Deployment", owner.name.removesuffix(suffix))
    return Workload(pod.metadata.namespace, owner.kind, owner.name)


def workload_named(pod: ObjectKey, known: Collection[Workload]) -> Workload | None:
    """Return the workload among those known whose pods have such names, for a pod that is no more."""
    for kind, ending in _AT_END.items():
        found = Workload(pod.namespace, kind, ending.sub("", pod.name))
        if found.name != pod.name and found in known:
            return found
    return None


def names_of_pods(kind: str, name: str) -> re.Pattern[str]:
    """Return what the names of a workload's pods look like, also of those that are gone."""
    return re.compile(re.escape(name) + _ENDINGS.get(kind, _ANY_ENDING), re.ASCII)
