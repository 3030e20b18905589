"""What a simulated container writes to its log: a few lines that fit what its status says of it. Pure.

A run begins, answers or refuses to be ready, says once a minute that it is there, and ends. The same status gives the
same lines, so nothing is kept; of a long run only the last hours are told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.api.conditions import find_condition
from kubewright.api.core import Container, ContainerState, ContainerStatus, Pod
from kubewright.api.meta import parse_time

EVERY_SECONDS = 60.0
KEPT_SECONDS = 6 * 3600.0
_KILLED = 137
_IMAGE_REASONS = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and when it was written, in seconds since 1970."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """The run of a container that a log is of."""

    began_at: float
    ended_at: float | None = None
    exit_code: int = 0
    reason: str = ""


class NoLogError(Exception):
    """There is no log, for the reason that the kubelet gives."""


def run_of(pod: Pod, container: str, *, previous: bool = False) -> LoggedRun:
    """Return the run whose log is meant; raises NoLogError."""
    statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    status = next((each for each in statuses if each.name == container), None)
    name = pod.metadata.name
    if status is None:
        raise NoLogError(f'container "{container}" in pod "{name}" is not available')
    last = _ended(status.last_state)
    if previous:
        if last is None:
            raise NoLogError(f'previous terminated container "{container}" in pod "{name}" not found')
        return last
    if status.state.running is not None and status.state.running.started_at:
        return LoggedRun(parse_time(status.state.running.started_at))
    run = _ended(status.state) or last
    if run is not None:
        return run
    raise NoLogError(_why_not(status, container, name))


def _why_not(status: ContainerStatus, container: str, pod: str) -> str:
    if status.state.terminated is not None:
        return f'container "{container}" in pod "{pod}" is terminated'
    if status.state.waiting is None:
        return f'container "{container}" in pod "{pod}" is waiting to start - no logs yet'
    reason = status.state.waiting.reason
    return f'container "{container}" in pod "{pod}" is waiting to start: {_IMAGE_REASONS.get(reason, reason)}'


def _ended(state: ContainerState) -> LoggedRun | None:
    ended = state.terminated
    if ended is None or not ended.started_at or not ended.finished_at:
        return None
    return LoggedRun(parse_time(ended.started_at), parse_time(ended.finished_at), ended.exit_code, ended.reason)


def lines(pod: Pod, spec: Container, run: LoggedRun, now: float) -> Iterator[Line]:
    """Yield what a run has written up to now, in the order of time."""
    until = now if run.ended_at is None else run.ended_at
    yield Line(run.began_at, f"{spec.name}: starting {spec.image}")
    unready_since = _unready_since(pod, spec, run)
    if unready_since is None:
        yield Line(run.began_at, f"{spec.name}: ready to serve")
    minute = max(1, int((until - run.began_at - KEPT_SECONDS) / EVERY_SECONDS))
    while (at := run.began_at + minute * EVERY_SECONDS) <= until:
        state = "running" if unready_since is None or at < unready_since else "running, but not ready"
        yield Line(at, f"{spec.name}: {state} for {minute} min")
        minute += 1
    if run.ended_at is not None:
        yield from _last_words(spec, run)


def _unready_since(pod: Pod, spec: Container, run: LoggedRun) -> float | None:
    """Return since when a run that goes on fails its readiness probe."""
    condition = find_condition(pod.status.conditions, "ContainersReady")
    status = next((each for each in pod.status.container_statuses if each.name == spec.name), None)
    if run.ended_at is not None or status is None or status.ready:
        return None
    since = condition.last_transition_time if condition is not None else None
    return max(run.began_at, parse_time(since)) if since else run.began_at


def _last_words(spec: Container, run: LoggedRun) -> Iterator[Line]:
    """Yield what a run says at its end: one that is killed says nothing."""
    if run.ended_at is None or run.exit_code == _KILLED:
        return
    if run.exit_code:
        yield Line(run.ended_at, f"{spec.name}: fatal error, exit code {run.exit_code}")
    else:
        yield Line(run.ended_at, f"{spec.name}: done")
