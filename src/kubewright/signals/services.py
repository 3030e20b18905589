"""A suspicion about services: one that leads nowhere. Pure.

By itself that is no fault: its application may have been scaled to nothing. Whoever knows the pods can tell.
"""

from __future__ import annotations

from kubewright.api.core import SERVICES
from kubewright.api.discovery import EndpointSlice
from kubewright.api.meta import ObjectKey
from kubewright.signals.signal import Fault, Signal, Witness, fingerprint_of


def leads_nowhere(found: EndpointSlice, now: float) -> Signal | None:
    """Return the suspicion of a slice in which nobody takes requests."""
    if not found.service_name or any(each.conditions.ready is not False for each in found.endpoints or ()):
        return None
    about = SERVICES, ObjectKey(found.metadata.namespace, found.service_name)
    fingerprint = fingerprint_of(Fault.NO_ENDPOINTS, about, found.metadata.name)
    text = "it leads to no pod that takes requests"
    return Signal(fingerprint, Fault.NO_ENDPOINTS, about, text, now, Witness.CONTROLLER)
