"""Diagnosis: what explains what, whatever the order in which it was told."""

import random

from kubewright.api.apps import Deployment, ReplicaSet
from kubewright.api.core import NODES, PODS, Node, Pod
from kubewright.api.meta import ObjectKey, ObjectMeta, OwnerReference
from kubewright.api.pods import PodSpec
from kubewright.healing.diagnose import UNEXPLAINED, diagnose, top_of
from kubewright.healing.finding import Cause, Finding, Level
from kubewright.healing.seen import seen_of
from kubewright.signals.signal import Fault, Signal, Witness

NOW = 10_000.0


def owned(kind, name, uid):
    return (OwnerReference(kind=kind, name=name, uid=uid, controller=True),)


def cluster():
    """Two nodes; a fleet with a pod on each."""
    fleet = Deployment(metadata=ObjectMeta(name="web", namespace="shop", uid="d"))
    own = ObjectMeta(name="web-1", namespace="shop", uid="r", owner_references=owned("Deployment", "web", "d"))
    pods = [
        Pod(
            metadata=ObjectMeta(
                name=f"web-1-{i}", namespace="shop", uid=f"p{i}", owner_references=owned("ReplicaSet", "web-1", "r")
            ),
            spec=PodSpec(node_name=f"n{i}"),
        )
        for i in range(2)
    ]
    nodes = [Node(metadata=ObjectMeta(name=f"n{i}", uid=f"n{i}")) for i in range(2)]
    return seen_of(fleet, ReplicaSet(metadata=own), *pods, *nodes)


def of_pod(i, fault=Fault.NOT_READY, since=NOW - 100):
    key = ObjectKey("shop", f"web-1-{i}")
    return Signal(f"{fault}/{key}", fault, (PODS, key), "it is not ready", since, Witness.KUBELET, f"n{i}")


def of_node(i, fault=Fault.NODE_NOT_READY, since=NOW - 100):
    key = ObjectKey("", f"n{i}")
    return Signal(f"{fault}/{key}", fault, (NODES, key), "it is not ready", since, Witness.CONTROLLER, f"n{i}")


def cause(name, level, *faults, only=None):
    """An entry that takes all signals of its faults for explained, and besides those of a node's pods."""

    def detect(case):
        found = case.of(*faults)
        if not found or (only and case.about.key.name != only):
            return None
        explains = case.signals if level is Level.NODE else found
        return Finding(name, case.about, (), frozenset(each.fingerprint for each in explains), NOW - 100)

    return Cause(name, level, name, frozenset(faults), detect, ())


DEAD = cause("NodeDead", Level.NODE, Fault.NODE_NOT_READY)
SICK = cause("Sick", Level.WORKLOAD, Fault.NOT_READY)
CRASH = cause("Crash", Level.WORKLOAD, Fault.CRASH_LOOP)


def told(causes, *signals, seen=None):
    return diagnose(causes, signals, seen or cluster(), NOW).findings


def names(findings):
    return sorted((each.cause, str(each.about)) for each in findings)


def test_a_dead_node_is_one_finding_and_its_pods_need_none_of_their_own():
    assert names(told((SICK, DEAD), of_pod(0), of_node(0))) == [("NodeDead", "Node/n0")]


def test_pods_elsewhere_still_have_a_cause_of_their_own():
    found = told((DEAD, SICK), of_pod(0), of_pod(1), of_node(0))
    assert names(found) == [("NodeDead", "Node/n0"), ("Sick", "Deployment/shop/web")]


def test_pods_of_one_workload_are_one_finding():
    (found,) = told((SICK,), of_pod(0), of_pod(1))
    assert (found.cause, len(found.explains)) == ("Sick", 2)


def test_two_things_may_be_wrong_with_one_workload():
    assert names(told((SICK, CRASH), of_pod(0), of_pod(1, Fault.CRASH_LOOP))) == [
        ("Crash", "Deployment/shop/web"),
        ("Sick", "Deployment/shop/web"),
    ]


def test_the_first_entry_of_the_catalogue_wins():
    special = cause("Special", Level.WORKLOAD, Fault.NOT_READY)
    assert names(told((special, SICK), of_pod(0))) == [("Special", "Deployment/shop/web")]


def test_the_order_in_which_signals_came_means_nothing():
    signals = [of_pod(0), of_pod(1), of_node(0), of_pod(1, Fault.CRASH_LOOP)]
    expected = told((DEAD, SICK, CRASH), *signals)
    for seed in range(10):
        shuffled = random.Random(seed).sample(signals, len(signals))
        assert told((DEAD, SICK, CRASH), *shuffled) == expected


def test_what_nothing_explains_is_told_of_once_it_has_lasted():
    assert names(told((), of_pod(0, since=NOW - 20), of_pod(1, since=NOW - 20))) == [
        (UNEXPLAINED, "Deployment/shop/web")
    ]
    assert told((), of_pod(0, since=NOW - 5)) == []


def test_what_an_entry_may_yet_explain_is_given_longer():
    nothing = cause("Nothing", Level.WORKLOAD, Fault.NOT_READY, only="another")
    assert told((nothing,), of_pod(0, since=NOW - 20)) == []
    assert names(told((nothing,), of_pod(0, since=NOW - 100))) == [(UNEXPLAINED, "Deployment/shop/web")]


def test_suspicions_alone_are_nothing():
    assert told((), of_pod(0, Fault.NO_NODE)) == []


def test_a_detector_that_fails_is_told_and_the_others_go_on():
    def fail(_):
        raise ValueError("a bug")

    broken = Cause("Broken", Level.WORKLOAD, "", frozenset({Fault.NOT_READY}), fail, ())
    found = diagnose((broken, SICK), [of_pod(0)], cluster(), NOW)
    assert found.broken == {"Broken": "ValueError: a bug"}
    assert names(found.findings) == [("Sick", "Deployment/shop/web")]


def test_a_pod_that_is_gone_is_a_case_of_its_own():
    lost = Signal("x", Fault.NOT_READY, (PODS, ObjectKey("shop", "gone")), "", NOW, Witness.KUBELET)
    assert str(top_of(lost, cluster())) == "Pod/shop/gone"
    assert str(top_of(of_pod(0), cluster())) == "Deployment/shop/web"
