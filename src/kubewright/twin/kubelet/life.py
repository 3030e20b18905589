"""The life of a simulated pod on its node: what happens next, and when. Pure.

    (seen) -> CREATING -> RUNNING -> (ready) -> ... -> STOPPING -> gone
                 |           | exits
             PULL_FAILED   BACKOFF -> RUNNING again, or ENDED

`kubelet.py` calls `advance` when a pod changes or a deadline passes, writes what changed, and sleeps until `due_at`.
How a pod behaves comes from its annotations and from faults that a test or the demo sets.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from kubewright.api.core import Pod

FIRST_BACKOFF_SECONDS = 10.0
MAX_BACKOFF_SECONDS = 300.0
BACKOFF_RESET_SECONDS = 600.0
"""A container that ran for so long starts its back-off anew."""
IMMEDIATE_RESTART_SECONDS = 1.0


class Stage(enum.Enum):
    """Where a pod is."""

    CREATING = "creating"
    PULL_FAILED = "pull failed"
    RUNNING = "running"
    BACKOFF = "back-off"
    ENDED = "ended"
    STOPPING = "stopping"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a pod acts; all in seconds."""

    create_seconds: float = 0.3
    ready_seconds: float | None = 0.0
    """From running to ready; None for never."""
    stop_seconds: float = 0.5
    exit_after_seconds: float | None = None
    exit_code: int = 0
    fail_pull: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the first container that has ended. Times are in seconds since 1970."""

    started_at: float
    ended_at: float
    exit_code: int
    number: int
    """How often it had been restarted before."""


@dataclass(frozen=True, slots=True)
class Life:
    """What the kubelet remembers of a pod. Times are in seconds since 1970."""

    stage: Stage
    started_at: float
    due_at: float | None
    """When something happens by itself."""
    running_at: float = 0.0
    ready: bool = False
    ready_at: float | None = None
    exit_at: float | None = None
    exit_code: int = 0
    """What the present run will end with."""
    last: Run | None = None
    restarts: int = 0
    failures: int = 0
    """Pulls or runs that failed in a row: what the back-off counts."""


def begin(behaviour: Behaviour, now: float) -> Life:
    """Return the life of a pod that has just come to its node."""
    return Life(Stage.CREATING, now, now + behaviour.create_seconds)


def resume(pod: Pod, behaviour: Behaviour, now: float) -> Life:
    """Return the life of a pod that this kubelet does not remember, by what its status says."""
    if pod.is_finished:
        return Life(Stage.ENDED, now, None)
    if pod.status.phase != "Running":
        return begin(behaviour, now)
    life = _run(Life(Stage.RUNNING, now, None, restarts=pod.restart_count), behaviour, now)
    return replace(life, ready=pod.is_ready, ready_at=None if pod.is_ready else life.ready_at)


def advance(life: Life, pod: Pod, behaviour: Behaviour, now: float) -> Life:
    """Return the life as it is now: the same object if nothing is due."""
    if pod.is_terminating and life.stage not in {Stage.STOPPING, Stage.GONE}:
        return _stop(life, pod, behaviour, now)
    return life if life.due_at is None or life.due_at > now else _on_due(life, pod, behaviour, now)


def _on_due(life: Life, pod: Pod, behaviour: Behaviour, now: float) -> Life:
    match life.stage:
        case Stage.CREATING | Stage.PULL_FAILED:
            return _pull_failed(life, now) if behaviour.fail_pull else _run(life, behaviour, now)
        case Stage.RUNNING:
            return _while_running(life, pod, now)
        case Stage.BACKOFF:
            return _run(replace(life, restarts=life.restarts + 1), behaviour, now)
        case Stage.STOPPING:
            return replace(life, stage=Stage.GONE, due_at=None)
        case Stage.ENDED | Stage.GONE:
            return life


def crash(life: Life, exit_code: int, now: float) -> Life:
    """Return the life of a pod whose container is about to exit; one that does not run stays as it is."""
    if life.stage is not Stage.RUNNING:
        return life
    return replace(life, exit_at=now, exit_code=exit_code, due_at=now)


def backoff_seconds(failures: int) -> float:
    """Return the kubelet's wait before the next try: 10 s doubling to 5 min."""
    return min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures, 10), MAX_BACKOFF_SECONDS)


def _stop(life: Life, pod: Pod, behaviour: Behaviour, now: float) -> Life:
    if life.stage is not Stage.RUNNING:
        return replace(life, stage=Stage.STOPPING, due_at=now, ready=False)
    grace = pod.metadata.deletion_grace_period_seconds
    allowed = pod.spec.termination_grace_period_seconds if grace is None else grace
    return replace(life, stage=Stage.STOPPING, due_at=now + min(allowed, behaviour.stop_seconds))


def _pull_failed(life: Life, now: float) -> Life:
    due_at = now + backoff_seconds(life.failures)
    return replace(life, stage=Stage.PULL_FAILED, failures=life.failures + 1, due_at=due_at)


def _run(life: Life, behaviour: Behaviour, now: float) -> Life:
    ready_at = None if behaviour.ready_seconds is None else now + behaviour.ready_seconds
    exit_at = None if behaviour.exit_after_seconds is None else now + behaviour.exit_after_seconds
    failures = 0 if life.stage is Stage.PULL_FAILED else life.failures
    running = replace(
        life,
        stage=Stage.RUNNING,
        running_at=now,
        ready=False,
        ready_at=ready_at,
        exit_at=exit_at,
        exit_code=behaviour.exit_code,
        failures=failures,
    )
    return _become_ready(running, now)


def _become_ready(life: Life, now: float) -> Life:
    if not life.ready and life.ready_at is not None and life.ready_at <= now:
        life = replace(life, ready=True, ready_at=None)
    waits = [at for at in (life.ready_at, life.exit_at) if at is not None]
    return replace(life, due_at=min(waits, default=None))


def _while_running(life: Life, pod: Pod, now: float) -> Life:
    if life.exit_at is None or life.exit_at > now:
        return _become_ready(life, now)
    last = Run(life.running_at, now, life.exit_code, life.restarts)
    ended = replace(life, ready=False, ready_at=None, exit_at=None, last=last, due_at=None)
    policy = pod.spec.restart_policy
    if policy == "Never" or (policy == "OnFailure" and life.exit_code == 0):
        return replace(ended, stage=Stage.ENDED)
    failures = 0 if now - life.running_at >= BACKOFF_RESET_SECONDS else life.failures
    # The first restart is at once; only a container that keeps ending is made to wait.
    wait = backoff_seconds(failures - 1) if failures else IMMEDIATE_RESTART_SECONDS
    return replace(ended, stage=Stage.BACKOFF, failures=failures + 1, due_at=now + wait)
