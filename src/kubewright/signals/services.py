"""Signs of trouble in services: one that leads nowhere. Pure.

By itself that is no fault: its application may have been scaled to nothing. Whoever knows the pods can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.core import SERVICES
from kubewright.api.discovery import EndpointSlice
from kubewright.api.meta import ObjectMeta, PartialObject
from kubewright.signals.signal import Fault, Witness
from kubewright.signals.signs import Sign, Subject, seconds

_LASTS_SECONDS = 8.0
"""Pods come and go within a rollout."""


def of_slice(found: EndpointSlice) -> Iterator[Sign]:
    """Yield the sign of a slice in which nobody takes requests."""
    if not found.service_name or any(each.conditions.ready is not False for each in found.endpoints or ()):
        return
    named = PartialObject(metadata=ObjectMeta(name=found.service_name, namespace=found.metadata.namespace))
    text = "it leads to no pod that takes requests"
    # A slice does not say since when: what counts is when it was seen so.
    made_at = seconds(found.metadata.creation_timestamp)
    subject = Subject(SERVICES, named)
    yield subject.sign(
        Fault.NO_ENDPOINTS,
        text,
        made_at,
        Witness.CONTROLLER,
        part=found.metadata.name,
        not_before=made_at + _LASTS_SECONDS,
    )
