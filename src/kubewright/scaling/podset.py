"""The pods that are scaled, and what is known of them as long as none of them changes. Pure.

Decisions come every fifteen seconds and ask the same of pods for each metric; most pods stay as they are for days. So
who keeps a `PodSet` looks at its pods once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

from kubewright.api.core import Pod
from kubewright.api.meta import parse_time
from kubewright.api.quantity import milli
from kubewright.api.resources import CPU, pod_request

INITIALIZATION_SECONDS = 300.0
"""So long after its start a pod's cpu counts only while it is ready and was so for a whole window."""


class NoProposalError(Exception):
    """No number can be worked out; the text says why, as the condition will."""


class PodSet(tuple[Pod, ...]):  # noqa: SLOT001  what is known of it is kept in its __dict__
    """Pods of one namespace."""

    @cached_property
    def namespace(self) -> str:
        """Where they are; nowhere if there are none."""
        return self[0].metadata.namespace if self else ""

    @cached_property
    def names(self) -> Mapping[str, None]:
        """What they are called, in their order."""
        return {pod.metadata.name: None for pod in self}

    @cached_property
    def ready(self) -> int:
        """How many run and are ready."""
        return sum([pod.status.phase == "Running" and pod.is_ready for pod in self])

    def is_steady(self, resource: str, now: float) -> bool:
        """Tell whether every pod's use counts as soon as it is known, as is so nearly always.

        None fails, goes or is pending; and, as cpu is asked for, each is ready and started long ago.
        """
        return now >= self.steady_from(resource)

    def steady_from(self, resource: str) -> float:
        """Return from when on that is so, as long as the pods stay as they are."""
        return self._warm_from if resource == CPU else self._up_from

    def requests(self, resource: str, container: str) -> Mapping[str, int]:
        """Return what each pod, or one container of it, requests, in thousandths; raises NoProposalError."""
        found = self._requests.get((resource, container))
        if found is None:
            found = {pod.metadata.name: requests_of(pod, resource, container) for pod in self}
            self._requests[resource, container] = found
        return found

    @cached_property
    def _requests(self) -> dict[tuple[str, str], Mapping[str, int]]:
        return {}

    @cached_property
    def _up_from(self) -> float:
        up = all(pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None for pod in self)
        return -math.inf if up else math.inf

    @cached_property
    def _warm_from(self) -> float:
        return max([self._up_from, *map(_warm_from, self)])


def _warm_from(pod: Pod) -> float:
    """Return from when on a pod's cpu counts whenever it was measured: it is ready, and its start is long ago."""
    started = pod.status.start_time
    return parse_time(started) + INITIALIZATION_SECONDS if pod.is_ready and started is not None else math.inf


def requests_of(pod: Pod, resource: str, container: str) -> int:
    """Return what a pod, or one container of it, requests, in thousandths; raises NoProposalError."""
    name = pod.metadata.name
    if not container and pod.spec.resources is not None and pod.spec.resources.requests:
        whole = pod_request(pod)
        if resource not in whole:
            raise NoProposalError(f"missing pod-level request for {resource} in Pod {name}")
        return whole[resource] if resource == CPU else whole[resource] * 1000
    containers = pod.spec.containers
    if not container and len(containers) == 1 and not pod.spec.init_containers:
        amount = containers[0].resources.requests.get(resource)  # as most pods are
        if amount is not None:
            return milli(amount)
    chosen = [each for each in pod.spec.staying if not container or each.name == container]
    if container and not chosen:
        raise NoProposalError(f"container {container} not found in Pod {name}")
    lacking = next((each.name for each in chosen if resource not in each.resources.requests), None)
    if lacking is not None:
        raise NoProposalError(f"missing request for {resource} in container {lacking} of Pod {name}")
    return sum(milli(each.resources.requests[resource]) for each in chosen)
