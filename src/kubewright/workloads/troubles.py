"""What keeps an application's pods from being ready, as the cluster tells it: one reason and one sentence. Pure.

The pods say most of it themselves. What they do not say, a volume that cannot be mounted and pods that may not be made,
only events tell; an event is believed as long as what it speaks of still looks so. Sentences name no pod and count
nothing that goes on counting: each new text would be one more write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kubewright.api.conditions import Condition, find_condition
from kubewright.api.core import Event
from kubewright.api.meta import KubeObject, Leaf, Resource
from kubewright.api.pods import CANNOT_CONFIGURE, CANNOT_PULL, OOM_KILLED, ContainerStatus

_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*": (?:ErrImagePull: )?')
_NOT_THERE = re.compile(r'\b(secret|configmap|persistentvolumeclaims?) "([^"]+)" not found')
_ABOUT_ONE_POD = re.compile(
    r'^Error creating: |^create Pod \S+ in StatefulSet \S+ failed error: |pods "[^"]*" is forbidden: '
)
_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}


class PodState(Leaf, frozen=True):
    """The part of a pod's status that tells of trouble."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class AppPod(KubeObject, frozen=True, kw_only=True):
    """A pod of an application, as far as it may be in trouble."""

    status: PodState = PodState()


APP_PODS: Resource[AppPod] = Resource("", "v1", "pods", "Pod", AppPod)


@dataclass(frozen=True, slots=True, order=True)
class Trouble:
    """Why pods are not ready; `stalled`: waiting will not help. The lower the `rank`, the more it explains."""

    rank: int
    reason: str
    message: str
    stalled: bool = True


def worst(troubles: Iterable[Trouble]) -> Trouble | None:
    """Return the trouble that explains most; of equals always the same one."""
    return min(troubles, default=None)


def of_pod(pod: AppPod, mounts: Sequence[Event] = ()) -> Trouble | None:
    """Return the pod's trouble; `mounts` are the events of volumes that could not be mounted into it."""
    if pod.metadata.deletion_timestamp is not None or pod.status.phase == "Succeeded":
        return None
    return worst(_troubles(pod, mounts))


def of_creation(message: str) -> Trouble:
    """Return the trouble of pods that the API server refuses to make, by what it said of one."""
    said = _ABOUT_ONE_POD.sub("", message)
    reason = "QuotaExceeded" if "exceeded quota" in said else "PodsRefused"
    return Trouble(1, reason, f"no pods may be made: {said}")


def _troubles(pod: AppPod, mounts: Sequence[Event]) -> Iterator[Trouble]:
    status = pod.status
    scheduled = find_condition(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        text = f"no node for its pods: {scheduled.message}"
        yield Trouble(5, scheduled.reason or "Unschedulable", text, stalled=False)
    if status.phase == "Failed":
        yield Trouble(4, status.reason or "PodFailed", f"a pod failed: {status.message or _ends(pod)}", stalled=False)
    statuses = (*status.init_container_statuses, *status.container_statuses)
    for container in statuses:
        yield from _of_container(container)
    if any(_waits_for(container, {"ContainerCreating", "PodInitializing"}) for container in statuses):
        yield from (_of_mount(event.message) for event in mounts if event.involved_object.uid == pod.metadata.uid)


def _of_container(container: ContainerStatus) -> Iterator[Trouble]:
    waiting = container.state.waiting
    if waiting is not None and waiting.reason in CANNOT_PULL:
        detail = _BACK_OFF.sub("", waiting.message)
        yield Trouble(2, "ImageNotPulled", f"the image {container.image} cannot be pulled: {detail}".rstrip(": "))
    elif waiting is not None and waiting.reason in CANNOT_CONFIGURE:
        yield _of_missing(waiting.message) or Trouble(2, waiting.reason, waiting.message)
    elif not container.ready and container.restart_count:
        yield from _of_crash(container)


def _of_crash(container: ContainerStatus) -> Iterator[Trouble]:
    """Tell of a container that crashed, while it waits to be started again and while it has not become ready since."""
    ended = container.last_state.terminated
    if ended is not None and (ended.exit_code or ended.reason == OOM_KILLED):
        how = f"{ended.reason}, " if ended.reason not in {"", "Error"} else ""
        yield Trouble(3, "CrashLoop", f"the container {container.name} crashes: {how}exit code {ended.exit_code}")


def _of_mount(message: str) -> Trouble:
    said = message.partition(" : ")[2] or message
    return _of_missing(said) or Trouble(2, "VolumeNotMounted", said, stalled=False)


def _of_missing(message: str) -> Trouble | None:
    found = _NOT_THERE.search(message)
    if found is None:
        return None
    kind = _KINDS.get(found[1], "PersistentVolumeClaim")
    return Trouble(2, f"{kind}Missing", f"{kind} {found[2]} is not there: its pods wait for it")


def _waits_for(container: ContainerStatus, reasons: Iterable[str]) -> bool:
    waiting = container.state.waiting
    return waiting is not None and waiting.reason in reasons


def _ends(pod: AppPod) -> str:
    for container in pod.status.container_statuses:
        ended = container.state.terminated
        if ended is not None:
            return f"{ended.reason or 'Error'}, exit code {ended.exit_code}"
    return "no more is known"
