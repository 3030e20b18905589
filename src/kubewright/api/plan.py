"""A decision as data: what to do, to what, and why.

Every `decide.py` returns a Plan, and `runtime.plans.Executor` is the only thing that turns one into writes. Until then
it can be shown, compared with what a test expects, rehearsed on a fork, or dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from kubewright.api.autoscaling import Scale as ScaleObject
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource, manifest_key


@dataclass(frozen=True, slots=True)
class Apply:
    """Make the fields of `manifest` so and own them (server-side apply); a `subresource` such as `status` alone.

    What somebody put into a list stays beside our items, and together they may be invalid. Then the object with the
    uid `or_replace` is deleted, and its deletion brings the next decision, which creates it anew.

    What is `only_new` is not made so if there is an object already, whosever it is: that is a conflict.
    """

    resource: Resource[Any]
    manifest: Manifest
    subresource: str = ""
    or_replace: str = ""
    only_new: bool = False

    @classmethod
    def status(cls, resource: Resource[Any], key: ObjectKey, status: Manifest) -> Self:
        """Return the write of an object's status."""
        metadata = {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})
        head = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        return cls(resource, {**head, "status": status}, "status")

    @property
    def key(self) -> ObjectKey:
        """Return the object's namespace and name."""
        return manifest_key(self.manifest)

    def __str__(self) -> str:
        suffix = f" {self.subresource}" if self.subresource else ""
        return f"apply {self.resource.target(self.key)}{suffix}"


@dataclass(frozen=True, slots=True)
class SetFinalizers:
    """Replace an object's finalizers, provided nobody has changed it since `resource_version`."""

    resource: Resource[Any]
    key: ObjectKey
    resource_version: str
    finalizers: tuple[str, ...]

    def __str__(self) -> str:
        return f"set finalizers of {self.resource.target(self.key)} to {list(self.finalizers)}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the one object that has this uid; its namesake, if it was replaced meanwhile, stays."""

    resource: Resource[Any]
    key: ObjectKey
    uid: str

    def __str__(self) -> str:
        return f"delete {self.resource.target(self.key)}"


@dataclass(frozen=True, slots=True)
class Scale:
    """Have so many replicas, unless an autoscaler or somebody else has chosen a number of their own."""

    resource: Resource[Any]
    key: ObjectKey
    replicas: int

    def __str__(self) -> str:
        return f"scale {self.resource.target(self.key)} to {self.replicas}"


@dataclass(frozen=True, slots=True)
class Rescale:
    """Have so many replicas, by the `scale` of a workload of whatever kind, as long as there are `before` now."""

    resource: Resource[ScaleObject]
    key: ObjectKey
    before: int
    replicas: int

    def __str__(self) -> str:
        return f"rescale {self.resource.target(self.key)} from {self.before} to {self.replicas}"


@dataclass(frozen=True, slots=True)
class Resize:
    """Give one container of the pod that has this uid other amounts of cpu and memory, where it runs."""

    resource: Resource[Any]
    key: ObjectKey
    uid: str
    container: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]

    def __str__(self) -> str:
        amounts = ", ".join(f"{name} {amount}" for name, amount in self.requests.items())
        return f"resize {self.container} of {self.resource.target(self.key)} to {amounts}"


@dataclass(frozen=True, slots=True)
class Patch:
    """Do operations of a JSON patch to the one object that has this uid; where a `test` among them fails, none is done.

    For what belongs to others and is changed once, such as a rollback: server-side apply would take it from them.
    """

    resource: Resource[Any]
    key: ObjectKey
    uid: str
    operations: tuple[Mapping[str, Any], ...]
    says: str
    """What it does, in a few words."""

    def __str__(self) -> str:
        return f"{self.says} of {self.resource.target(self.key)}"


def as_seen(obj: KubeObject) -> Mapping[str, Any]:
    """Return the operation of a Patch that fails where somebody has changed the object since it was seen."""
    return {"op": "test", "path": "/metadata/resourceVersion", "value": obj.metadata.resource_version}


@dataclass(frozen=True, slots=True)
class Evict:
    """Take the one pod that has this uid off its node, if its disruption budgets allow it at that moment."""

    resource: Resource[Any]
    key: ObjectKey
    uid: str

    def __str__(self) -> str:
        return f"evict {self.resource.target(self.key)}"


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the object's users something: an Event, written once and aggregated."""

    type: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"announce {self.type} {self.reason}: {self.message}"


Write: TypeAlias = Apply | SetFinalizers | Delete | Scale | Rescale | Resize | Patch | Evict
Action: TypeAlias = Write | Announce


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in the order in which they are to be done, and the reason for them all."""

    actions: tuple[Action, ...]
    reason: str

    def __str__(self) -> str:
        steps = "\n".join(f"  {number}. {action}" for number, action in enumerate(self.actions, 1))
        return f"{self.reason}\n{steps}" if steps else f"{self.reason}: nothing to do"
