"""Pods that do not even come to be, since their namespace's ResourceQuota has no room: how much more it would take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quotas import ResourceQuota
from kubewright.api.resources import CPU, EPHEMERAL_STORAGE, MEMORY, PODS_RESOURCE, amounts, pod_request, write_amount

_PODS = ("pods", "count/pods")
_REQUESTS = "requests."
_PLAIN = (CPU, MEMORY, EPHEMERAL_STORAGE)
"""May be named in a quota without the prefix, too."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """What one quota lacks for one pod more."""

    quota: ObjectKey
    resource: str
    hard: int
    used: int
    wanted: int
    """By the pod; cpu in thousandths, all else in units."""

    @property
    def more(self) -> int:
        """Return by how much the quota would have to grow."""
        return self.used + self.wanted - self.hard

    def __str__(self) -> str:
        name = _counted(self.resource)
        more, used, hard, wanted = (write_amount(name, each) for each in (self.more, self.used, self.hard, self.wanted))
        needs = f"quota {self.quota.name} needs {more} {self.resource} more"
        return f"{needs}: {used} of {hard} are used, and the next pod asks for {wanted}"


def shortages(pod: Pod, quotas: Iterable[ResourceQuota]) -> Iterator[Shortage]:
    """Yield what the quotas of the pod's namespace lack for it. Scopes are not looked at."""
    wanted = pod_request(pod)
    for quota in sorted(quotas, key=lambda each: each.key):
        if quota.metadata.namespace != pod.metadata.namespace:
            continue
        for resource, hard in quota.status.hard.items():
            asked = wanted.get(_counted(resource), 0)
            if not asked:
                continue
            limit, used = _amount(resource, hard), _amount(resource, quota.status.used.get(resource, "0"))
            if used + asked > limit:
                yield Shortage(quota.key, resource, limit, used, asked)


def charged(pod: Pod, quota: ResourceQuota) -> ResourceQuota:
    """Return the quota with the pod's share used."""
    wanted, used = pod_request(pod), dict(quota.status.used)
    for resource in quota.status.hard:
        name = _counted(resource)
        if wanted.get(name, 0):
            used[resource] = write_amount(name, _amount(resource, used.get(resource, "0")) + wanted[name])
    return replace(quota, status=replace(quota.status, used=used))


def _counted(resource: str) -> str:
    """Return the pod's resource that a quota's key limits; nothing that pods ask for if it limits something else."""
    if resource in _PODS:
        return PODS_RESOURCE
    if resource.startswith(_REQUESTS):
        return resource.removeprefix(_REQUESTS)
    return resource if resource in _PLAIN else ""


def _amount(resource: str, text: str) -> int:
    name = _counted(resource)
    return amounts({name: text})[name]
