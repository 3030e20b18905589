"""The life of a pod that this kubelet does not remember, by what its status says: of a copy, or after a restart."""

from __future__ import annotations

from kubewright.api.core import ContainerStatus, Pod
from kubewright.api.meta import parse_time
from kubewright.twin.kubelet import exits, probing
from kubewright.twin.kubelet.life import ContainerLife, Life, Run, Stage, State, all_containers, allotted
from kubewright.twin.kubelet.turn import Around, Turn

_SILENT = ContainerStatus()


def resume(pod: Pod, around: Around, now: float) -> Life | None:
    """Return its life, or None for a pod that has not begun: what ran goes on, and what waited is tried at once."""
    if not pod.is_finished and pod.status.phase != "Running":
        return None
    began_at = _moment(pod.status.start_time, now)
    known = {each.name: each for each in (*pod.status.init_container_statuses, *pod.status.container_statuses)}
    containers = tuple(
        allotted(_container(known.get(spec.name, _SILENT), now), pod, spec) for spec in all_containers(pod)
    )
    if pod.is_finished:
        return Life(Stage.FINISHED, began_at, None, containers)
    turn = Turn.of(Life(Stage.ACTIVE, began_at, None, containers, has_network=True), pod, around, now)
    for position, container in enumerate(containers):
        if container.is_running:
            _go_on(turn, position, known.get(turn.specs[position].name))
    return turn.step().life


def _container(status: ContainerStatus, now: float) -> ContainerLife:
    last = _run(status, now, last=True)
    state = status.state
    if state.running is not None:
        started_at = _moment(state.running.started_at, now)
        return ContainerLife(State.RUNNING, started_at=started_at, last=last, restarts=status.restart_count)
    ended = _run(status, now, last=False)
    if ended is not None:
        again = now + exits.NOTICED_AFTER_SECONDS if ended.exit_code else None
        return ContainerLife(State.EXITED, again, ended=ended, last=last, restarts=status.restart_count)
    if state.waiting is not None:
        return ContainerLife(due_at=now, ended=last, restarts=status.restart_count)
    # The pod runs, and nothing is said against its running.
    return ContainerLife(State.RUNNING, started_at=now, last=last, restarts=status.restart_count)


def _go_on(turn: Turn, position: int, status: ContainerStatus | None) -> None:
    """Let a container go on: its next exit and its probes are counted from now."""
    acts = turn.acts(position)
    exit_after = acts.exit_after_seconds
    turn.change(position, exit_at=None if exit_after is None else turn.now + exit_after, exit_code=acts.exit_code)
    probing.begin(turn, position)
    if status is not None and status.ready:
        turn.change(position, ready=True, ready_at=None, probes=probing.passing(turn, position))
    elif turn.is_main(position) and turn.specs[position].readiness_probe is None:
        warm_up = acts.warm_up_seconds
        turn.change(position, ready=False, ready_at=None if warm_up is None else turn.now + warm_up)


def _run(status: ContainerStatus, now: float, *, last: bool) -> Run | None:
    ended = (status.last_state if last else status.state).terminated
    if ended is None:
        return None
    number = max(status.restart_count - 1, 0) if last else status.restart_count
    started_at, ended_at = _moment(ended.started_at, now), _moment(ended.finished_at, now)
    return Run(started_at, ended_at, ended.exit_code, number, ended.reason)


def _moment(text: str | None, otherwise: float) -> float:
    try:
        return otherwise if text is None else parse_time(text)
    except ValueError:
        return otherwise
