"""Which changes are news: filters between an informer and a queue, given to `Operator.controller` and `Watch`.

A predicate sees a Change and says whether its keys are queued. It saves reconciles that would find nothing to do; it
must not be what correctness rests on, since a relist reports what was missed as one change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from kubewright.api.meta import KubeObject, ObjectMeta
from kubewright.api.selectors import parse_label_selector
from kubewright.runtime.informer import Change

Predicate: TypeAlias = Callable[[Change[Any]], bool]


def generation_changed(change: Change[KubeObject]) -> bool:
    """Whether the spec changed or a deletion began: not what is only status, labels or annotations."""
    return _differs(change, lambda meta: (meta.uid, meta.generation, meta.deletion_timestamp is None))


def labels_changed(change: Change[KubeObject]) -> bool:
    """Whether labels changed."""
    return _differs(change, lambda meta: (meta.uid, dict(meta.labels)))


def annotations_changed(change: Change[KubeObject]) -> bool:
    """Whether annotations changed."""
    return _differs(change, lambda meta: (meta.uid, dict(meta.annotations)))


def finalizers_changed(change: Change[KubeObject]) -> bool:
    """Whether finalizers changed: for a controller that waits until it is the last to hold an object."""
    return _differs(change, lambda meta: (meta.uid, meta.finalizers))


def labelled(selector: str) -> Predicate:
    """Return whether the object, before or after, has the labels that a selector such as `tier=web` asks for."""
    wanted = parse_label_selector(selector)
    return lambda change: any(
        wanted.matches(obj.metadata.labels) for obj in (change.old, change.new) if obj is not None
    )


def any_of(*predicates: Predicate) -> Predicate:
    """Return whether one of them holds."""
    return lambda change: any(holds(change) for holds in predicates)


def all_of(*predicates: Predicate) -> Predicate:
    """Return whether every one of them holds."""
    return lambda change: all(holds(change) for holds in predicates)


def _differs(change: Change[KubeObject], part: Callable[[ObjectMeta], object]) -> bool:
    """Whether a part of the metadata is another; what is new or gone always is."""
    states: Iterable[KubeObject | None] = (change.old, change.new)
    found = [part(obj.metadata) for obj in states if obj is not None]
    return len(found) == 1 or found[0] != found[1]
