"""What the containers of each workload have used: filled by `observing`, read by the controller and the report.

It holds no pods. Whose a measurement is tells the pod that it is about; of a pod that is no more, its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.api.pods import OOM_KILLED
from kubewright.api.quantity import approximate
from kubewright.api.workload import Workload, workload_named, workload_of
from kubewright.scaling.sizing import BYTES, CORES, DAY_SECONDS, HISTORY_DAYS, Advice, ContainerUse, Unknown
from kubewright.series.protocol import CONTAINER, Series, Vector

_FRESH_SECONDS = 300.0
_MOST_KILLS = 10_000
_MOST_BYTES = 2.0**63


@dataclass(slots=True)
class Book:
    """Use by workload and container. `pod_of` finds a pod that is there."""

    pod_of: Callable[[ObjectKey], Pod | None]
    _uses: dict[Workload, dict[str, ContainerUse]] = field(default_factory=dict[Workload, dict[str, ContainerUse]])
    _holds: dict[tuple[ObjectKey, str], tuple[float, float]] = field(
        default_factory=dict[tuple[ObjectKey, str], tuple[float, float]]
    )
    """The memory in use by pod and container, and when that was measured."""
    _kills: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """By pod's uid and container, when it was last killed for want of memory."""

    def take(self, resource: str, found: Vector, step_seconds: float) -> None:
        """Take what was measured at one moment, of pods that are there."""
        for sample in found.samples:
            name, pod = sample.labels.get(CONTAINER, ""), self.pod_of(sample.pod)
            workload = workload_of(pod) if pod is not None else None
            if workload is None or not name:
                continue
            self._add(workload, name, resource, (sample.pod.name, [(sample.at, sample.value)]), step_seconds)
            if resource == BYTES:
                self._holds[sample.pod, name] = (sample.at, sample.value)

    def take_history(
        self, resource: str, found: Iterable[Series], until: Mapping[Workload, float], step_seconds: float
    ) -> None:
        """Take what pods of these workloads used until then, also of pods that are no more."""
        for series in found:
            name, pod = series.labels.get(CONTAINER, ""), self.pod_of(series.pod)
            workload = workload_of(pod) if pod is not None else workload_named(series.pod, until)
            last = until.get(workload) if workload is not None else None
            if workload is None or last is None or not name:
                continue
            points = [point for point in series.points if point[0] <= last]
            if points:
                self._add(workload, name, resource, (series.pod.name, points), step_seconds)

    def look(self, pod: Pod) -> None:
        """Take note of containers that were killed for want of memory, each time once."""
        workload = workload_of(pod)
        if workload is None:
            return
        for status in pod.status.container_statuses:
            ended = status.state.terminated or status.last_state.terminated
            if ended is None or ended.reason != OOM_KILLED or not ended.finished_at:
                continue
            if self._kills.get((pod.metadata.uid, status.name)) == ended.finished_at:
                continue
            if len(self._kills) >= _MOST_KILLS:
                del self._kills[next(iter(self._kills))]
            self._kills[pod.metadata.uid, status.name] = ended.finished_at
            use = self._use(workload, status.name)
            use.killed(pod.metadata.name, parse_time(ended.finished_at), _memory_of(pod, status.name))

    def gone(self, pod: Pod) -> None:
        """Forget a pod that is no more; what it used still counts."""
        workload = workload_of(pod)
        for each in pod.spec.containers:
            self._holds.pop((pod.key, each.name), None)
            self._kills.pop((pod.metadata.uid, each.name), None)
        for use in self._uses.get(workload, {}).values() if workload is not None else ():
            use.gone(pod.metadata.name)

    def forget(self, now: float) -> None:
        """Forget workloads that nothing was heard of for as long as history goes back."""
        since = now - HISTORY_DAYS * DAY_SECONDS
        for workload, uses in list(self._uses.items()):
            if all(max(use.last_at.values(), default=0.0) < since for use in uses.values()):
                del self._uses[workload]

    def knows(self, workload: Workload) -> bool:
        """Tell whether anything was measured of a workload."""
        return workload in self._uses

    def since(self, workload: Workload) -> float:
        """Return since when a workload is measured; infinity if it is not."""
        begins = (begin for use in self._uses.get(workload, {}).values() for begin in use.first_at.values())
        return min(begins, default=math.inf)

    def advise(self, workload: Workload, container: str, resource: str, now: float) -> Advice:
        """Recommend what a container should request of a resource."""
        use = self._uses.get(workload, {}).get(container)
        return Unknown("nothing was measured") if use is None else use.advise(resource, now)

    def days(self, workload: Workload, container: str, resource: str) -> float:
        """Return for how many days' measurements a recommendation speaks."""
        use = self._uses.get(workload, {}).get(container)
        return use.days(resource) if use is not None else 0.0

    def holds(self, pod: ObjectKey, container: str, now: float) -> float | None:
        """Return the memory that a container has in use, if that was measured lately."""
        at, amount = self._holds.get((pod, container), (-_FRESH_SECONDS, 0.0))
        return amount if abs(now - at) <= _FRESH_SECONDS else None

    def _use(self, workload: Workload, container: str) -> ContainerUse:
        return self._uses.setdefault(workload, {}).setdefault(container, ContainerUse())

    def _add(
        self,
        workload: Workload,
        container: str,
        resource: str,
        measured: tuple[str, Iterable[tuple[float, float]]],
        step_seconds: float,
    ) -> None:
        pod, points = measured
        times, values = zip(*points, strict=True)
        use = self._use(workload, container)
        if resource == CORES:
            use.used_cpu(times, values, step_seconds)
        else:
            use.used_memory(pod, times, values, step_seconds)


def _memory_of(pod: Pod, container: str) -> float:
    """Return how much memory a container might use when it was killed: its limit, or at least its request."""
    for each in pod.spec.containers:
        if each.name == container:
            amount = each.resources.limits.get(BYTES, each.resources.requests.get(BYTES, "0"))
            return min(approximate(amount), _MOST_BYTES)
    return 0.0
