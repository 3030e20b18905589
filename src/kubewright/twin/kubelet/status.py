"""The status that a simulated kubelet writes for a pod: one document for each stage of its life. Pure."""

from __future__ import annotations

from typing import Any

from kubewright.api.conditions import find_condition
from kubewright.api.core import Container, Pod
from kubewright.api.meta import Manifest, rfc3339
from kubewright.twin.kubelet.life import Life, Run, Stage, backoff_seconds

PULL_FAILURE = "ImagePullBackOff"
CRASH_LOOP = "CrashLoopBackOff"


def status_patch(pod: Pod, life: Life, *, pod_ip: str, host_ip: str, now: float) -> Manifest:
    """Return the strategic merge patch of `status`; conditions of others, by type, stay as they are."""
    started = life.stage in {Stage.RUNNING, Stage.BACKOFF, Stage.ENDED, Stage.STOPPING}
    status: Manifest = {
        "phase": _phase(life),
        "conditions": _conditions(pod, life, now, started=started),
        "startTime": pod.status.start_time or rfc3339(life.started_at),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "containerStatuses": [_container(pod, life, number) for number in range(len(pod.spec.containers))],
    }
    if pod.spec.init_containers:
        status["initContainerStatuses"] = [_init(pod, each, life, started=started) for each in pod.spec.init_containers]
    if started and pod_ip:
        status |= {"podIP": pod_ip, "podIPs": [{"ip": pod_ip}]}
    return {"status": status}


def _phase(life: Life) -> str:
    match life.stage:
        case Stage.CREATING | Stage.PULL_FAILED:
            return "Pending"
        case Stage.ENDED:
            return "Failed" if _failed(life) else "Succeeded"
        case _:
            return "Running"


def _failed(life: Life) -> bool:
    return life.last is not None and life.last.exit_code != 0


def _conditions(pod: Pod, life: Life, now: float, *, started: bool) -> list[Manifest]:
    names = " ".join(each.name for each in (pod.spec.containers[:1] if started else pod.spec.containers))
    unready = ("ContainersNotReady", f"containers with unready status: [{names}]")
    if life.stage is Stage.ENDED:
        unready = ("PodFailed" if _failed(life) else "PodCompleted", "")
    why = ("", "") if life.ready else unready
    sandbox = started and life.stage is not Stage.ENDED
    return [
        _condition(pod, "PodReadyToStartContainers", now, holds=sandbox),
        _condition(pod, "Initialized", now, holds=started or not pod.spec.init_containers),
        _condition(pod, "Ready", now, holds=life.ready, why=why),
        _condition(pod, "ContainersReady", now, holds=life.ready, why=why),
        _condition(pod, "PodScheduled", now, holds=True),
    ]


def _condition(pod: Pod, type_: str, now: float, *, holds: bool, why: tuple[str, str] = ("", "")) -> Manifest:
    status = "True" if holds else "False"
    old = find_condition(pod.status.conditions, type_)
    since = old.last_transition_time if old is not None and old.status == status else None
    reason, message = why
    # A null takes away what stood there before.
    return {
        "type": type_,
        "status": status,
        "lastTransitionTime": since or rfc3339(now),
        "reason": reason or None,
        "message": message or None,
    }


def _container(pod: Pod, life: Life, number: int) -> Manifest:
    """Faults hit the first container; the others run as long as the pod does."""
    container = pod.spec.containers[number]
    faulty = number == 0
    running = life.stage is Stage.RUNNING or (life.stage is Stage.BACKOFF and not faulty)
    status: Manifest = {
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": running and (life.ready or not faulty),
        "started": running,
        "restartCount": life.restarts if faulty else 0,
        "state": _state(pod, life, container, running=running),
        "lastState": _last_state(pod, life, container, faulty=faulty),
    }
    if running or life.stage in {Stage.BACKOFF, Stage.ENDED}:
        run = life.restarts if faulty else 0
        status |= {"imageID": f"twin://{container.image}", "containerID": _container_id(pod, container, run)}
    return status


def _state(pod: Pod, life: Life, container: Container, *, running: bool) -> Manifest:
    if running:
        return {"running": {"startedAt": rfc3339(life.running_at)}}
    match life.stage:
        case Stage.PULL_FAILED:
            return {"waiting": {"reason": PULL_FAILURE, "message": f'Back-off pulling image "{container.image}"'}}
        case Stage.BACKOFF:
            wait = f"{backoff_seconds(max(life.failures - 2, 0)):.0f}s"
            text = f"back-off {wait} restarting failed container={container.name} pod={pod_text(pod)}"
            return {"waiting": {"reason": CRASH_LOOP, "message": text}}
        case Stage.ENDED if life.last is not None:
            return {"terminated": _terminated(pod, container, life.last)}
        case _:
            return {"waiting": {"reason": "ContainerCreating"}}


def _last_state(pod: Pod, life: Life, container: Container, *, faulty: bool) -> Manifest:
    if faulty and life.last is not None and life.stage is not Stage.ENDED:
        return {"terminated": _terminated(pod, container, life.last)}
    return {}


def _terminated(pod: Pod, container: Container, run: Run) -> dict[str, Any]:
    return {
        "exitCode": run.exit_code,
        "reason": "Error" if run.exit_code else "Completed",
        "startedAt": rfc3339(run.started_at),
        "finishedAt": rfc3339(run.ended_at),
        "containerID": _container_id(pod, container, run.number),
    }


def _init(pod: Pod, container: Container, life: Life, *, started: bool) -> Manifest:
    status: Manifest = {
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": started,
        "started": started and container.is_sidecar,
        "restartCount": 0,
        "lastState": {},
    }
    if not started:
        return {**status, "state": {"waiting": {"reason": "PodInitializing"}}}
    if container.is_sidecar and life.stage is not Stage.ENDED:
        return {**status, "state": {"running": {"startedAt": rfc3339(life.started_at)}}}
    began = rfc3339(life.started_at)
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": began, "finishedAt": began}
    return {**status, "state": {"terminated": {**ended, "containerID": _container_id(pod, container, 0)}}}


def _container_id(pod: Pod, container: Container, run: int) -> str:
    return f"twin://{pod.metadata.uid}/{container.name}/{run}"


def pod_text(pod: Pod) -> str:
    """Name a pod as kubelets do in their messages."""
    return f"{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"
