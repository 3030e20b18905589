"""What the new pods themselves say of their release: crashes, images, what they refer to, lost readiness. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import parse_time
from kubewright.api.pods import CRASH_LOOP, OOM_KILLED, ContainerStatus
from kubewright.workloads.rollout.ruling import FINE, Ruling, failed, hold, worst

PATIENCE_SECONDS = 30.0
"""How long a registry, a Secret that comes late, or a quota may keep pods from starting."""
OUTAGE_SECONDS = 120.0
"""How long a registry may be away, if it has not said that there is no such image."""
LOST_SECONDS = 20.0
"""How long a pod that was ready may fail its probe."""
LOSSES = 3
"""How often readiness may be seen lost during a step."""
RESTARTS = 2
FORGIVEN_SECONDS = 60.0
"""How long after it a single restart makes wait."""
_NEVER_STARTS = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"})
_DEFINITE = ("not found", "unauthorized", "denied", "forbidden", "manifest unknown", "no such")
_CONTAINER = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_LOST_WITH_NODE = 255
"""The exit code of containers that ended because their node did: no fault of the release."""


def pods_ruling(pods: Iterable[Pod], now: float) -> Ruling:
    """Rule by the pods of the release."""
    living = [pod for pod in pods if not pod.is_terminating and not pod.is_finished]
    return worst([_crashes(living, now), *(each(pod, now) for pod in living for each in _EACH)])


def ready_since(pods: Iterable[Pod]) -> float | None:
    """Return since when all of them are ready, in seconds since 1970; None if one is not or there are none."""
    times: list[float] = []
    for pod in pods:
        ready = find_condition(pod.status.conditions, "Ready")
        if ready is None or not ready.is_true or ready.last_transition_time is None:
            return None
        times.append(parse_time(ready.last_transition_time))
    return max(times, default=None)


def _crashes(pods: Sequence[Pod], now: float) -> Ruling:
    """Two restarts are no accident, of one pod or of two; one alone makes wait until it has run well for a while."""
    restarts, lately, culprit, words = 0, False, "", ""
    for pod, status in _statuses(pods):
        ended = status.last_state.terminated or status.state.terminated
        if status.restart_count and ended is not None and ended.exit_code != _LOST_WITH_NODE:
            restarts += status.restart_count
            running = status.state.running
            since = parse_time(running.started_at) if running is not None and running.started_at else now
            lately = lately or now - since < FORGIVEN_SECONDS
            culprit, words = pod.metadata.name, f"{ended.reason or 'ended'}, exit code {ended.exit_code}"
            if ended.reason == OOM_KILLED:
                return failed("OutOfMemory", f"pod {culprit} was killed for using more memory than its limit")
        waiting = status.state.waiting
        if waiting is not None and waiting.reason == CRASH_LOOP:
            return failed("Crashing", f"pod {pod.metadata.name} crashes again and again ({words})")
    if restarts >= RESTARTS:
        return failed("Crashing", f"{restarts} restarts of its pods, the last of {culprit} ({words})")
    return hold("Restarted", f"pod {culprit} was restarted ({words})") if lately else FINE


def _starting(pod: Pod, now: float) -> Ruling:
    for _, status in _statuses([pod]):
        waiting = status.state.waiting
        if waiting is None:
            continue
        words = f"pod {pod.metadata.name}: {waiting.reason}: {waiting.message}".rstrip(": ")
        if waiting.reason in _NEVER_STARTS:
            return failed("ImageUnavailable", words)
        reason = "ImageUnavailable" if waiting.reason in _IMAGE else "CannotStart"
        if waiting.reason in _IMAGE | _CONTAINER:
            away = waiting.reason in _IMAGE and not any(each in waiting.message.lower() for each in _DEFINITE)
            patience = OUTAGE_SECONDS if away else PATIENCE_SECONDS
            return failed(reason, words) if _age(pod, now) >= patience else hold(reason, words)
    return FINE


def _placing(pod: Pod, _: float) -> Ruling:
    """A node may come that has room, so it is the deadline that ends this."""
    scheduled = find_condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return hold("Unschedulable", f"pod {pod.metadata.name}: {scheduled.message}")
    return FINE


def _readiness(pod: Pod, now: float) -> Ruling:
    """A container that was ready and is no more; a node that went silent leaves ContainersReady as it was."""
    condition = find_condition(pod.status.conditions, "ContainersReady")
    if condition is None or condition.is_true or condition.last_transition_time is None:
        return FINE
    lost_at, started_at = parse_time(condition.last_transition_time), _last_start(pod)
    if started_at is None or lost_at <= started_at + 1.0:
        return FINE
    words = f"pod {pod.metadata.name} was ready and has failed its probe since"
    return (
        failed("LostReadiness", words)
        if now - lost_at >= LOST_SECONDS
        else hold("LostReadiness", words, strikes=LOSSES)
    )


_EACH: tuple[Callable[[Pod, float], Ruling], ...] = (_starting, _placing, _readiness)


def _statuses(pods: Iterable[Pod]) -> Iterator[tuple[Pod, ContainerStatus]]:
    for pod in pods:
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            yield pod, status


def _last_start(pod: Pod) -> float | None:
    """Return when the last of its containers began to run; None if one does not run."""
    times: list[float] = []
    for status in pod.status.container_statuses:
        running = status.state.running
        if running is None or running.started_at is None:
            return None
        times.append(parse_time(running.started_at))
    return max(times, default=None)


def _age(pod: Pod, now: float) -> float:
    return now - parse_time(pod.metadata.creation_timestamp) if pod.metadata.creation_timestamp else 0.0
