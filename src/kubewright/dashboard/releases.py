"""Which release of an application a pod is of, and what releases are called, by the ReplicaSets that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubewright.api.crds.appservice import NAME_LABEL, AppService
from kubewright.api.meta import ObjectKey
from kubewright.dashboard.views.changes import images_of
from kubewright.dashboard.world import World
from kubewright.workloads.rollout.releases import RELEASE_LABEL, release_label


def names_of(world: World, app: AppService) -> dict[str, str]:
    """Return how an application's releases are called, the earliest first: what of their images differs."""
    sets = [each for each in world.sets.index.values() if _is_of(app, each.key, each.metadata.labels)]
    sets.sort(key=lambda each: (each.metadata.created_at, each.key))
    state = app.status.rollout
    names: dict[str, str] = {}
    for each in sets:
        release = release_label(each.spec.template)
        said = images_of(each.spec.template) or release
        if state is not None and release == state.stable:
            said += " (stable)"
        elif state is not None and release == state.release:
            said += " (new)"
        names[release] = said if said not in names.values() or release in names else f"{said} {release[:5]}"
    for pod in world.pods.index.values():
        if _is_of(app, pod.key, pod.metadata.labels) and (release := pod.metadata.labels.get(RELEASE_LABEL)):
            names.setdefault(release, release)
    return names


def release_of(world: World, app: AppService) -> Callable[[ObjectKey], str]:
    """Return what tells of a pod which release it is of, also of one that is gone while its ReplicaSet is not."""
    by_set = {
        each.key: release_label(each.spec.template)
        for each in world.sets.index.values()
        if _is_of(app, each.key, each.metadata.labels)
    }

    def found(key: ObjectKey) -> str:
        pod = world.pods.index.get(key)
        if pod is not None:
            labels = pod.metadata.labels
            return labels.get(RELEASE_LABEL, "") if _is_of(app, key, labels) else ""
        return by_set.get(ObjectKey(key.namespace, key.name.rpartition("-")[0]), "")

    return found


def _is_of(app: AppService, key: ObjectKey, labels: Mapping[str, str]) -> bool:
    return key.namespace == app.metadata.namespace and labels.get(NAME_LABEL) == app.metadata.name
