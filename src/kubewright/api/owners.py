"""Owner references as they are written: what a controller puts into the manifests of the objects that it creates."""

from __future__ import annotations

from typing import TypeVar

from kubewright.api.meta import KubeObject, Manifest, Resource

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


def is_owned_by(obj: KubeObject, owner: KubeObject) -> bool:
    """Whether `owner` is among the object's owners: the same object, not merely one of the same name."""
    return any(reference.uid == owner.metadata.uid for reference in obj.metadata.owner_references)
