"""When containers will use more than they may: memory, which kills them, and storage, for which their pod is evicted.

Usage is never polled: the container's profile says when it will cross a limit, and that is a due time like others. A
pod that says nothing of its usage never crosses one, and is not asked. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kubewright.api.core import Container, Pod
from kubewright.api.quantity import canonical, value
from kubewright.twin.kubelet.behaviour import PREFIX
from kubewright.twin.kubelet.life import Verdict
from kubewright.twin.usage.profile import Profile
from kubewright.twin.usage.profiles import profiles_of

MEMORY = "memory"
STORAGE = "ephemeral-storage"
EVICTED = "Evicted"
IMMEDIATE_SECONDS = 1.0
"""What an evicted pod gets to stop when there is no time."""
_TELLING = tuple(f"{PREFIX}{name}" for name in ("usage", MEMORY, STORAGE))


class Usage(Protocol):
    """Says how containers use what they get."""

    def profile(self, pod: Pod, container: str, started_at: float) -> Profile:
        """Return the profile of a container that was started then, with all that was laid over it."""
        ...


@dataclass(frozen=True, slots=True)
class FromProfiles:
    """Usage as the pods' annotations and models say."""

    seed: int = 0

    def profile(self, pod: Pod, container: str, started_at: float) -> Profile:
        """Return the profile of a container."""
        del started_at
        return profiles_of(pod, self.seed).containers[container]


Crossing = Callable[[Container, str, float, float], float | None]
"""When a container, of a resource, that was started then, crosses its limit after a moment."""


def tells_of_usage(pod: Pod) -> bool:
    """Tell whether the pod says itself how it uses memory or storage."""
    return any(key.startswith(_TELLING) for key in pod.metadata.annotations)


def crossing(pod: Pod, usage: Usage) -> Crossing:
    """Return what tells when the pod's containers will use more than they may."""

    def when(container: Container, resource: str, started_at: float, after: float) -> float | None:
        limit = container.resources.limits.get(resource)
        if limit is None:
            return None
        profile = usage.profile(pod, container.name, started_at)
        curve = profile.memory if resource == MEMORY else profile.storage
        return curve.next_crossing(float(value(limit)), after, started_at)

    return when


def over_storage(container: Container) -> Verdict:
    """Return why a pod is evicted of which a container has written too much."""
    limit = canonical(container.resources.limits[STORAGE])
    text = f'Container {container.name} exceeded its local ephemeral storage limit "{limit}". '
    return Verdict(EVICTED, text)
