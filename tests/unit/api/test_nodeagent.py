"""What node agents and the healer say to each other."""

import pytest

from kubewright.api.core import Node, NodeStatus
from kubewright.api.meta import ObjectKey, ObjectMeta
from kubewright.api.nodeagent import (
    QUARANTINED,
    Neighbourhood,
    lease_key,
    node_of,
    quarantined,
    read_neighbours,
    write_neighbours,
    write_quarantined,
)
from kubewright.api.nodes import NodeAddress


def node(name, zone="a", address="10.0.0.1"):
    labels = {"topology.kubernetes.io/zone": zone}
    addresses = (NodeAddress("InternalIP", address),) if address else ()
    return Node(metadata=ObjectMeta(name=name, labels=labels), status=NodeStatus(addresses=addresses))


def cluster(count, zones=3):
    return [node(f"n{number}", f"z{number % zones}") for number in range(count)]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 9, 40])
def test_everybody_is_looked_at_by_others_and_nobody_by_himself(count):
    found = Neighbourhood.of(cluster(count))
    assert set(found.observed) == set(found.observers)
    for name, seen in found.observed.items():
        assert name not in seen
        assert len(seen) == len(set(seen)) == min(count - 1, 3)


def test_two_neighbours_are_of_the_same_zone_where_there_are_enough():
    nodes = cluster(40)
    zones = {each.metadata.name: each.metadata.labels["topology.kubernetes.io/zone"] for each in nodes}
    for name, seen in Neighbourhood.of(nodes).observed.items():
        assert sum(zones[each] == zones[name] for each in seen) >= 2


def test_a_node_that_comes_changes_few_neighbourhoods():
    before, after = Neighbourhood.of(cluster(40)), Neighbourhood.of(cluster(41))
    assert sum(before.observed[name] != after.observed[name] for name in before.observed) <= 6


def test_a_node_without_an_address_is_nobodys_neighbour_and_one_alone_has_none():
    assert Neighbourhood.of([node("a"), node("b", address="")]).observed == {"a": ()}


def test_neighbours_are_read_as_they_are_written():
    assert read_neighbours(write_neighbours({"a": "10.0.0.1", "b": "10.0.0.2"})) == {"a": "10.0.0.1", "b": "10.0.0.2"}
    assert read_neighbours("a,=3,b=,c=1") == {"c": "1"}


def test_leases_of_agents_are_told_from_all_others():
    assert node_of(lease_key("n1")) == "n1"
    assert node_of(ObjectKey("kube-node-lease", "n1")) == ""


def test_gpus_out_of_use_are_read_in_order_and_nonsense_is_none():
    noted = Node(metadata=ObjectMeta(name="n", annotations={QUARANTINED: "3, x,0,-1,3,1000"}))
    assert quarantined(noted) == (0, 3)
    assert write_quarantined((3, 0, 3)) == "0,3"
