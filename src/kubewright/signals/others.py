"""Signs of trouble in rollouts, and what only events tell. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubewright.api.apps import DEPLOYMENTS, Deployment
from kubewright.api.core import NODES, PODS, Event
from kubewright.api.meta import ObjectMeta, PartialObject, Resource, seconds_of
from kubewright.api.volumes import CLAIMS
from kubewright.signals.signal import Fault, Witness
from kubewright.signals.signs import Sign, Subject

OF_NOTE = frozenset(
    {
        # Of nodes, by their kubelets and by node-problem-detector.
        "SystemOOM",
        "OOMKilling",
        "Rebooted",
        "KernelOops",
        "TaskHung",
        "FilesystemIsReadOnly",
        "ContainerGCFailed",
        "FreeDiskSpaceFailed",
        "EvictionThresholdMet",
        # Of pods and their volumes.
        "FailedMount",
        "FailedAttachVolume",
        "FailedCreatePodSandBox",
        "NetworkNotReady",
        "VolumeResizeFailed",
        "ProvisioningFailed",
    }
)
"""Reasons of warnings that no condition and no status repeats."""
_KINDS: dict[str, Resource[Any]] = {each.kind: each for each in (NODES, PODS, CLAIMS)}
_RECENT_SECONDS = 300.0
"""What is not said again for so long has passed."""


def of_deployment(deployment: Deployment) -> Iterator[Sign]:
    """Yield the signs of a rollout that does not get on."""
    subject = Subject(DEPLOYMENTS, deployment)
    for each in deployment.status.conditions:
        since = seconds_of(each.last_transition_time)
        if each.type == "Progressing" and each.status == "False":
            yield subject.sign(Fault.ROLLOUT_STUCK, f"{each.reason}: {each.message}", since, Witness.CONTROLLER)
        elif each.type == "ReplicaFailure" and each.status == "True":
            text = f"its pods may not be made: {each.message}"
            yield subject.sign(Fault.PODS_REFUSED, text, since, Witness.CONTROLLER)


def of_event(event: Event) -> Iterator[Sign]:
    """Yield what an event of note says of its object, as long as it is said."""
    about = event.involved_object
    resource = _KINDS.get(about.kind)
    if resource is None or event.reason not in OF_NOTE:
        return
    first = seconds_of(event.event_time or event.first_timestamp)
    told_again = event.series.last_observed_time if event.series is not None else event.last_timestamp
    until = max(first, seconds_of(told_again)) + _RECENT_SECONDS
    place = about.namespace if resource.namespaced else ""
    named = PartialObject(metadata=ObjectMeta(name=about.name, namespace=place, uid=about.uid))
    subject = Subject(resource, named, event.source.host)
    text = f"{event.reason}: {event.message}"
    yield subject.sign(Fault.NOTED, text, first, Witness.EVENT, part=event.reason, until=until)
