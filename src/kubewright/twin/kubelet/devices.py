"""The devices of a node: which there are, who has which, and pods that would have one twice.

Devices have fixed names by node, resource and number. A scheduler that decides on devices says so in an annotation of
the pod, `DEVICES`: a JSON object from container to resource to names,

    {"main": {"nvidia.com/gpu": ["GPU-0b0c..."]}}

and the kubelet obeys: a pod that asks for a device that is not there or is taken is rejected. Where nobody decided, the
first free devices are given. `checkpoint` tells who has what, as the kubelet's checkpoint file does.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from kubewright.api.core import Container, Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.quantity import Quantity, value
from kubewright.twin.kubelet.behaviour import PREFIX
from kubewright.twin.kubelet.life import Verdict, all_containers

DEVICES = f"{PREFIX}devices"
_NAMESPACE = uuid.UUID("5c0b3a9e-6a0e-4c63-9a53-3c9f3b0f2d51")

Wishes = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Names of devices, by container and resource."""
_decode = msgspec.json.Decoder(dict[str, dict[str, tuple[str, ...]]]).decode


class DeviceRequests(Protocol):
    """Where a scheduler's choice of devices is read from."""

    def __call__(self, pod: Pod) -> Wishes:
        """Return the devices that the pod's containers are to have; nothing where any will do. Raises ValueError."""
        ...


def from_annotation(pod: Pod) -> Wishes:
    """Read the choice from the `DEVICES` annotation; raises ValueError when it makes no sense."""
    text = pod.metadata.annotations.get(DEVICES)
    return {} if text is None else _decode(text)


@dataclass(frozen=True, slots=True)
class Holder:
    """The container that has a device."""

    pod: ObjectKey
    uid: str
    container: str


class _RefusedError(Exception):
    """A pod cannot have what it asks for."""


@dataclass(slots=True)
class NodeDevices:
    """The devices of one node, by resource, and who has them."""

    ids: Mapping[str, tuple[str, ...]]
    _holders: dict[tuple[str, str], Holder] = field(default_factory=dict[tuple[str, str], Holder])

    @classmethod
    def of(cls, node: Node) -> NodeDevices:
        """Return the devices that a node has, all of them free; what is not allocatable now may be later."""
        offered, there = node.status.allocatable, node.status.capacity
        names = [name for name in offered if is_extended(name)]
        return cls({name: device_ids(node.metadata.name, name, there.get(name, offered[name])) for name in names})

    def copy(self) -> NodeDevices:
        """Return an independent book of the same devices."""
        return NodeDevices(self.ids, dict(self._holders))

    def checkpoint(self) -> dict[str, dict[str, Holder]]:
        """Return who has which device, by resource and name."""
        found: dict[str, dict[str, Holder]] = {}
        for (resource, device), holder in self._holders.items():
            found.setdefault(resource, {})[device] = holder
        return found

    def book(
        self, pod: Pod, requests: DeviceRequests = from_annotation, out_of_use: frozenset[str] = frozenset()
    ) -> Verdict | None:
        """Give a pod's containers their devices, all or none; returns why it cannot have them.

        What is out of use is given to nobody who has not got it.
        """
        if not self.ids:
            return None
        given: dict[tuple[str, str], Holder] = {}
        try:
            wishes = requests(pod)
            for container in self._in_order(pod):
                for resource in container.resources.requests:
                    if resource in self.ids:
                        wanted = wishes.get(container.name, {}).get(resource)
                        self._give(pod, container, resource, wanted, given=given, out_of_use=out_of_use)
        except (_RefusedError, ValueError) as error:
            return Verdict("UnexpectedAdmissionError", f"Allocate failed due to {error}, which is unexpected")
        self._holders |= given
        return None

    def names(self, resource: str, numbers: Collection[int]) -> frozenset[str]:
        """Return the names of the devices with these numbers."""
        return frozenset(name for number, name in enumerate(self.ids.get(resource, ())) if number in numbers)

    def holder(self, resource: str, number: int) -> Holder | None:
        """Return who has the device with this number."""
        names = self.ids.get(resource, ())
        return self._holders.get((resource, names[number])) if number < len(names) else None

    def release(self, uid: str) -> None:
        """Take back what a pod has."""
        self._holders = {which: holder for which, holder in self._holders.items() if holder.uid != uid}

    def _in_order(self, pod: Pod) -> Iterable[Container]:
        """Containers and sidecars have their own; init containers use those and what they need beyond."""
        passing = [each for each in pod.spec.init_containers if not each.is_sidecar]
        return (*(each for each in all_containers(pod) if each not in passing), *passing)

    def _give(
        self,
        pod: Pod,
        container: Container,
        resource: str,
        wanted: tuple[str, ...] | None,
        *,
        given: dict[tuple[str, str], Holder],
        out_of_use: frozenset[str],
    ) -> None:
        count = value(container.resources.requests[resource])
        if container in pod.spec.init_containers and not container.is_sidecar:
            count -= sum(1 for name, _ in given if name == resource)
        taken = self._holders.keys() | given.keys()
        free = [each for each in self.ids[resource] if each not in out_of_use and (resource, each) not in taken]
        if wanted is not None:
            self._check(resource, wanted, count, given)
            if not out_of_use.isdisjoint(wanted):
                raise _RefusedError(
                    f"{', '.join(sorted(out_of_use.intersection(wanted)))} of {resource} is not healthy"
                )
            chosen = wanted
        elif len(free) < count:
            text = f"requested number of devices unavailable for {resource}. Requested: {count}, Available: {len(free)}"
            raise _RefusedError(text)
        else:
            chosen = tuple(free[: max(count, 0)])
        holder = Holder(pod.key, pod.metadata.uid, container.name)
        given |= {(resource, device): holder for device in chosen}

    def _check(
        self, resource: str, wanted: tuple[str, ...], count: int, given: Mapping[tuple[str, str], Holder]
    ) -> None:
        if len(wanted) != count or len(set(wanted)) != count:
            raise _RefusedError(f"{len(set(wanted))} devices of {resource} chosen where {count} are requested")
        for device in wanted:
            if device not in self.ids[resource]:
                raise _RefusedError(f"device {device} of {resource} not found")
            holder = self._holders.get((resource, device)) or given.get((resource, device))
            if holder is not None:
                raise _RefusedError(f"device {device} of {resource} is allocated to pod {holder.pod}")


def is_extended(resource: str) -> bool:
    """Tell whether a resource is given out as devices: one with a domain that is not Kubernetes' own."""
    domain, slash, _ = resource.partition("/")
    return bool(slash) and not domain.endswith("kubernetes.io")


def device_ids(node: str, resource: str, count: Quantity) -> tuple[str, ...]:
    """Return the names of a node's devices; those of GPUs look like NVIDIA's."""
    prefix = "GPU" if resource.endswith("/gpu") else resource.rpartition("/")[2]
    return tuple(f"{prefix}-{uuid.uuid5(_NAMESPACE, f'{node}/{resource}/{number}')}" for number in range(value(count)))
