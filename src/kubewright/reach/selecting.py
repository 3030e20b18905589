"""Labels that choose pods, for rules that are to be written: as few as tell them from the others of their namespace."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kubewright.api.core import METADATA_NAME, Pod
from kubewright.api.crds.appservice import NAME_LABEL
from kubewright.api.meta import Manifest
from kubewright.reach.world import World

_VOLATILE = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "controller-uid",
        "batch.kubernetes.io/job-completion-index",
    }
)
"""What controllers write on each pod anew."""
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_NAME_MAX = 63
_PREFERRED = (NAME_LABEL, "app.kubernetes.io/instance", "app.kubernetes.io/name", "app", "k8s-app", "name")


def chosen(pods: Sequence[Pod], world: World) -> dict[str, str]:
    """Return labels that all pods of one namespace share: one that none but they has, if there is one, else all."""
    shared = _shared(pods)
    keys = {pod.key for pod in pods}
    here = world.pods_of.get(pods[0].metadata.namespace, ())
    for key, value in shared.items():
        if {pod.key for pod in here if pod.metadata.labels.get(key) == value} == keys:
            return {key: value}
    return shared


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return a name like the one that is wanted, which objects may have and none has."""
    base, known = _NOT_IN_NAMES.sub("-", wanted.lower())[: _NAME_MAX - 3].strip("-"), set(taken)
    names = (base, *(f"{base}-{number}" for number in range(2, len(known) + 3)))
    return next(name for name in names if name not in known)


def peers_of(pods: Iterable[Pod], namespace: str, world: World) -> list[Manifest]:
    """Return peers of a rule in `namespace` that mean these pods; pods without a common label, their namespace."""
    return list(_peers(pods, namespace, world))


def _peers(pods: Iterable[Pod], namespace: str, world: World) -> Iterator[Manifest]:
    grouped: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        grouped[pod.metadata.namespace].append(pod)
    for theirs, few in grouped.items():
        for labels in _choices(few, world):
            peer: Manifest = {}
            if theirs != namespace:
                peer["namespaceSelector"] = {"matchLabels": {METADATA_NAME: theirs}}
            if labels or theirs == namespace:
                peer["podSelector"] = {"matchLabels": labels} if labels else {}
            yield peer


def _choices(pods: Sequence[Pod], world: World) -> list[dict[str, str]]:
    """Return one choice of labels for all pods; where they share none, one for each sort; whole namespaces as such."""
    if len(pods) == len(world.pods_of.get(pods[0].metadata.namespace, ())) and not _shared(pods):
        return [{}]
    if _shared(pods):
        return [chosen(pods, world)]
    sorts: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        sorts[str(sorted(_stable(pod).items()))].append(pod)
    return [chosen(few, world) for few in sorts.values()]


def _shared(pods: Sequence[Pod]) -> dict[str, str]:
    """Return the labels that all have alike, those first that usually name an application."""
    common = _stable(pods[0]).items()
    for pod in pods[1:]:
        common &= _stable(pod).items()
    order = {key: place for place, key in enumerate(_PREFERRED)}
    return dict(sorted(common, key=lambda each: (order.get(each[0], len(order)), each)))


def _stable(pod: Pod) -> dict[str, str]:
    return {key: value for key, value in pod.metadata.labels.items() if key not in _VOLATILE}
