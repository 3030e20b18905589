"""Signs of trouble in pods: containers that crash, do not start or are killed, and readiness that was lost. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from kubewright.api.conditions import Condition, find_condition
from kubewright.api.meta import KubeObject, Leaf, Resource, controller_of, seconds_of
from kubewright.api.pods import CANNOT_CONFIGURE, CANNOT_PULL, CRASH_LOOP, OOM_KILLED, ContainerStatus
from kubewright.signals.signal import Fault, Witness
from kubewright.signals.signs import Sign, Subject

_SOON_SECONDS = 60.0
"""A container that ends sooner after its start, more than once, is in a loop."""
_TWICE = 2
_RESTARTED_SECONDS = 60.0
_STARTING_SECONDS = 600.0
"""A pod that was never ready may take as long as a rollout has by default."""
_SLOW_SECONDS = 30.0
"""Slow, if anything else speaks for it."""
_TERMINATING_SECONDS = 30.0
_PATIENCE_SECONDS = 10.0
"""A node may be free in a moment."""
_REMEMBERED_SECONDS = 600.0
"""For so long an end for want of memory is a matter of the present."""


class SeenSpec(Leaf, frozen=True):
    """Where a pod runs."""

    node_name: str = ""


class SeenStatus(Leaf, frozen=True):
    """How it is."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    start_time: str | None = None
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class SeenPod(KubeObject, frozen=True, kw_only=True, gc=False):
    """A pod, as far as it may be in trouble: there may be 100,000 of them."""

    spec: SeenSpec = SeenSpec()
    status: SeenStatus = SeenStatus()


SEEN_PODS: Resource[SeenPod] = Resource("", "v1", "pods", "Pod", SeenPod)


def of_pod(pod: SeenPod) -> Iterator[Sign]:
    """Yield the signs; of what is done, or was told to go, only that it does not go."""
    subject = Subject(SEEN_PODS, pod, pod.spec.node_name)
    status = pod.status
    if pod.metadata.deletion_timestamp is not None:
        gone_by = seconds_of(pod.metadata.deletion_timestamp)  # by then its time to end is over
        text = "it was to have ended, and is still there"
        not_before = gone_by + _TERMINATING_SECONDS
        yield subject.sign(Fault.STUCK_TERMINATING, text, gone_by, Witness.CONTROLLER, not_before=not_before)
    elif status.phase == "Failed":
        owner = controller_of(pod)
        if owner is None or owner.kind != "Job":  # a Job counts its own
            text = f"it failed: {status.reason}: {status.message}".rstrip(": ")
            yield subject.sign(Fault.POD_FAILED, text, _ended_at(status), Witness.KUBELET)
    elif status.phase != "Succeeded":
        yield from _of_scheduling(subject, status)
        statuses = (*status.init_container_statuses, *status.container_statuses)
        found = [sign for each in statuses for sign in _of_container(subject, status, each)]
        yield from found or _of_readiness(subject, status)


def _of_container(subject: Subject, status: SeenStatus, container: ContainerStatus) -> Iterator[Sign]:
    waiting, name = container.state.waiting, container.name
    ended = container.state.terminated or container.last_state.terminated
    since = seconds_of(status.start_time)
    if waiting is not None and waiting.reason in CANNOT_PULL:
        text = f"the image of container {name} cannot be pulled: {waiting.message or waiting.reason}"
        yield subject.sign(Fault.IMAGE_NOT_PULLED, text, since, Witness.KUBELET, part=name)
    elif waiting is not None and waiting.reason in CANNOT_CONFIGURE:
        text = f"container {name} cannot be started: {waiting.message or waiting.reason}"
        yield subject.sign(Fault.CANNOT_START, text, since, Witness.KUBELET, part=name)
    elif ended is not None and (until := _loops_until(container)):
        text = f"container {name} ends soon after each start: exit code {ended.exit_code}, {ended.reason}".rstrip(", ")
        at = seconds_of(ended.finished_at, since)
        yield subject.sign(Fault.CRASH_LOOP, text, at, Witness.KUBELET, part=name, until=until)
    if ended is not None and ended.reason == OOM_KILLED:
        at = seconds_of(ended.finished_at)
        text = f"container {name} reached its memory limit and was killed"
        yield subject.sign(Fault.OUT_OF_MEMORY, text, at, Witness.KUBELET, part=name, until=at + _REMEMBERED_SECONDS)


def _loops_until(container: ContainerStatus) -> float:
    """Return until when a container counts as one that crashes again and again; 0 if it does not."""
    state, times = container.state, container.restart_count
    if state.waiting is not None:
        return math.inf if state.waiting.reason == CRASH_LOOP else 0.0
    ended = state.terminated or container.last_state.terminated
    if ended is None or not ended.exit_code or times + (state.terminated is not None) < _TWICE:
        return 0.0
    if seconds_of(ended.finished_at) - seconds_of(ended.started_at) >= _SOON_SECONDS:
        return 0.0
    # Between two crashes it runs, and has come out of the loop only when it stays.
    return math.inf if state.running is None else seconds_of(state.running.started_at) + _SOON_SECONDS


def _of_scheduling(subject: Subject, status: SeenStatus) -> Iterator[Sign]:
    scheduled = find_condition(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable":
        since = seconds_of(scheduled.last_transition_time)
        text = f"no node takes it: {scheduled.message}"
        yield subject.sign(Fault.NO_NODE, text, since, Witness.CONTROLLER, lasts_seconds=_PATIENCE_SECONDS)


def _of_readiness(subject: Subject, status: SeenStatus) -> Iterator[Sign]:
    ready = find_condition(status.conditions, "Ready")
    running = [each.state.running for each in status.container_statuses if each.state.running is not None]
    if status.phase != "Running" or ready is None or ready.status == "True" or not running:
        return
    since = seconds_of(ready.last_transition_time)
    started_at = max(seconds_of(each.started_at) for each in running)
    lasts = 0.0  # how many probes must fail is said in the pod
    if since <= started_at:
        since = started_at
        restarted = _restarted(status.container_statuses)
        lasts = _RESTARTED_SECONDS if restarted else _STARTING_SECONDS
        if not restarted:
            text = f"it is not ready {_SLOW_SECONDS:g} s after its start"
            yield subject.sign(Fault.SLOW_START, text, since, Witness.KUBELET, lasts_seconds=_SLOW_SECONDS)
    names = ", ".join(each.name for each in status.container_statuses if not each.ready)
    text = f"it runs and is not ready: {ready.message or ready.reason or names}"
    # What the kubelet says is True or False; when it is heard no more, a controller says False in its stead.
    yield subject.sign(Fault.NOT_READY, text, since, Witness.KUBELET, lasts_seconds=lasts)


def _restarted(statuses: Sequence[ContainerStatus]) -> bool:
    return any(each.restart_count for each in statuses)


def _ended_at(status: SeenStatus) -> float:
    ends = [
        seconds_of(each.state.terminated.finished_at) for each in status.container_statuses if each.state.terminated
    ]
    return max(ends, default=seconds_of(status.start_time))
