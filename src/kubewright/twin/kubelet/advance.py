"""What becomes of a pod by now: the next state of its life, and the news. Pure but for the node's image store.

The store is asked for pulls, and asking twice is the same as asking once; so a turn whose outcome could not be written
is simply done again. `driver.py` calls `advance` when a pod changes or a deadline passes.
"""

from __future__ import annotations

from msgspec.structs import replace

from kubewright.api.conditions import is_true
from kubewright.api.core import Pod
from kubewright.api.pods import OOM_KILLED
from kubewright.twin.kubelet import exits, probing, resizing, starting, stopping
from kubewright.twin.kubelet.life import ContainerLife, Life, Stage, State, Verdict, all_containers, allotted
from kubewright.twin.kubelet.limits import IMMEDIATE_SECONDS, over_storage
from kubewright.twin.kubelet.phase import is_over
from kubewright.twin.kubelet.turn import Around, News, Step, Turn

DEADLINE = Verdict("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
FIRST_RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 122.0
"""Of mounts: half a second doubling to two minutes and two seconds."""


def begin(pod: Pod, around: Around, now: float) -> Step:
    """Return the life of a pod that has just come to its node."""
    containers = tuple(allotted(ContainerLife(), pod, each) for each in all_containers(pod))
    life = Life(Stage.SETTING_UP, now, now + around.setup_seconds, containers)
    return advance(life, pod, around, now)


def rejected(verdict: Verdict, now: float) -> Step:
    """Return the life of a pod that its node does not take."""
    refusal = Verdict(verdict.reason, f"Pod was rejected: {verdict.message}")
    life = Life(Stage.FINISHED, now, None, verdict=refusal)
    return Step(life, (News("Warning", verdict.reason, verdict.message),))


def advance(life: Life, pod: Pod, around: Around, now: float) -> Step:
    """Return the life as it is now: the same object if nothing has happened."""
    turn = Turn.of(life, pod, around, now)
    gates = tuple(is_true(pod.status.conditions, each.condition_type) for each in pod.spec.readiness_gates)
    if pod.metadata.generation != life.generation or gates != life.gates:
        turn.change_pod(generation=pod.metadata.generation, gates=gates)
    if pod.is_terminating:
        stopping.on_deletion(turn)
    elif around.verdict is not None and turn.life.stage in {Stage.SETTING_UP, Stage.ACTIVE}:
        _condemn(turn, around.verdict)
    match turn.life.stage:
        case Stage.SETTING_UP:
            _set_up(turn)
        case Stage.ACTIVE:
            _go_on(turn)
        case Stage.STOPPING:
            stopping.go_on(turn)
        case Stage.FINISHED | Stage.GONE:
            pass
    return turn.step()


def crash(life: Life, pod: Pod, exit_code: int, now: float, *, container: str = "", reason: str = "") -> Life:
    """Return the life of a pod of which a container, by default the first, is about to exit, if it runs."""
    names = [each.name for each in (*pod.spec.init_containers, *pod.spec.containers)]
    position = names.index(container) if container in names else len(pod.spec.init_containers)
    if position >= len(life.containers) or not life.containers[position].is_running:
        return life
    dying = replace(life.containers[position], exit_at=now, exit_code=exit_code, exit_reason=reason)
    containers = (*life.containers[:position], dying, *life.containers[position + 1 :])
    return replace(life, containers=containers, due_at=now)


def _set_up(turn: Turn) -> None:
    life, missing = turn.life, turn.around.missing.volumes
    if life.due_at is not None and life.due_at > turn.now:
        return
    if missing:
        for text in missing:
            turn.tell("Warning", "FailedMount", text)
        wait = min(FIRST_RETRY_SECONDS * 2.0 ** min(life.setup_failures, 10), MAX_RETRY_SECONDS)
        turn.change_pod(setup_failures=life.setup_failures + 1, due_at=turn.now + wait)
        return
    turn.change_pod(stage=Stage.ACTIVE, has_network=True, due_at=None)
    _go_on(turn)


def _go_on(turn: Turn) -> None:
    deadline = turn.pod.spec.active_deadline_seconds
    if deadline is not None and turn.life.began_at + deadline <= turn.now:
        turn.tell("Normal", DEADLINE.reason, DEADLINE.message)
        stopping.stop(turn, turn.pod.spec.termination_grace_period_seconds, DEADLINE)
        return
    if turn.around.anew:
        exits.reconsider(turn)
    resizing.look(turn)
    for position in range(len(turn.containers)):
        if turn.containers[position].is_running:
            _look_at_running(turn, position)
    if turn.life.stage is not Stage.ACTIVE or _end_if_over(turn):
        return
    for position, container in enumerate(turn.containers):
        if container.state is State.EXITED and container.due_at is not None and container.due_at <= turn.now:
            exits.consider_restart(turn, position)
    starting.start_what_may(turn)
    _end_if_over(turn)


def _look_at_running(turn: Turn, position: int) -> None:
    container = turn.containers[position]
    if container.oom_at is not None and container.oom_at <= turn.now:
        ends_first = container.exit_at is not None and container.exit_at <= container.oom_at
        if not ends_first:
            turn.change(position, exit_at=container.oom_at, exit_code=stopping.KILLED, exit_reason=OOM_KILLED)
    container = turn.containers[position]
    if container.exit_at is not None and container.exit_at <= turn.now:
        exits.end(turn, position)
    elif container.full_at is not None and container.full_at <= turn.now:
        _condemn(turn, over_storage(turn.specs[position]))
    else:
        starting.watch_limits(turn, position)
        probing.look(turn, position)


def _condemn(turn: Turn, verdict: Verdict) -> None:
    """Stop a pod that has to go, and say why."""
    grace = IMMEDIATE_SECONDS if verdict.grace_seconds is None else verdict.grace_seconds
    turn.tell("Warning", verdict.reason, verdict.message)
    stopping.stop(turn, grace, verdict)


def _end_if_over(turn: Turn) -> bool:
    """End the pod when none of its containers will do anything any more, sidecars last."""
    if not is_over(turn.pod, turn.containers):
        return False
    stopping.stop(turn, turn.pod.spec.termination_grace_period_seconds)
    return True
