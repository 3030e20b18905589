"""Tells of signals where people look: as Events on the objects they are about. `app.py` hands it to `SignalsIn`."""

from __future__ import annotations

from kubewright.runtime.events import EventRecorder
from kubewright.signals.signal import Fault, Signal, Witness

COMPONENT = "kubewright-monitoring"


class ObjectTeller:
    """Writes an Event on the object that a signal is about, so that `kubectl describe` shows it.

    Of what the API tells already only silence is new there.
    """

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    async def handle(self, signal: Signal) -> None:
        """Record that it holds, or that it has ended."""
        if signal.about is None or not (signal.witness is Witness.ALERT or signal.fault == Fault.NODE_SILENT):
            return
        resource, key = signal.about
        if signal.ended:
            said = f"No longer: {signal.evidence}"
            self._recorder.record(key, resource, "Normal", f"{signal.fault}Resolved", said)
        else:
            self._recorder.record(key, resource, "Warning", signal.fault, signal.evidence)
