"""What garbage collection does about one object, from what is known of its owners and dependents. Pure.

The rules are kube-controller-manager's (`garbagecollector.attemptToDeleteItem`): an owner that lives keeps an object;
without any the object goes; an owner that waits for its dependents (foreground) is no reason to stay.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from kubewright.api.meta import KubeObject, Resource
from kubewright.client.protocol import Propagation
from kubewright.twin.controllers.ownership import without_owners
from kubewright.twin.controllers.writes import Patch, Remove, Write

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class OwnerState(enum.Enum):
    """What is known of an owner."""

    LIVING = "living"
    WAITING = "waiting"
    """Being deleted, and waiting for dependents that block it."""
    ABSENT = "absent"


def is_waiting(owner: KubeObject) -> bool:
    """Tell whether an owner is being deleted in the foreground."""
    return owner.metadata.deletion_timestamp is not None and FOREGROUND in owner.metadata.finalizers


def is_orphaning(owner: KubeObject) -> bool:
    """Tell whether an owner is being deleted and leaves its dependents."""
    return owner.metadata.deletion_timestamp is not None and ORPHAN in owner.metadata.finalizers


def collect(
    obj: KubeObject, resource: Resource[Any], owners: Mapping[str, OwnerState], *, has_dependents: bool
) -> list[Write]:
    """Return what to do with an object, given the state of each owner by uid."""
    if not owners:
        return []
    gone = [uid for uid, state in owners.items() if state is not OwnerState.LIVING]
    if len(gone) < len(owners):
        return [without_owners(obj, resource, gone)] if gone else []
    if obj.metadata.deletion_timestamp is not None:
        return []
    return [Remove(resource, obj.key, obj.metadata.uid, _propagation(obj, owners, has_dependents=has_dependents))]


def _propagation(obj: KubeObject, owners: Mapping[str, OwnerState], *, has_dependents: bool) -> Propagation:
    if has_dependents and OwnerState.WAITING in owners.values():
        return "Foreground"
    if ORPHAN in obj.metadata.finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in obj.metadata.finalizers else "Background"


def finish(owner: KubeObject, resource: Resource[Any], finalizer: str) -> Patch:
    """Return the write that lets an owner go: nothing keeps it any more."""
    left = [name for name in owner.metadata.finalizers if name != finalizer]
    changes = {"metadata": {"finalizers": left or None}}
    version = owner.metadata.resource_version
    return Patch(resource, owner.key, owner.metadata.uid, changes, resource_version=version)


def blocking(owner: KubeObject, dependents: Sequence[KubeObject]) -> list[KubeObject]:
    """Return the dependents that hold up the owner's foreground deletion."""
    return [
        each
        for each in dependents
        if any(ref.uid == owner.metadata.uid and ref.block_owner_deletion for ref in each.metadata.owner_references)
    ]
