"""The conditions that a kubelet keeps on a pod, with its reasons and messages. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import Manifest
from kubewright.twin.kubelet.life import ContainerLife, Life, Stage, State
from kubewright.twin.kubelet.phase import FAILED, SUCCEEDED

OWN = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
"""In the order in which kubelets write them, after those of others."""
RESIZE = ("PodResizePending", "PodResizeInProgress")
DISRUPTION = "DisruptionTarget"
_NO_SANDBOX = ("PodSandboxNotReady", "no pod sandbox exists")
_SANDBOX_GONE = ("PodSandboxNotReady", "pod sandbox is not ready")
_ENDS = {FAILED: "PodFailed", SUCCEEDED: "PodCompleted"}
_Why = tuple[str, str]
_FINE: _Why = ("", "")


def of(pod: Pod, life: Life, phase: str, stamp: str) -> list[Manifest]:
    """Return the conditions as they are now; a null takes away what stood there before."""
    containers_ready, why = _containers_ready(pod, life, phase)
    ready, why_ready = (_gates(pod)) if containers_ready else (False, why)
    initialized, why_initialized = _initialized(pod, life.containers, phase)
    no_network = _NO_SANDBOX if life.stage is Stage.SETTING_UP else _SANDBOX_GONE
    disrupted: list[Manifest] = []
    if life.verdict is not None and life.verdict.disruption and life.stage in {Stage.FINISHED, Stage.GONE}:
        why_disrupted = (life.verdict.disruption, life.verdict.message)
        disrupted = [_condition(pod, DISRUPTION, stamp, holds=True, why=why_disrupted)]
    return [
        *_resize(pod, life, stamp),
        *disrupted,
        _condition(pod, OWN[0], stamp, holds=life.has_network, why=_FINE if life.has_network else no_network),
        _condition(pod, OWN[1], stamp, holds=initialized, why=why_initialized),
        _condition(pod, OWN[2], stamp, holds=ready, why=why_ready),
        _condition(pod, OWN[3], stamp, holds=containers_ready, why=why),
        _condition(pod, OWN[4], stamp, holds=True),
    ]


def _resize(pod: Pod, life: Life, stamp: str) -> list[Manifest]:
    resize, found = life.resize, list[Manifest]()
    if resize.pending and life.stage is Stage.ACTIVE:
        why = ("Deferred", resize.pending)
        found.append(_condition(pod, RESIZE[0], stamp, holds=True, why=why) | {"observedGeneration": resize.asked})
    if resize.done_at is not None and life.stage is Stage.ACTIVE:
        found.append(_condition(pod, RESIZE[1], stamp, holds=True) | {"observedGeneration": resize.generation})
    said = {each["type"] for each in found}
    gone = [each.type for each in pod.status.conditions if each.type in RESIZE and each.type not in said]
    return [*found, *({"$patch": "delete", "type": type_} for type_ in gone)]


def of_rejected(pod: Pod, stamp: str) -> list[Manifest]:
    """Return the conditions of a pod that its node did not take."""
    why = (_ENDS[FAILED], "")
    return [_condition(pod, type_, stamp, holds=False, why=why) for type_ in ("Ready", "ContainersReady")]


def as_patch(pod: Pod, conditions: list[Manifest]) -> Manifest:
    """Return the fields of a status patch that write conditions, in the order of kubelets: after those of others."""
    ours = [each["type"] for each in conditions]
    gone = {each["type"] for each in conditions if "$patch" in each}
    others = [each.type for each in pod.status.conditions if each.type not in ours]
    return {
        "conditions": conditions,
        "$setElementOrder/conditions": [{"type": type_} for type_ in (*others, *ours) if type_ not in gone],
    }


def _containers_ready(pod: Pod, life: Life, phase: str) -> tuple[bool, _Why]:
    if phase in _ENDS:
        return False, (_ENDS[phase], "")
    if life.verdict is not None:
        return False, (_ENDS[FAILED], "")
    first_main = len(pod.spec.init_containers)
    unready = [
        spec.name
        for position, (spec, container) in enumerate(
            zip((*pod.spec.init_containers, *pod.spec.containers), life.containers, strict=True)
        )
        if (position >= first_main or spec.is_sidecar) and not container.ready
    ]
    if unready:
        return False, ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    return True, _FINE


def _gates(pod: Pod) -> tuple[bool, _Why]:
    problems: list[str] = []
    for gate in pod.spec.readiness_gates:
        found = find_condition(pod.status.conditions, gate.condition_type)
        if found is None:
            problems.append(f'corresponding condition of pod readiness gate "{gate.condition_type}" does not exist.')
        elif not found.is_true:
            text = f'the status of pod readiness gate "{gate.condition_type}" is not "True", but {found.status}'
            problems.append(text)
    return (False, ("ReadinessGatesNotReady", ", ".join(problems))) if problems else (True, _FINE)


def _initialized(pod: Pod, containers: Sequence[ContainerLife], phase: str) -> tuple[bool, _Why]:
    if phase == SUCCEEDED:
        return True, (_ENDS[SUCCEEDED], "")
    if any(each.has_run for each in containers[len(pod.spec.init_containers) :]):
        return True, _FINE
    incomplete = [
        spec.name
        for spec, container in zip(pod.spec.init_containers, containers, strict=False)
        if not (container.started if spec.is_sidecar else _has_passed(container))
    ]
    if incomplete:
        return False, ("ContainersNotInitialized", f"containers with incomplete status: [{' '.join(incomplete)}]")
    return True, _FINE


def _has_passed(container: ContainerLife) -> bool:
    return container.state is State.EXITED and container.ended is not None and container.ended.exit_code == 0


def _condition(pod: Pod, type_: str, stamp: str, *, holds: bool, why: _Why = _FINE) -> Manifest:
    status = "True" if holds else "False"
    old = find_condition(pod.status.conditions, type_)
    since = old.last_transition_time if old is not None and old.status == status else None
    reason, message = why
    return {
        "type": type_,
        "status": status,
        "observedGeneration": pod.metadata.generation or None,
        "lastTransitionTime": since or stamp,
        "reason": reason or None,
        "message": message or None,
    }
