"""Devices by claims (`resource.k8s.io/v1`): what drivers offer in slices, classes of devices, and who claims which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from kubewright.api.affinity import NodeSelector
from kubewright.api.conditions import Condition
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource
from kubewright.api.quantity import Quantity
from kubewright.api.tolerations import Taint, Toleration

GROUP = "resource.k8s.io"
FINALIZER = "resource.kubernetes.io/delete-protection"
"""On every claim that is allocated: it is not gone before its devices are free again."""
POD_CLAIM_NAME = "resource.kubernetes.io/pod-claim-name"
"""The annotation of a claim made for a pod: what the pod calls it."""
ALL, EXACT_COUNT = "All", "ExactCount"
MOST_DEVICES = 32
"""Of one claim."""
MOST_SUBREQUESTS = 8
MOST_CONSUMERS = 256


class DeviceAttribute(Leaf, frozen=True):
    """One of the values."""

    int_value: int | None = msgspec.field(default=None, name="int")
    bool_value: bool | None = msgspec.field(default=None, name="bool")
    string_value: str | None = msgspec.field(default=None, name="string")
    version_value: str | None = msgspec.field(default=None, name="version")


class ValidRange(Leaf, frozen=True):
    """From, to, and in which steps."""

    min: Quantity | None = None
    max: Quantity | None = None
    step: Quantity | None = None


class RequestPolicy(Leaf, frozen=True):
    """How much of a capacity can be had: what an absent request means, and what others are rounded up to."""

    default: Quantity | None = None
    valid_values: tuple[Quantity, ...] = ()
    valid_range: ValidRange | None = None


class DeviceCapacity(Leaf, frozen=True):
    """An amount of something, to be shared if the device is."""

    value: Quantity = "0"
    request_policy: RequestPolicy | None = None


class Counter(Leaf, frozen=True):
    """An amount of something that several devices are made of."""

    value: Quantity = "0"


class CounterSet(Leaf, frozen=True):
    """Counters by name, of one physical device."""

    name: str = ""
    counters: Mapping[str, Counter] = EMPTY


class CounterConsumption(Leaf, frozen=True):
    """What a device takes of a set once it is allocated."""

    counter_set: str = ""
    counters: Mapping[str, Counter] = EMPTY


class Device(Leaf, frozen=True):
    """What can be allocated."""

    name: str = ""
    attributes: Mapping[str, DeviceAttribute] = EMPTY
    capacity: Mapping[str, DeviceCapacity] = EMPTY
    consumes_counters: tuple[CounterConsumption, ...] = ()
    node_name: str | None = None
    node_selector: NodeSelector | None = None
    all_nodes: bool = False
    taints: tuple[Taint, ...] = ()
    binds_to_node: bool = False
    binding_conditions: tuple[str, ...] = ()
    binding_failure_conditions: tuple[str, ...] = ()
    allow_multiple_allocations: bool = False


class ResourcePool(Leaf, frozen=True):
    """The pool that a slice is a part of; of several generations the newest counts, once it has all its slices."""

    name: str = ""
    generation: int = 0
    resource_slice_count: int = 1


class SliceSpec(Leaf, frozen=True):
    """Devices, or counters that they are made of, and from which nodes they can be used."""

    driver: str = ""
    pool: ResourcePool = ResourcePool()
    node_name: str | None = None
    node_selector: NodeSelector | None = None
    all_nodes: bool = False
    per_device_node_selection: bool = False
    devices: tuple[Device, ...] = ()
    shared_counters: tuple[CounterSet, ...] = ()


class ResourceSlice(KubeObject, frozen=True, kw_only=True):
    """A part of what a driver offers."""

    spec: SliceSpec = SliceSpec()


class CelSelector(Leaf, frozen=True):
    """An expression over `device`."""

    expression: str = ""


class DeviceSelector(Leaf, frozen=True):
    """A test that a device must pass."""

    cel: CelSelector | None = None


class CapacityRequirements(Leaf, frozen=True):
    """How much of a shared device, by capacity."""

    requests: Mapping[str, Quantity] = EMPTY


class DeviceRequest(Leaf, frozen=True):
    """Devices of a class that do, and how many: what `exactly` and each of `firstAvailable` say."""

    name: str = ""
    device_class_name: str = ""
    selectors: tuple[DeviceSelector, ...] = ()
    allocation_mode: str = EXACT_COUNT
    count: int = 1
    admin_access: bool | None = None
    tolerations: tuple[Toleration, ...] = ()
    capacity: CapacityRequirements | None = None


class NamedRequest(Leaf, frozen=True):
    """A request, or several of which the first that can be met is."""

    name: str = ""
    exactly: DeviceRequest | None = None
    first_available: tuple[DeviceRequest, ...] = ()

    @property
    def ways(self) -> tuple[tuple[str, DeviceRequest], ...]:
        """Return what would do, the best first, each by the name that results and errors call it."""
        if self.exactly is not None:
            return ((self.name, self.exactly),)
        return tuple((f"{self.name}/{each.name}", each) for each in self.first_available)


class DeviceConstraint(Leaf, frozen=True):
    """What devices of several requests, or of all, have in common, or never have."""

    requests: tuple[str, ...] = ()
    match_attribute: str | None = None
    distinct_attribute: str | None = None


class ClaimConfiguration(Leaf, frozen=True):
    """What a driver is to be told."""

    requests: tuple[str, ...] = ()
    opaque: Mapping[str, Any] | None = None


class DeviceClaim(Leaf, frozen=True):
    """What is asked for."""

    requests: tuple[NamedRequest, ...] = ()
    constraints: tuple[DeviceConstraint, ...] = ()
    config: tuple[ClaimConfiguration, ...] = ()


class ResourceClaimSpec(Leaf, frozen=True):
    """What is asked for."""

    devices: DeviceClaim = DeviceClaim()


class AllocatedDevice(Leaf, frozen=True):
    """One device, or one share of it, and what for."""

    request: str = ""
    driver: str = ""
    pool: str = ""
    device: str = ""
    admin_access: bool | None = None
    share_id: str | None = msgspec.field(default=None, name="shareID")
    consumed_capacity: Mapping[str, Quantity] = EMPTY
    binding_conditions: tuple[str, ...] = ()
    binding_failure_conditions: tuple[str, ...] = ()


class AllocatedDevices(Leaf, frozen=True):
    """The devices of a claim."""

    results: tuple[AllocatedDevice, ...] = ()


class Allocation(Leaf, frozen=True):
    """The devices of a claim, and the nodes from which they can be used; None for all."""

    devices: AllocatedDevices = AllocatedDevices()
    node_selector: NodeSelector | None = None


class Consumer(Leaf, frozen=True):
    """Who may use a claim."""

    api_group: str = ""
    resource: str = ""
    name: str = ""
    uid: str = ""

    @classmethod
    def of(cls, pod: KubeObject) -> Consumer:
        """Return how a claim names a pod that it is reserved for."""
        return cls(resource="pods", name=pod.metadata.name, uid=pod.metadata.uid)

    @property
    def document(self) -> Manifest:
        """Return it as it stands in a claim."""
        group = {"apiGroup": self.api_group} if self.api_group else {}
        return {**group, "resource": self.resource, "name": self.name, "uid": self.uid}


class DeviceStatus(Leaf, frozen=True):
    """What the driver says of an allocated device."""

    driver: str = ""
    pool: str = ""
    device: str = ""
    share_id: str | None = msgspec.field(default=None, name="shareID")
    conditions: tuple[Condition, ...] = ()


class ResourceClaimStatus(Leaf, frozen=True):
    """What was allocated, and for whom."""

    allocation: Allocation | None = None
    reserved_for: tuple[Consumer, ...] = ()
    devices: tuple[DeviceStatus, ...] = ()


class ResourceClaim(KubeObject, frozen=True, kw_only=True):
    """A claim to devices."""

    spec: ResourceClaimSpec = ResourceClaimSpec()
    status: ResourceClaimStatus = ResourceClaimStatus()

    @property
    def given(self) -> tuple[AllocatedDevice, ...]:
        """Return its devices, none while it is not allocated."""
        return self.status.allocation.devices.results if self.status.allocation is not None else ()

    def is_reserved_for(self, uid: str) -> bool:
        """Tell whether a pod may use it."""
        return any(each.uid == uid for each in self.status.reserved_for)


class DeviceClassSpec(Leaf, frozen=True):
    """Tests that devices of a class pass, and what their drivers are told."""

    selectors: tuple[DeviceSelector, ...] = ()
    config: tuple[ClaimConfiguration, ...] = ()


class DeviceClass(KubeObject, frozen=True, kw_only=True):
    """A class of devices."""

    spec: DeviceClassSpec = DeviceClassSpec()


RESOURCE_CLAIMS: Resource[ResourceClaim] = Resource(GROUP, "v1", "resourceclaims", "ResourceClaim", ResourceClaim)
RESOURCE_SLICES: Resource[ResourceSlice] = Resource(
    GROUP, "v1", "resourceslices", "ResourceSlice", ResourceSlice, namespaced=False
)
DEVICE_CLASSES: Resource[DeviceClass] = Resource(
    GROUP, "v1", "deviceclasses", "DeviceClass", DeviceClass, namespaced=False
)


def left_to(consumers: Iterable[Consumer]) -> Manifest:
    """Return the change of a claim's status that leaves it to these; without any its devices are free."""
    remaining = [each.document for each in consumers]
    return {"reservedFor": remaining} if remaining else {"reservedFor": None, "allocation": None, "devices": None}
