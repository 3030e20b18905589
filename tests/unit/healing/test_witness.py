"""What follows from what witnesses say, and from how long."""

import pytest

from kubewright.healing.witness import State, judge
from kubewright.signals.signal import Fault, Signal, Witness

HEARD_AT = 1000.0
F = Fault


def said(*faults):
    return [Signal(fault, fault, None, f"{fault}!", HEARD_AT, Witness.LEASE, "n1") for fault in faults]


@pytest.mark.parametrize(
    ("faults", "seconds", "state"),
    [
        ([], 500, State.HEARD),
        ([F.NODE_NOT_READY], 500, State.HEARD),
        ([F.NODE_SILENT], 5000, State.SUSPECT),
        ([F.NODE_SILENT, F.KUBELET_UNREACHABLE], 51, State.SUSPECT),
        ([F.NODE_SILENT, F.KUBELET_UNREACHABLE], 52, State.DEAD),
        ([F.NODE_SILENT, F.NODE_UNREACHED], 52, State.DEAD),
        ([F.NODE_SILENT, F.KUBELET_UNREACHABLE, F.NODE_UNREACHED], 52, State.DEAD),
        ([F.NODE_SILENT, F.KUBELET_UNREACHABLE, F.NODE_REACHED], 52, State.CUT_OFF),
        ([F.NODE_SILENT, F.NODE_REACHED], 500, State.SUSPECT),
        ([F.KUBELET_UNREACHABLE, F.NODE_UNREACHED], 500, State.HEARD),
        ([F.NODE_SILENT, F.KUBELET_MUTE], 59, State.SUSPECT),
        ([F.NODE_SILENT, F.KUBELET_MUTE], 60, State.HUNG),
        ([F.NODE_SILENT, F.KUBELET_MUTE, F.NODE_UNREACHED], 500, State.HUNG),
        ([F.NODE_SILENT, F.KUBELET_ANSWERS], 30, State.SUSPECT),
        ([F.NODE_SILENT, F.KUBELET_ANSWERS, F.NODE_UNREACHED], 500, State.UNHEARD),
    ],
)
def test_two_of_three_for_long_enough_and_whoever_answers_lives(faults, seconds, state):
    assert judge(said(*faults), HEARD_AT + seconds).state is state


def test_a_verdict_names_its_witnesses_and_since_when():
    found = judge(said(F.NODE_UNREACHED, F.NODE_SILENT, F.CRASH_LOOP), HEARD_AT + 60)
    assert found.evidence == ("NodeSilent!", "NodeUnreached!")
    assert found.fingerprints == {"NodeSilent", "NodeUnreached"}
    assert found.since == HEARD_AT
