"""Hears of trouble: the applications' pods, and the events that say what pods do not."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from kubewright.api.core import EVENTS, Event
from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import ObjectKey
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.operators import Operator, Watch
from kubewright.workloads.children import MANAGED_BY, MANAGED_BY_LABEL, NAME_LABEL
from kubewright.workloads.kinds import CHILD_JOBS, CHILD_STATEFUL_SETS
from kubewright.workloads.troubles import APP_PODS, AppPod, Trouble, of_creation, of_pod, worst

_BY_APP, _BY_SUBJECT = "app", "subject"
_MAKERS = (CHILD_STATEFUL_SETS.kind, CHILD_JOBS.kind)
"""Who makes pods and tells by events alone that it may not; a Deployment has a condition for it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """The caches of what tells of trouble."""

    pods: Informer[AppPod]
    mounts: Informer[Event]
    creations: Informer[Event]

    @classmethod
    def of(cls, operator: Operator) -> Listener:
        """Watch the pods that bear our label, and the two kinds of events."""
        return cls(
            operator.informer(
                APP_PODS, label_selector=f"{MANAGED_BY_LABEL}={MANAGED_BY}", indexers={_BY_APP: _apps_of_pod}
            ),
            operator.informer(EVENTS, field_selector="reason=FailedMount", indexers={_BY_SUBJECT: _subject_of}),
            operator.informer(EVENTS, field_selector="reason=FailedCreate", indexers={_BY_SUBJECT: _subject_of}),
        )

    def watches(self) -> tuple[Watch[Any], ...]:
        """Return what queues an AppService when there is news of trouble."""
        return (
            Watch(self.pods, _apps_of_pod, when=_in_other_trouble),
            Watch(self.mounts, self._apps_of_mount),
            Watch(self.creations, _apps_of_creation),
        )

    def of_pods(self, app: AppService) -> Trouble | None:
        """Return what is wrong with the application's pods."""
        pods = self.pods.index.by(_BY_APP, app.key)
        return worst(trouble for pod in pods if (trouble := self._of_pod(pod)) is not None)

    def of_creation(self, app: AppService) -> Trouble | None:
        """Return why pods of a stateful application or of a job were refused, when they last were."""
        events = (event for kind in _MAKERS for event in self.creations.index.by(_BY_SUBJECT, (kind, app.key)))
        last = max(events, key=lambda event: event.last_timestamp or event.event_time or "", default=None)
        return of_creation(last.message) if last is not None else None

    def _of_pod(self, pod: AppPod) -> Trouble | None:
        return of_pod(pod, self.mounts.index.by(_BY_SUBJECT, ("Pod", pod.key)))

    def _apps_of_mount(self, event: Event) -> Iterable[ObjectKey]:
        subject = event.involved_object
        pod = self.pods.index.get(ObjectKey(subject.namespace, subject.name)) if subject.kind == "Pod" else None
        return () if pod is None else _apps_of_pod(pod)


def _apps_of_pod(pod: AppPod) -> Iterable[ObjectKey]:
    name = pod.metadata.labels.get(NAME_LABEL)
    return (ObjectKey(pod.metadata.namespace, name),) if name else ()


def _apps_of_creation(event: Event) -> Iterable[ObjectKey]:
    subject = event.involved_object
    return (ObjectKey(subject.namespace, subject.name),) if subject.kind in _MAKERS else ()


def _subject_of(event: Event) -> Iterable[Hashable]:
    subject = event.involved_object
    return ((subject.kind, ObjectKey(subject.namespace, subject.name)),)


def _in_other_trouble(change: Change[AppPod]) -> bool:
    """Whether a pod got into trouble, out of it, or into another: all else its workload's status tells."""
    before, after = (None if pod is None else of_pod(pod) for pod in (change.old, change.new))
    return before != after
