"""Which pods keep a StatefulSet from going on. Pure.

One that makes its pods in order waits for each to be ready before it touches another, also for one whose release is not
wanted any more: taken back, a bad release would stay. Such pods are deleted, as Kubernetes' documentation says to do by
hand; they are not ready, so nobody loses them, and their volumes stay.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubewright.api.core import Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rolloutstatus import RolloutStatus
from kubewright.api.live import LiveObject
from kubewright.api.owners import is_owned_by
from kubewright.workloads.health import status_of
from kubewright.workloads.rollout.releases import RELEASE_LABEL, release_label
from kubewright.workloads.rollout.steps import partition


def may_be_stuck(runner: LiveObject | None, release: str) -> bool:
    """Whether the set has been told, and knows, what it is to run, and has not come to it."""
    if runner is None or release_label(runner.spec.get("template", {})) != release:
        return False
    status = status_of(runner)
    seen = status.observed_generation >= runner.metadata.generation
    return seen and not status.ready_replicas == status.updated_replicas == status.replicas


def stuck_pods(
    app: AppService, state: RolloutStatus | None, runner: LiveObject, release: str, pods: Iterable[Pod]
) -> tuple[Pod, ...]:
    """Return the set's pods that are not ready and are not to be: of no release that is to run."""
    wanted = {release}
    if state is not None and partition(app, state, int(runner.spec.get("replicas", 1))):
        wanted.add(state.stable)
    return tuple(
        pod
        for pod in pods
        if is_owned_by(pod, runner)
        and not pod.is_terminating
        and not pod.is_ready
        and pod.metadata.labels.get(RELEASE_LABEL, "") not in wanted
    )
