"""Who reaches whom."""

import pytest

from kubewright.twin.faults.decide import Cluster, decide
from kubewright.twin.faults.network import CUT, FREE, Link, link
from tests.unit.twin.faults.build import NOW, fault, node, pod

WEB, DB, OTHER = (pod(name, node=where, app=name) for name, where in (("web", "n1"), ("db", "n2"), ("other", "n1")))
CLUSTER = Cluster((node("n1"), node("n2")), (WEB, DB, OTHER))
OF_WEB = {"pods": {"labelSelector": {"matchLabels": {"app": "web"}}}}
TO_DB = {"to": {"labelSelector": {"matchLabels": {"app": "db"}}}}


def in_force(*faults):
    return decide(faults, CLUSTER, NOW).in_force


def test_without_faults_everybody_reaches_everybody():
    assert link(in_force(), WEB, DB) == FREE


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"type": "NetworkPartition", "networkPartition": TO_DB}, CUT),
        ({"type": "NetworkDelay", "networkDelay": {"milliseconds": 100, **TO_DB}}, Link(0.1)),
        ({"type": "NetworkLoss", "networkLoss": {"percent": 25, **TO_DB}}, Link(loss=0.25)),
    ],
    ids=["cut", "delayed", "lossy"],
)  # fmt: skip
def test_a_fault_is_between_its_two_sides_both_ways_and_nowhere_else(spec, expected):
    found = in_force(fault(target=OF_WEB, **spec))
    assert link(found, WEB, DB) == link(found, DB, WEB) == expected
    assert link(found, WEB, OTHER) == link(found, OTHER, DB) == FREE


def test_without_another_side_the_pods_are_cut_from_everybody():
    found = in_force(fault(type="NetworkPartition", target=OF_WEB))
    assert link(found, WEB, OTHER).is_cut
    assert not link(found, OTHER, DB).is_cut


def test_faults_on_one_way_add_up():
    delay = fault("a", type="NetworkDelay", target=OF_WEB, networkDelay={"milliseconds": 100})
    more = fault("b", type="NetworkDelay", target={"pods": {"names": ["db"]}}, networkDelay={"milliseconds": 50})
    losses = [fault(name, type="NetworkLoss", target=OF_WEB, networkLoss={"percent": 50}) for name in "cd"]
    found = link(in_force(delay, more, *losses), WEB, DB)
    assert found.delay_seconds == pytest.approx(0.15)
    assert found.loss == pytest.approx(0.75)


@pytest.mark.parametrize("type_", ["NodePartitioned", "NodeDown"])
def test_pods_of_a_node_that_is_cut_off_are_reached_from_that_node_alone(type_):
    found = in_force(fault(type=type_, target={"nodes": {"names": ["n1"]}}))
    assert link(found, WEB, DB).is_cut
    assert link(found, WEB, OTHER) == FREE
