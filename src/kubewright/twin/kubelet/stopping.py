"""Pods that are to end: deleted, evicted, over their deadline, or with nothing left to do. Pure.

What runs is told to stop after its preStop hook and killed at the end of the grace period; sidecars are told when the
containers that they serve have ended, in the reverse of the order in which they started.
"""

from __future__ import annotations

from kubewright.twin.kubelet import exits
from kubewright.twin.kubelet.behaviour import Acts
from kubewright.twin.kubelet.life import Stage, Verdict
from kubewright.twin.kubelet.turn import Turn

MIN_GRACE_SECONDS = 2.0
"""What is told to stop gets so long in any case."""
KILLED = 137
_DONE = frozenset({Stage.FINISHED, Stage.GONE})


def end_of(acts: Acts, grace_seconds: float, now: float, *, turn_at: float = 0.0) -> tuple[float, int]:
    """Return when a container ends that is stopped now, and with what; it is not told before `turn_at`."""
    told_at = max(now + min(acts.pre_stop_seconds, grace_seconds), min(turn_at, now + grace_seconds))
    killed_at = max(now + grace_seconds, told_at + MIN_GRACE_SECONDS)
    ends_at = killed_at if acts.stop_seconds is None else told_at + acts.stop_seconds
    return (killed_at, KILLED) if acts.stop_seconds is None or ends_at > killed_at else (ends_at, acts.stop_code)


def on_deletion(turn: Turn) -> None:
    """Stop a pod that has been deleted, or sooner if it is on its way already."""
    grace = turn.pod.metadata.deletion_grace_period_seconds
    if grace is None:
        grace = turn.pod.spec.termination_grace_period_seconds
    life = turn.life
    if life.stage in _DONE:
        turn.change_pod(stage=Stage.GONE)
    elif life.stage is not Stage.STOPPING:
        stop(turn, grace)
    elif life.stopping_since + grace < life.stopping_since + life.grace_seconds:
        turn.change_pod(grace_seconds=grace)
        _give_until(turn, max(life.stopping_since + grace, turn.now + MIN_GRACE_SECONDS))


def stop(turn: Turn, grace_seconds: float, verdict: Verdict | None = None) -> None:
    """Begin to stop what runs; with a verdict the pod has failed, whatever its containers say."""
    life = turn.life
    turn.change_pod(
        stage=Stage.STOPPING,
        stopping_since=turn.now,
        grace_seconds=grace_seconds,
        verdict=verdict or life.verdict,
        due_at=None,
    )
    running = [position for position, each in enumerate(turn.containers) if each.is_running]
    sidecars = [each for each in running if turn.specs[each].is_sidecar and not turn.is_main(each)]
    ends: list[float] = []
    for position in [*(each for each in running if each not in sidecars), *reversed(sidecars)]:
        turn_at = max(ends, default=0.0) if position in sidecars else 0.0
        exit_at, exit_code = end_of(turn.acts(position), grace_seconds, turn.now, turn_at=turn_at)
        ends.append(exit_at)
        present = turn.containers[position].exit_at
        if present is None or exit_at < present:
            turn.change(position, exit_at=exit_at, exit_code=exit_code, exit_reason="", killed=True)
    for position in running:
        turn.tell("Normal", "Killing", f"Stopping container {turn.specs[position].name}", position)
    go_on(turn)


def go_on(turn: Turn) -> None:
    """See what has ended by now; when nothing runs any more, the pod is finished, or gone if it was deleted."""
    for position, container in enumerate(turn.containers):
        if container.is_running and container.exit_at is not None and container.exit_at <= turn.now:
            exits.note(turn, position, exits.run_of(container, turn.now), again=False)
    if any(each.is_running for each in turn.containers):
        return
    turn.change_pod(stage=Stage.GONE if turn.pod.is_terminating else Stage.FINISHED, has_network=False)


def _give_until(turn: Turn, deadline: float) -> None:
    for position, container in enumerate(turn.containers):
        if container.is_running and container.exit_at is not None and container.exit_at > deadline:
            turn.change(position, exit_at=deadline, exit_code=KILLED)
