"""Signs of trouble in nodes: leases that are not renewed, and conditions. Pure.

A kubelet renews its lease every ten seconds (a quarter of the lease's 40), so one that is three seconds late has missed
a turn, while the cluster's own controller waits until 40 or 50 have passed. Late is suspect, and not dead: a short
partition looks the same, and so does a kubelet that is restarted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubewright.api.core import NODES, Node
from kubewright.api.meta import seconds_of
from kubewright.api.nodeagent import HELD, quarantined
from kubewright.api.nodes import is_to_be_emptied
from kubewright.signals.signal import Fault, Witness
from kubewright.signals.signs import Sign, Subject

RENEW_SECONDS = 10.4
"""A renewal is due every 10, drawn out by up to 4 %."""
SILENT_SECONDS = 13.0
"""It also takes its time."""
MOST_SILENCES = 3
FLAPPING_SECONDS = 900.0
"""Who falls silent so many times within so long flaps, until it has been heard for as long."""
_BOOT_SECONDS = 120.0
"""A node that was never ready may take so long."""
_AT_ONCE = 5.0
_CLOSED_SECONDS = 20.0
"""Whoever empties a node has asked everybody to go by then."""


def of_node(node: Node, heard_at: float | None, silences: Sequence[float] = ()) -> Iterator[Sign]:
    """Yield the signs; `heard_at` is when its lease was last seen to be renewed, by our clock, if that is overdue.

    `silences` are when it became silent of late.
    """
    subject = Subject(NODES, node, node.metadata.name)
    yield from _of_healing(subject, node)
    if is_to_be_emptied(node) and HELD not in node.metadata.annotations:
        text = "it takes no new pods by somebody's will"
        yield subject.sign(Fault.NODE_CLOSED, text, 0.0, Witness.CHANGE, lasts_seconds=_CLOSED_SECONDS)
    if len(silences) == MOST_SILENCES and silences[-1] - silences[0] < FLAPPING_SECONDS:
        text = f"it fell silent {MOST_SILENCES} times within {silences[-1] - silences[0]:.0f} s"
        until = silences[-1] + FLAPPING_SECONDS
        yield subject.sign(Fault.NODE_FLAPS, text, silences[0], Witness.LEASE, until=until)
    if heard_at is not None:
        text = f"its lease is not renewed: a kubelet does that every 10 s, and it is {SILENT_SECONDS:g} s or more"
        yield subject.sign(Fault.NODE_SILENT, text, heard_at, Witness.LEASE)
    made_at = seconds_of(node.metadata.creation_timestamp)
    for each in node.status.conditions:
        since = seconds_of(each.last_transition_time, made_at)
        if each.type == "Ready":
            if each.status != "True":
                witness = Witness.KUBELET if each.status == "False" else Witness.CONTROLLER
                booting = since - made_at < _AT_ONCE
                text = f"it is not ready: {each.reason}: {each.message}".rstrip(": ")
                lasts = _BOOT_SECONDS if booting else 0.0
                yield subject.sign(Fault.NODE_NOT_READY, text, since, witness, lasts_seconds=lasts)
        elif each.status == ("False" if each.type.endswith("Ready") else "True"):
            # Conditions of nodes name what is bad, those of node-problem-detector as well, unless they end in Ready.
            text = f"{each.type}: {each.message or each.reason}"
            yield subject.sign(Fault.NODE_CONDITION, text, since, Witness.KUBELET, part=each.type)


def _of_healing(subject: Subject, node: Node) -> Iterator[Sign]:
    """Yield what the healer has to take back once the node is well."""
    made_at = seconds_of(node.metadata.creation_timestamp)
    held = node.metadata.annotations.get(HELD)
    if held:
        text = f"it takes no new pods for {held}"
        yield subject.sign(Fault.NODE_HELD, text, made_at, Witness.HEALER)
    for gpu in quarantined(node):
        text = f"GPU {gpu} is out of use"
        yield subject.sign(Fault.GPU_OUT_OF_USE, text, made_at, Witness.HEALER, part=str(gpu))
