"""The status that a simulated kubelet writes for a pod, by where it and its containers are. Pure.

The rules are those of the kubelet's `generateAPIPodStatus`, what has ended included: a pod that will never run again
has a terminal phase, and every container of it some end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubewright.api.core import Container, Pod
from kubewright.api.meta import Manifest, rfc3339
from kubewright.twin.kubelet import conditions
from kubewright.twin.kubelet.images import image_id
from kubewright.twin.kubelet.life import ContainerLife, Life, Run, Stage, State
from kubewright.twin.kubelet.phase import FAILED, phase_of
from kubewright.twin.kubelet.resizing import as_manifest

_TERMINAL = frozenset({Stage.FINISHED, Stage.GONE})
_UNKNOWN_END = {
    "exitCode": 137,
    "reason": "ContainerStatusUnknown",
    "message": "The container could not be located when the pod was terminated",
    "startedAt": None,
    "finishedAt": None,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod is, as its status tells."""

    pod_ip: str = ""
    host_ip: str = ""
    clock_skew_seconds: float = 0.0
    """How far ahead the clock is that stamps the status."""

    def stamp(self, at: float) -> str:
        """Write a moment as the node's clock has it."""
        return rfc3339(at + self.clock_skew_seconds)


def status_patch(pod: Pod, life: Life, place: Place, now: float) -> Manifest:
    """Return the strategic merge patch of `status`; conditions of others, by type, stay as they are."""
    status: Manifest = {
        "phase": phase(pod, life),
        "startTime": pod.status.start_time or place.stamp(life.began_at),
    }
    if pod.metadata.generation:
        status["observedGeneration"] = pod.metadata.generation
    if life.verdict is not None and life.stage in _TERMINAL:
        status |= {"reason": life.verdict.reason, "message": life.verdict.message}
    if not life.containers:  # the node did not take it
        return {"status": status | conditions.as_patch(pod, conditions.of_rejected(pod, place.stamp(now)))}
    status |= conditions.as_patch(pod, conditions.of(pod, life, status["phase"], place.stamp(now)))
    status |= {"hostIP": place.host_ip, "hostIPs": [{"ip": place.host_ip}]}
    first_main = len(pod.spec.init_containers)
    pairs = list(zip(pod.spec.init_containers, life.containers, strict=False))
    if pairs:
        status["initContainerStatuses"] = [container_status(pod, life, *pair, place) for pair in pairs]
    pairs = list(zip(pod.spec.containers, life.containers[first_main:], strict=True))
    status["containerStatuses"] = [container_status(pod, life, *pair, place) for pair in pairs]
    if place.pod_ip and (life.has_network or pod.spec.host_network):
        status |= {"podIP": place.pod_ip, "podIPs": [{"ip": place.pod_ip}]}
    return {"status": status}


def phase(pod: Pod, life: Life) -> str:
    """Return the pod's phase."""
    terminal = life.stage in _TERMINAL
    if terminal and (life.verdict is not None or not life.containers):
        return FAILED
    return phase_of(pod, life.containers, terminal=terminal)


def container_status(pod: Pod, life: Life, spec: Container, container: ContainerLife, place: Place) -> Manifest:
    """Return one entry of `containerStatuses` or `initContainerStatuses`."""
    state, last = _states(pod, life, spec, container)
    passed = container.ended is not None and container.ended.exit_code == 0
    is_passing = not spec.is_sidecar and any(each.name == spec.name for each in pod.spec.init_containers)
    status: Manifest = {
        "name": spec.name,
        "image": spec.image,
        "imageID": "",
        "ready": (container.state is State.EXITED and passed) if is_passing else container.ready,
        "started": container.started,
        "restartCount": container.restarts,
        "state": _state(pod, spec, state, place),
        "lastState": {"terminated": _terminated(pod, spec, last, place)} if last is not None else {},
    }
    if container.has_run:
        number = container.restarts if container.is_running or container.ended is None else container.ended.number
        status |= {"imageID": image_id(spec.image), "containerID": container_id(pod, spec, number)}
        allocated, actual = container.allocated or spec.resources, container.actual or spec.resources
        if allocated.requests:
            status["allocatedResources"] = dict(allocated.requests)
        status["resources"] = as_manifest(actual)
    return status


_Shown = ContainerLife | Run | dict[str, Any]


def _states(pod: Pod, life: Life, spec: Container, container: ContainerLife) -> tuple[_Shown, Run | None]:
    """Return what the container's state is shown from, and the run that was before it."""
    del spec
    if container.is_running:
        return container, container.last
    terminal = life.stage in _TERMINAL
    shows_end = (container.state is State.EXITED and not container.reason) or container.state is State.PULLING
    if container.ended is not None and (terminal or shows_end):
        return container.ended, container.last
    if terminal and not pod.spec.init_containers:
        return _UNKNOWN_END, container.last
    reason = container.reason or ("PodInitializing" if pod.spec.init_containers else "ContainerCreating")
    message = {"message": container.message} if container.message else {}
    return {"reason": reason, **message}, container.ended or container.last


def _state(pod: Pod, spec: Container, shown: _Shown, place: Place) -> Manifest:
    match shown:
        case ContainerLife():
            return {"running": {"startedAt": place.stamp(shown.started_at)}}
        case Run():
            return {"terminated": _terminated(pod, spec, shown, place)}
        case _:
            return {"terminated" if "exitCode" in shown else "waiting": shown}


def _terminated(pod: Pod, spec: Container, run: Run, place: Place) -> Manifest:
    return {
        "exitCode": run.exit_code,
        "reason": run.reason,
        "startedAt": place.stamp(run.started_at),
        "finishedAt": place.stamp(run.ended_at),
        "containerID": container_id(pod, spec, run.number),
    }


def container_id(pod: Pod, container: Container, number: int) -> str:
    """Name one run of a container."""
    return f"twin://{pod.metadata.uid}/{container.name}/{number}"
