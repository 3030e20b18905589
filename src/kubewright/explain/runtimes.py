"""How long pods run, learned from those that have ended, and when those that run will end. Pure.

Pods are alike in this if one controller made them, or one before it of the same name (the runs of a CronJob); else if
they are of one kind of owner in one namespace; else of one kind anywhere. Pods that are restarted for ever never end.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from kubewright.api.batch import Job
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey, controller_of, parse_time
from kubewright.explain.why import Ending

ENOUGH = 5
"""So many must have ended before anything is said of others."""
_NUMBERED = re.compile(r"-[0-9]+$", re.ASCII)

Group: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Run times in seconds, sorted, by group."""

    by_group: Mapping[Group, tuple[float, ...]] = field(default_factory=dict[Group, tuple[float, ...]])

    @classmethod
    def of(cls, pods: Iterable[Pod]) -> RunTimes:
        """Learn from the pods that have ended well; failures say little of how long work takes."""
        seen: dict[Group, list[float]] = {}
        for pod in pods:
            seconds = _ran(pod)
            if seconds is not None:
                for group in groups(pod):
                    seen.setdefault(group, []).append(seconds)
        return cls({group: tuple(sorted(each)) for group, each in seen.items()})

    def beyond(self, pod: Pod, ran_seconds: float) -> tuple[float, ...]:
        """Return the run times of the pod's like that were longer, sorted; nothing if too few are known."""
        for group in groups(pod):
            known = self.by_group.get(group, ())
            longer = known[bisect_right(known, ran_seconds) :]
            if len(known) >= ENOUGH and longer:
                return longer
        return ()


def groups(pod: Pod) -> Iterator[Group]:
    """Yield what the pod is like, the closest first."""
    owner = controller_of(pod)
    kind, name = ("Pod", "") if owner is None else (owner.kind, _NUMBERED.sub("", owner.name))
    namespace = pod.metadata.namespace
    if name:
        yield namespace, kind, name
    yield namespace, kind
    yield (kind,)


def ends(pod: Pod) -> bool:
    """Tell whether a pod is of those that end by themselves."""
    return pod.spec.restart_policy != "Always" or pod.spec.active_deadline_seconds is not None


def began(pod: Pod) -> float | None:
    """Return when a pod began to run, in seconds since 1970; None if it has not."""
    return None if pod.status.start_time is None else parse_time(pod.status.start_time)


def endings(pods: Iterable[Pod], jobs: Mapping[ObjectKey, Job], times: RunTimes, now: float) -> Iterator[Ending]:
    """Yield when each pod will end of which that is known: it is deleted, has a deadline, or others like it ended."""
    for pod in pods:
        if pod.spec.node_name and not pod.is_finished:
            found = _ending(pod, jobs, times, now)
            if found is not None:
                yield found


def _ending(pod: Pod, jobs: Mapping[ObjectKey, Job], times: RunTimes, now: float) -> Ending | None:
    named = _named(pod)
    if pod.metadata.deletion_timestamp is not None:
        return Ending(pod.key, max(0.0, parse_time(pod.metadata.deletion_timestamp) - now), "its deletion", named)
    start = began(pod)
    if not ends(pod) or start is None:
        return None
    known = [Ending(pod.key, max(0.0, at - now), "its deadline", named) for at in _deadlines(pod, jobs, start)]
    longer = times.beyond(pod, now - start)
    if longer:
        expected = max(0.0, start + longer[len(longer) // 2] - now)
        known.append(Ending(pod.key, expected, f"the run times of {len(longer)} like it", named, certain=False))
    return min(known, key=lambda each: each.seconds, default=None)


def _deadlines(pod: Pod, jobs: Mapping[ObjectKey, Job], start: float) -> Iterator[float]:
    if pod.spec.active_deadline_seconds is not None:
        yield start + pod.spec.active_deadline_seconds
    owner = controller_of(pod)
    if owner is not None and owner.kind == "Job":
        job = jobs.get(ObjectKey(pod.metadata.namespace, owner.name))
        if job is not None and job.spec.active_deadline_seconds is not None and job.status.start_time is not None:
            yield parse_time(job.status.start_time) + job.spec.active_deadline_seconds


def _named(pod: Pod) -> str:
    owner = controller_of(pod)
    if owner is not None and owner.kind == "Job":
        return f"job/{owner.name}"
    return f"pod/{pod.metadata.name}"


def _ran(pod: Pod) -> float | None:
    start = began(pod)
    if pod.status.phase != "Succeeded" or start is None:
        return None
    ended = [each.state.terminated.finished_at for each in pod.status.container_statuses if each.state.terminated]
    times = [parse_time(each) for each in ended if each]
    return max(times) - start if times else None
