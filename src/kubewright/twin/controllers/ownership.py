"""Who belongs to a controller: adopt what matches and has no owner, release what does not match any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kubewright.api.meta import KubeObject, Manifest, Resource, controller_of
from kubewright.api.owners import owner_reference
from kubewright.api.selectors import LabelSelector
from kubewright.runtime.informer import Informer
from kubewright.twin.caches import BY_CONTROLLER
from kubewright.twin.controllers.writes import Patch, Writer

T = TypeVar("T", bound=KubeObject)
O = TypeVar("O", bound=KubeObject)  # noqa: E741  the owner


@dataclass(frozen=True, slots=True)
class Claim(Generic[T]):
    """Whom a controller has now, and what is to be written so that the objects say so too."""

    owned: tuple[T, ...]
    writes: tuple[Patch, ...]


def claim(
    owner: O, kind: Resource[O], matches: Callable[[T], bool], candidates: Iterable[T], resource: Resource[T]
) -> Claim[T]:
    """Sort candidates, which are in the owner's namespace, into owned, adopted, released and others'.

    An owner that is going, and a candidate that is, change nothing (`ControllerRefManager.ClaimObject`). An adopted
    object counts as owned from the next time on, when the cache shows it so.
    """
    owned: list[T] = []
    writes: list[Patch] = []
    going = owner.metadata.deletion_timestamp is not None
    for each in candidates:
        reference = controller_of(each)
        if reference is not None:
            if reference.uid != owner.metadata.uid:
                continue
            if matches(each):
                owned.append(each)
            elif not going:
                writes.append(_release(owner, each, resource))
        elif not going and each.metadata.deletion_timestamp is None and matches(each):
            writes.append(_adopt(owner, kind, each, resource))
    return Claim(tuple(owned), tuple(writes))


async def take(
    writer: Writer,
    informer: Informer[T],
    owner: O,
    kind: Resource[O],
    selector: LabelSelector,
    *,
    fits: Callable[[T], bool] | None = None,
) -> tuple[T, ...]:
    """Claim what a selector matches among the objects of a kind that are the owner's or nobody's; return the owned.

    `fits` may ask more of them. The kind is indexed by its controllers. Raises OpError.
    """
    namespace, index = owner.metadata.namespace, informer.index
    candidates = [*index.by(BY_CONTROLLER, (namespace, owner.metadata.uid)), *index.by(BY_CONTROLLER, (namespace, ""))]

    def matches(each: T) -> bool:
        return selector.matches(each.metadata.labels) and (fits is None or fits(each))

    claimed = claim(owner, kind, matches, candidates, informer.resource)
    await writer.do(claimed.writes)
    return claimed.owned


def _adopt(owner: O, kind: Resource[O], each: T, resource: Resource[T]) -> Patch:
    references = [*_written(each), owner_reference(owner, kind)]
    return _patch(each, resource, references)


def _release(owner: KubeObject, each: T, resource: Resource[T]) -> Patch:
    return _patch(each, resource, [ref for ref in _written(each) if ref["uid"] != owner.metadata.uid])


def without_owners(each: T, resource: Resource[T], uids: Iterable[str]) -> Patch:
    """Return the write that strikes owners off an object's references."""
    struck = frozenset(uids)
    return _patch(each, resource, [ref for ref in _written(each) if ref["uid"] not in struck])


def _patch(each: T, resource: Resource[T], references: list[Manifest]) -> Patch:
    return Patch(
        resource,
        each.key,
        each.metadata.uid,
        {"metadata": {"ownerReferences": references or None}},
        resource_version=each.metadata.resource_version,
    )


def _written(each: KubeObject) -> list[Manifest]:
    return [
        {"apiVersion": ref.api_version, "kind": ref.kind, "name": ref.name, "uid": ref.uid}
        | ({"controller": True} if ref.controller else {})
        | ({"blockOwnerDeletion": True} if ref.block_owner_deletion else {})
        for ref in each.metadata.owner_references
    ]
