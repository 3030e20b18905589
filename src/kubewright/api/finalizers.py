"""Finalizers as decisions: an object's deletion waits until its controller has let go. Pure; for `decide.py` files."""

from __future__ import annotations

from typing import TypeVar

from kubewright.api.meta import KubeObject, Resource
from kubewright.api.plan import SetFinalizers

T = TypeVar("T", bound=KubeObject)


def is_going(obj: KubeObject) -> bool:
    """Whether the object has been deleted and waits for its finalizers."""
    return obj.metadata.deletion_timestamp is not None


def hold(obj: T, resource: Resource[T], finalizer: str) -> tuple[SetFinalizers, ...]:
    """Return what adds the finalizer: nothing if it is there, or if the object is going, when no server takes it."""
    names = obj.metadata.finalizers
    if finalizer in names or is_going(obj):
        return ()
    return (_set(obj, resource, (*names, finalizer)),)


def let_go(obj: T, resource: Resource[T], finalizer: str) -> tuple[SetFinalizers, ...]:
    """Return what removes the finalizer, others' left in their order; nothing if it is not there."""
    names = obj.metadata.finalizers
    if finalizer not in names:
        return ()
    return (_set(obj, resource, tuple(name for name in names if name != finalizer)),)


def _set(obj: T, resource: Resource[T], names: tuple[str, ...]) -> SetFinalizers:
    # The version makes it fail when somebody changed the list since: theirs would be lost else.
    return SetFinalizers(resource, obj.key, obj.metadata.resource_version, names)
