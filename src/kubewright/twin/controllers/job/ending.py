"""When a Job's pods ended, and how long to wait before the next after failures. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import parse_time

FIRST_BACKOFF_SECONDS = 10.0
MAX_BACKOFF_SECONDS = 600.0


def ended_at(pod: Pod) -> float:
    """Return when a pod ended: its containers, or as near as can be told (`getFinishedTime`)."""
    statuses = pod.status.container_statuses
    times = [each.state.terminated.finished_at for each in statuses if each.state.terminated]
    known = [parse_time(each) for each in times if each]
    if known and len(known) == len(statuses):
        return max(known)
    ready = find_condition(pod.status.conditions, "Ready")
    if ready is not None and ready.status == "False" and ready.last_transition_time:
        return parse_time(ready.last_transition_time)
    if pod.metadata.deletion_timestamp:
        return parse_time(pod.metadata.deletion_timestamp) - (pod.metadata.deletion_grace_period_seconds or 0)
    return pod.metadata.created_at


def backoff_seconds(failures: int) -> float:
    """Return the wait after so many failures in a row."""
    return min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 10), MAX_BACKOFF_SECONDS) if failures else 0.0


def retry_at(pods: Iterable[Pod]) -> float:
    """Return from when on pods may be made: the more failures since the last success, the later."""
    ends = sorted((ended_at(pod), pod.status.phase) for pod in pods if pod.is_finished)
    failures, last = 0, 0.0
    for at, phase in ends:
        failures = failures + 1 if phase == "Failed" else 0
        last = at
    return last + backoff_seconds(failures) if failures else 0.0
