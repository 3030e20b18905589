"""Containers that exit: how the end is remembered, whether and when they are started again. Pure."""

from __future__ import annotations

from kubewright.api.pods import CRASH_LOOP
from kubewright.twin.kubelet.life import (
    BACKOFF_RESET_SECONDS,
    NO_PROBES,
    ContainerLife,
    Run,
    State,
    backoff_seconds,
    pod_text,
)
from kubewright.twin.kubelet.phase import should_restart
from kubewright.twin.kubelet.turn import Turn

NOTICED_AFTER_SECONDS = 1.0
"""The kubelet lists containers once a second, and so sees an end so late."""


def end(turn: Turn, position: int) -> None:
    """Note that a container's run has ended."""
    container, spec = turn.containers[position], turn.specs[position]
    run = run_of(container, turn.now)
    again = container.killed and (spec.restart_policy or turn.pod.spec.restart_policy) != "Never"
    if not again:
        passed = not turn.is_main(position) and not spec.is_sidecar and run.exit_code == 0
        again = not passed and should_restart(turn.pod, spec, run.exit_code)
    note(turn, position, run, again=again)


def run_of(container: ContainerLife, now: float) -> Run:
    """Return the run of a container that has ended, at the time that it was to end."""
    ended_at = now if container.exit_at is None else container.exit_at
    reason = container.exit_reason or ("Error" if container.exit_code else "Completed")
    return Run(container.started_at, ended_at, container.exit_code, container.restarts, reason)


def note(turn: Turn, position: int, run: Run, *, again: bool, reason: str = "", message: str = "") -> None:
    """Remember a run that has ended; `again` has the container started once more."""
    turn.change(
        position,
        state=State.EXITED,
        due_at=turn.now + NOTICED_AFTER_SECONDS if again else None,
        ended=run,
        started=False,
        ready=False,
        exit_at=None,
        oom_at=None,
        full_at=None,
        exit_reason="",
        ready_at=None,
        killed=False,
        probes=NO_PROBES,
        reason=reason,
        message=message,
    )


def reconsider(turn: Turn) -> None:
    """Let the present runs end when they should as things are now, and not as they were when they began."""
    for position, container in enumerate(turn.containers):
        about_to_end = container.exit_at is not None and container.exit_at <= turn.now
        if not container.is_running or container.killed or container.exit_reason or about_to_end:
            continue
        acts = turn.acts(position)
        after = acts.exit_after_seconds
        exit_at = None if after is None else max(turn.now, container.started_at + after)
        turn.change(position, exit_at=exit_at, exit_code=acts.exit_code)


def consider_restart(turn: Turn, position: int) -> None:
    """Start a container that has exited again, or make it wait: the first restart in ten minutes is at once."""
    container, name = turn.containers[position], turn.specs[position].name
    run = container.ended
    if run is None:
        return
    if run.ended_at - run.started_at >= BACKOFF_RESET_SECONDS:
        container = turn.change(position, failures=0)
    wait = backoff_seconds(container.failures - 1) if container.failures else 0.0
    turn.change(position, failures=container.failures + 1)
    if run.ended_at + wait <= turn.now:
        turn.change(position, state=State.WAITING, due_at=None, reason="", message="")
        return
    where = pod_text(turn.pod)
    turn.tell("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {where}", position)
    text = f"back-off {go_duration(wait)} restarting failed container={name} pod={where}"
    turn.change(position, state=State.BACKOFF, due_at=run.ended_at + wait, reason=CRASH_LOOP, message=text)


def go_duration(seconds: float) -> str:
    """Write a duration as Go does, to the millisecond: `1m20s`, `1.5s`, `250ms`."""
    millis = int(seconds * 1000)
    if millis < 1000:  # noqa: PLR2004  a second
        return f"{millis}ms" if millis else "0s"
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes or hours else "") + text
