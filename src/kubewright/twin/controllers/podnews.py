"""News of pods for the controllers that own pods: whom to look at again, and which expectations are met.

ReplicaSets, ReplicationControllers, DaemonSets, StatefulSets and Jobs all listen to the one informer of pods by this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kubewright.api.core import Pod
from kubewright.api.meta import KubeObject, ObjectKey, Resource, controller_of
from kubewright.api.selectors import LabelSelector
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.workqueue import LOW_PRIORITY, WorkQueue
from kubewright.twin.controllers.expectations import Expectations

O = TypeVar("O", bound=KubeObject)  # noqa: E741  the owner

GATHER_SECONDS = 0.1
"""For controllers that count their pods at every turn and may have thousands: how long pods that only became more or
less ready wait for others to be counted with. A real controller, which may write some twenty times a second, is not as
quick with many of them."""


def digest(pod: Pod) -> tuple[Any, ...]:
    """Return what of a pod its owner's count depends on."""
    metadata = pod.metadata
    return (
        pod.is_ready,
        pod.status.phase,
        pod.is_terminating,
        metadata.labels,
        metadata.owner_references,
        metadata.finalizers,
    )


@dataclass(frozen=True, slots=True)
class PodNews(Generic[O]):
    """Turns what happened to pods into owners of one kind to look at, and into expectations met."""

    owners: Informer[O]
    resource: Resource[O]
    selector: Callable[[O], LabelSelector]
    queue: WorkQueue[ObjectKey]
    expected: Expectations[ObjectKey]
    gather_seconds: float = 0.0

    def __call__(self, change: Change[Pod]) -> None:
        """Take one change; a pod that was replaced by a namesake counts as gone and as new."""
        old, new = change.old, change.new
        if old is not None and new is not None and old.metadata.uid != new.metadata.uid:
            self._gone(old)
            self._new(new, initial=False)
        elif old is None and new is not None:
            self._new(new, initial=change.initial)
        elif new is None and old is not None:
            self._gone(old)
        elif old is not None and new is not None and self._concerns(old, new) and digest(old) != digest(new):
            self._changed(old, new)

    def _concerns(self, old: Pod, new: Pod) -> bool:
        """Tell whether a pod is or was of this kind of owners, or of none: most are other controllers'."""
        owner = controller_of(new)
        if owner is None or owner.kind == self.resource.kind:
            return True
        before = controller_of(old)
        return before is None or before.kind == self.resource.kind

    def _new(self, pod: Pod, *, initial: bool) -> None:
        key = self._owner(pod)
        if key is None:
            self._offer(pod)
            return
        self.expected.saw_created(key)
        if pod.is_terminating:
            self.expected.saw_deleted(key, pod.metadata.uid)
        self.queue.add(key, priority=LOW_PRIORITY if initial else 0)

    def _gone(self, pod: Pod) -> None:
        key = self._owner(pod)
        if key is not None:
            self.expected.saw_deleted(key, pod.metadata.uid)
            self.queue.add(key)

    def _changed(self, old: Pod, new: Pod) -> None:
        for key in dict.fromkeys((self._owner(old), self._owner(new))):
            if key is None:
                continue
            if new.is_terminating:
                self.expected.saw_deleted(key, new.metadata.uid)
            self.queue.add(key, after_seconds=self.gather_seconds if _is_as_wanted(old, new) else 0.0)
        if self._owner(new) is None:
            self._offer(new)

    def _offer(self, pod: Pod) -> None:
        """Tell every owner that might adopt a pod that has none."""
        if controller_of(pod) is not None or not pod.metadata.labels:
            return
        for owner in self.owners.index.values():
            same_namespace = owner.metadata.namespace == pod.metadata.namespace
            if same_namespace and self.selector(owner).matches(pod.metadata.labels):
                self.queue.add(owner.key)

    def _owner(self, pod: Pod) -> ObjectKey | None:
        owner = controller_of(pod)
        if owner is None or owner.kind != self.resource.kind or owner.api_version != self.resource.api_version:
            return None
        return ObjectKey(pod.metadata.namespace, owner.name)


def _is_as_wanted(old: Pod, new: Pod) -> bool:
    """Tell whether a changed pod is still one that its owner has and does nothing about but count."""
    same = old.metadata.labels == new.metadata.labels and old.metadata.owner_references == new.metadata.owner_references
    return same and not new.is_terminating and not new.is_finished
