"""What signs are, of which objects, and when they become signals and end."""

from dataclasses import replace

import msgspec
import pytest

from kubewright.api.apps import Deployment
from kubewright.api.core import Event, Node
from kubewright.signals.nodes import of_node
from kubewright.signals.others import of_deployment, of_event
from kubewright.signals.pods import SeenPod, of_pod
from kubewright.signals.signal import Fault, Signal, Standing, Witness
from kubewright.signals.signs import Sign, at

NOON = 1_893_499_200.0


def clock(seconds):
    minutes, rest = divmod(seconds, 60)
    return f"2030-01-01T12:{minutes:02}:{rest:02}Z"


def container(name="main", *, ready=False, restarts=0, last=None, **state):
    found = {"name": name, "ready": ready, "restartCount": restarts, "state": state}
    return found | ({"lastState": {"terminated": last}} if last else {})


def ended(start, end, code=1, reason="Error"):
    return {"startedAt": clock(start), "finishedAt": clock(end), "exitCode": code, "reason": reason}


KILLED = ended(0, 100, 137, "OOMKilled")


def running(since=0):
    return {"startedAt": clock(since)}


def pod(*containers, phase="Running", ready=None, owner="", deleted=None, **status):
    conditions = [] if ready is None else [{"type": "Ready", "status": "False", "lastTransitionTime": clock(ready)}]
    owners = [{"apiVersion": "batch/v1", "kind": owner, "name": "o", "uid": "u", "controller": True}] if owner else []
    metadata = {"name": "web", "namespace": "shop", "uid": "1", "ownerReferences": owners}
    metadata |= {"deletionTimestamp": clock(deleted)} if deleted is not None else {}
    status |= {"phase": phase, "startTime": clock(0), "conditions": conditions, "containerStatuses": list(containers)}
    return msgspec.convert({"metadata": metadata, "spec": {"nodeName": "n1"}, "status": status}, SeenPod)


def holds(signs, seconds):
    return sorted(signal.fault for signal in at(signs, {}, NOON + seconds).signals.values())


@pytest.mark.parametrize(
    ("found", "seconds", "faults"),
    [
        (pod(container(running=running(), ready=True)), 30, []),
        (pod(container(waiting={"reason": "ContainerCreating"}), phase="Pending"), 300, []),
        (pod(container(waiting={"reason": "ErrImagePull"}), phase="Pending"), 0, [Fault.IMAGE_NOT_PULLED]),
        (pod(container(waiting={"reason": "CreateContainerConfigError"})), 0, [Fault.CANNOT_START]),
        (pod(container(restarts=1, last=ended(0, 1), waiting={"reason": "CrashLoopBackOff"})), 2, [Fault.CRASH_LOOP]),
        (pod(container(restarts=2, last=ended(0, 1), running=running(11))), 30, [Fault.CRASH_LOOP]),
        (pod(container(restarts=2, last=ended(0, 1), running=running(11))), 72, []),
        (pod(container(restarts=1, last=ended(0, 1), running=running(2), ready=True)), 3, []),
        (pod(container(restarts=2, last=ended(0, 100), running=running(111), ready=True)), 112, []),
        (pod(container(restarts=2, last=ended(0, 1, 0), running=running(11), ready=True)), 12, []),
        (
            pod(container(restarts=1, last=KILLED, running=running(101))),
            102,
            [Fault.OUT_OF_MEMORY],
        ),
        (pod(container(restarts=1, last=KILLED, running=running(101))), 701, []),
        (pod(container(running=running()), ready=100), 100, [Fault.NOT_READY]),
        (pod(container(running=running(5)), ready=0), 34, []),
        (pod(container(running=running(5)), ready=0), 500, [Fault.SLOW_START]),
        (pod(container(running=running(5)), ready=0), 605, [Fault.NOT_READY, Fault.SLOW_START]),
        (pod(container(running=running(60), restarts=1, last=ended(0, 59, 0)), ready=59), 100, []),
        (pod(container(running=running(60), restarts=1, last=ended(0, 59, 0)), ready=59), 121, [Fault.NOT_READY]),
        (pod(phase="Failed", reason="Evicted"), 0, [Fault.POD_FAILED]),
        (pod(phase="Failed", owner="Job"), 0, []),
        (pod(phase="Succeeded"), 900, []),
        (pod(container(running=running()), ready=100, deleted=120), 140, []),
        (pod(container(running=running()), ready=100, deleted=120), 150, [Fault.STUCK_TERMINATING]),
    ],
)
def test_a_pod_has_the_signals_that_its_status_gives_at_the_time(found, seconds, faults):
    assert holds(of_pod(found), seconds) == sorted(faults)


def node(*conditions, made=0):
    said = [{"type": name, "status": status, "lastTransitionTime": clock(since)} for name, status, since in conditions]
    metadata = {"name": "n1", "uid": "1", "creationTimestamp": clock(made)}
    return msgspec.convert({"metadata": metadata, "status": {"conditions": said}}, Node)


@pytest.mark.parametrize(
    ("found", "seconds", "faults"),
    [
        (node(("Ready", "True", 0), ("DiskPressure", "False", 0)), 60, []),
        (node(("Ready", "False", 0)), 60, []),
        (node(("Ready", "False", 0)), 121, [Fault.NODE_NOT_READY]),
        (node(("Ready", "False", 300)), 300, [Fault.NODE_NOT_READY]),
        (node(("Ready", "Unknown", 300)), 300, [Fault.NODE_NOT_READY]),
        (node(("Ready", "True", 0), ("KernelDeadlock", "True", 9)), 9, [Fault.NODE_CONDITION]),
        (node(("AcceleratedHardwareReady", "False", 9)), 9, [Fault.NODE_CONDITION]),
        (node(("AcceleratedHardwareReady", "True", 9)), 9, []),
    ],
)
def test_a_node_has_the_signals_that_its_conditions_give(found, seconds, faults):
    assert holds(of_node(found, None), seconds) == faults


def test_whose_word_it_is_that_a_node_is_not_ready_is_said():
    assert [each.signal.witness for each in of_node(node(("Ready", "False", 9)), None)] == [Witness.KUBELET]
    assert [each.signal.witness for each in of_node(node(("Ready", "Unknown", 9)), None)] == [Witness.CONTROLLER]
    assert [each.signal.witness for each in of_node(node(), NOON)] == [Witness.LEASE]


@pytest.mark.parametrize(
    ("type_", "status", "faults"),
    [
        ("Progressing", "False", [Fault.ROLLOUT_STUCK]),
        ("ReplicaFailure", "True", [Fault.PODS_REFUSED]),
        ("Available", "False", []),
    ],
)
def test_a_deployment_has_the_signals_that_its_conditions_give(type_, status, faults):
    conditions = [{"type": type_, "status": status, "lastTransitionTime": clock(1)}]
    found = {"metadata": {"name": "web", "namespace": "shop"}, "status": {"conditions": conditions}}
    assert holds(of_deployment(msgspec.convert(found, Deployment)), 1) == faults


def event(reason, kind="Pod", **more):
    about = {"kind": kind, "namespace": "shop", "name": "web", "uid": "1"}
    times = {"firstTimestamp": clock(0), "lastTimestamp": clock(60)}
    return msgspec.convert({"involvedObject": about, "reason": reason, "type": "Warning", **times, **more}, Event)


@pytest.mark.parametrize(
    ("found", "seconds", "faults"),
    [
        (event("FailedMount"), 0, [Fault.NOTED]),
        (event("FailedMount"), 359, [Fault.NOTED]),
        (event("FailedMount"), 360, []),
        (event("FailedMount", series={"lastObservedTime": clock(600)}), 800, [Fault.NOTED]),
        (event("Rebooted", kind="Node"), 0, [Fault.NOTED]),
        (event("BackOff"), 0, []),
        (event("FailedMount", kind="Widget"), 0, []),
    ],
)
def test_an_event_is_heeded_when_it_is_of_note_as_long_as_it_is_said(found, seconds, faults):
    assert holds(of_event(found), seconds) == faults


@pytest.mark.parametrize("text", ["", "yesterday", "9999-99-99T00:00:00Z"])
def test_a_time_that_is_none_does_no_harm(text):
    found = msgspec.structs.replace(event("FailedMount"), first_timestamp=text, last_timestamp=text)
    assert holds(of_event(found), 0) == []


def test_what_is_seen_counts_after_its_time_even_if_the_clock_that_dates_it_is_ahead():
    signal = Signal("f", "F", None, "", NOON + 3600, Witness.KUBELET)
    first = at([Sign(signal, lasts_seconds=10)], {}, NOON)
    assert (first.signals, first.look_again_at) == ({}, NOON + 10)
    signs = [Sign(signal, lasts_seconds=10)]
    second = at(signs, first.seen, NOON + 10)
    assert second.signals == at(signs, second.seen, NOON + 11).signals == {"f": signal}


def test_a_pod_that_takes_the_time_it_was_given_to_end_is_not_stuck():
    signs = list(of_pod(pod(container(running=running()), deleted=300)))
    first = at(signs, {}, NOON)
    later = [at(signs, first.seen, NOON + seconds).signals for seconds in (200, 329, 330)]
    assert [len(each) for each in later] == [0, 0, 1]
    assert first.look_again_at == NOON + 330


def test_signals_are_told_once_each_time_and_kept_until_their_end_was_seen():
    holding = Signal("f", "F", None, "", NOON, Witness.KUBELET)
    standing = Standing(most=1)
    assert standing.take([holding, holding], 0.0) == (["f"], 0)
    assert standing.take([replace(holding, fingerprint="g")], 0.0) == ([], 1)
    assert standing.take([replace(holding, ended=True)], 0.0) == (["f"], 0)
    standing.forget(holding)
    assert len(standing) == 1, "its end has not been seen"
    standing.forget(standing.get("f"))
    assert standing.take([replace(holding, ended=True)], 0.0) == ([], 0)
