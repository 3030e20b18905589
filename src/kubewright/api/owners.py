"""Owner references: as controllers write them into what they create, and whose an object is."""

from __future__ import annotations

from typing import TypeVar

from kubewright.api.meta import KubeObject, Manifest, Resource, controller_of

T = TypeVar("T", bound=KubeObject)


def owner_reference(obj: T, resource: Resource[T], *, controller: bool = True) -> Manifest:
    """Return the entry of `metadata.ownerReferences` that names `obj` as owner.

    The object must have been read: its uid is what garbage collection goes by. With `controller` it is the one owner
    that manages the child, and the child holds up the owner's foreground deletion.
    """
    reference: Manifest = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": obj.metadata.name,
        "uid": obj.metadata.uid,
    }
    if controller:
        reference |= {"controller": True, "blockOwnerDeletion": True}
    return reference


def controller_uid(obj: KubeObject) -> str:
    """Return the uid of the one owner that manages the object; empty if there is none."""
    owner = controller_of(obj)
    return "" if owner is None else owner.uid


def is_owned_by(obj: KubeObject, owner: KubeObject) -> bool:
    """Whether `owner` is among the object's owners: the same object, not merely one of the same name."""
    return any(reference.uid == owner.metadata.uid for reference in obj.metadata.owner_references)
