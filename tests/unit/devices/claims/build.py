"""Slices, classes and claims, decoded from what a user or a driver would write."""

import msgspec

from kubewright.api.core import Node
from kubewright.api.resourceclaims import Allocation, DeviceClass, ResourceClaim, ResourceSlice
from kubewright.devices.claims.allocator import allocate
from kubewright.devices.claims.pools import Inventory
from kubewright.devices.claims.results import allocation
from kubewright.devices.claims.taken import Taken

DRIVER = "gpu.example.com"


def node(name="n1", **labels):
    return msgspec.convert({"metadata": {"name": name, "labels": labels}}, Node)


def device(name, **more):
    attributes = more.pop("attributes", {})
    capacity = more.pop("capacity", {})
    typed = {
        key: value if isinstance(value, dict) else {("string" if isinstance(value, str) else "int"): value}
        for key, value in attributes.items()
    }
    amounts = {key: value if isinstance(value, dict) else {"value": value} for key, value in capacity.items()}
    return {"name": name, "attributes": typed, "capacity": amounts, **more}


def sliced(*devices, name="s1", pool="n1", generation=1, count=1, **more):
    where = more or {"nodeName": "n1"}
    spec = {
        "driver": DRIVER,
        "pool": {"name": pool, "generation": generation, "resourceSliceCount": count},
        "devices": list(devices),
        **where,
    }
    return msgspec.convert({"metadata": {"name": name}, "spec": spec}, ResourceSlice)


def device_class(*expressions, name="gpu", config=()):
    selectors = [{"cel": {"expression": each}} for each in expressions]
    document = {"metadata": {"name": name}, "spec": {"selectors": selectors, "config": list(config)}}
    return msgspec.convert(document, DeviceClass)


def asked(name="one", *expressions, kind="gpu", **more):
    selectors = [{"cel": {"expression": each}} for each in expressions]
    return {"name": name, "exactly": {"deviceClassName": kind, "selectors": selectors, **more}}


def claim(*requests, name="c", **more):
    document = {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {"devices": {"requests": list(requests) or [asked()], **more}},
    }
    return msgspec.convert(document, ResourceClaim)


class World:
    """Slices and classes, and what is taken; claims are allocated one after the other."""

    def __init__(self, *slices, classes=None):
        self.inventory = Inventory(slices)
        self.classes = {each.metadata.name: each for each in classes or (device_class(),)}
        self.taken = Taken()

    def give(self, *claims, to=None):
        """The devices that claims get on a node, by claim, taken from now on; None if there are none."""
        documents = self.documents(*claims, to=to)
        if documents is None:
            return None
        names = []
        for each in documents:
            results = msgspec.convert(each, Allocation).devices.results
            self.taken.add(results)
            names.append([result.device for result in results])
        return names[0] if len(names) == 1 else names

    def documents(self, *claims, to=None):
        at = to or node()
        found = allocate(at, claims, self.inventory.pools_for(at), self.classes, self.taken)
        if found is None:
            return None
        return [
            allocation(each, picks, self.classes, at.metadata.name)
            for each, picks in zip(claims, found.picks, strict=True)
        ]
