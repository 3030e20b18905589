"""A pod's phase, from where its containers are. The rule is the kubelet's `getPhase`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.core import Container, Pod
from kubewright.twin.kubelet.life import ContainerLife, Run, State

PENDING, RUNNING, SUCCEEDED, FAILED = "Pending", "Running", "Succeeded", "Failed"


def should_restart(pod: Pod, container: Container, exit_code: int) -> bool:
    """Tell whether a container is started again after an exit: by its own rules and policy, or by the pod's policy."""
    if container.restart_policy:
        for rule in container.restart_policy_rules:
            codes = rule.exit_codes
            if codes is not None and (exit_code in codes.values) == (codes.operator == "In"):
                return True
    match container.restart_policy or pod.spec.restart_policy:
        case "OnFailure":
            return exit_code != 0
        case "Never":
            return False
        case _:
            return True


def phase_of(pod: Pod, containers: Sequence[ContainerLife], *, terminal: bool = False) -> str:
    """Return the phase; `terminal` says that nothing of the pod will ever run again."""
    first_main = len(pod.spec.init_containers)
    mains = list(zip(pod.spec.containers, containers[first_main:], strict=False))
    if terminal:
        runs = [ended_run(each) for _, each in mains]
        return SUCCEEDED if runs and all(run is not None and run.exit_code == 0 for run in runs) else FAILED
    before = _phase_of_init(pod, containers)
    if before in {PENDING, FAILED}:
        return before
    if any(not each.has_run for _, each in mains):
        return PENDING
    if before == RUNNING or any(each.is_running for _, each in mains):
        return RUNNING
    ends = [(spec, run.exit_code) for spec, each in mains if (run := ended_run(each)) is not None]
    if any(should_restart(pod, spec, code) for spec, code in ends):
        return RUNNING
    return FAILED if any(code for _, code in ends) else SUCCEEDED


def _phase_of_init(pod: Pod, containers: Sequence[ContainerLife]) -> str:
    """Return what init containers and sidecars make of the phase; nothing when it is up to the others."""
    pending = running = False
    for spec, container in zip(pod.spec.init_containers, containers, strict=False):
        ended = ended_run(container)
        if spec.is_sidecar:
            running |= container.is_running
            pending |= not container.started if container.is_running else ended is None
        elif container.is_running or ended is None:
            return PENDING
        elif ended.exit_code and not should_restart(pod, spec, ended.exit_code):
            return FAILED
    has_initialized = any(each.has_run for each in containers[len(pod.spec.init_containers) :])
    if pending and not has_initialized:
        return PENDING
    return RUNNING if running else ""


def is_over(pod: Pod, containers: Sequence[ContainerLife]) -> bool:
    """Tell whether the pod has come to its end: all that counts has exited and none of it is started again."""
    first_main = len(pod.spec.init_containers)
    for spec, container in zip(pod.spec.init_containers, containers, strict=False):
        ended = container.ended
        failed = container.state is State.EXITED and ended is not None and ended.exit_code != 0
        if failed and not spec.is_sidecar and container.due_at is None:
            return True
    mains = containers[first_main:]
    return bool(mains) and all(each.state is State.EXITED and each.due_at is None for each in mains)


def ended_run(container: ContainerLife) -> Run | None:
    """Return how a container that does not run ended last."""
    return container.ended or container.last
