"""What was broken on purpose: whom a rule ails, and that it ends when it is lifted."""

import msgspec

from kubewright.twin.kubelet.faults import (
    LIVENESS,
    READINESS,
    ContainerTrouble,
    Faults,
    NodeTrouble,
    OnContainers,
    OnNodes,
    image_like,
    node_named,
    pod_like,
)
from tests.unit.twin.controllers.build import pod

POD = pod("web-1")
(MAIN,) = POD.spec.containers


def test_a_rule_ails_whom_it_matches_until_it_is_lifted():
    faults = Faults()
    faults.inject("a", OnContainers(image_like("web:*"), ContainerTrouble(pull_error="not found")))
    other = msgspec.structs.replace(MAIN, image="api:1")
    assert faults.of_container(POD, MAIN).pull_error == "not found"
    assert not faults.of_container(POD, other).pull_error
    faults.lift("a")
    assert faults.of_container(POD, MAIN) == ContainerTrouble()


def test_several_rules_ail_at_once():
    faults = Faults()
    slow = ContainerTrouble(start_seconds=3, failing_probes=frozenset({LIVENESS}))
    faults.inject("a", OnContainers(pod_like("web-*"), slow))
    late = ContainerTrouble(start_seconds=4, exit_after_seconds=60, exit_code=2, failing_probes=frozenset({READINESS}))
    faults.inject("b", OnContainers(pod_like("*"), late))
    faults.inject("c", OnContainers(pod_like("*"), ContainerTrouble(exit_after_seconds=5, exit_code=9)))
    assert faults.of_container(POD, MAIN) == ContainerTrouble(
        start_seconds=7, exit_after_seconds=5, exit_code=9, failing_probes=frozenset({LIVENESS, READINESS})
    )


def test_a_node_is_silent_for_any_of_several_reasons():
    faults = Faults()
    faults.inject("slow", OnNodes(node_named("n1"), NodeTrouble(slowness=4)))
    assert not faults.of_node("n1").silent
    for name, trouble in (("a", NodeTrouble(down=True)), ("b", NodeTrouble(partitioned=True))):
        faults.inject(name, OnNodes(node_named("n1"), trouble))
    faults.lift("a")
    assert faults.of_node("n1") == NodeTrouble(partitioned=True, slowness=4)
    assert faults.of_node("n1").silent
    assert not faults.of_node("n2").silent


def test_a_rule_replaces_its_namesake_whatever_it_is_about():
    faults = Faults()
    faults.inject("a", OnNodes(node_named("n1"), NodeTrouble(hung=True)))
    faults.inject("a", OnContainers(pod_like("*"), ContainerTrouble(start_seconds=1)))
    assert not faults.of_node("n1").silent
    assert faults.of_container(POD, MAIN).start_seconds == 1


def test_a_copy_is_independent():
    faults = Faults()
    faults.inject("a", OnNodes(node_named("n1"), NodeTrouble(hung=True)))
    copy = faults.copy()
    faults.lift("a")
    assert copy.of_node("n1").hung
    assert faults.lift("a") is None
