"""Addresses of pods."""

from kubewright.api.core import Node, NodeSpec
from kubewright.twin.podips import PodAddresses

NODE = Node(spec=NodeSpec(pod_cidr="10.1.2.0/29"))


def test_each_pod_has_its_own_until_the_range_is_full():
    addresses = PodAddresses()
    given = [addresses.take(NODE, f"u{number}") for number in range(6)]
    assert given == ["10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6", ""]
    addresses.release(NODE, "10.1.2.4")
    assert addresses.take(NODE, "next") == "10.1.2.4"


def test_an_address_that_is_there_is_kept_and_not_given_again():
    addresses = PodAddresses()
    assert addresses.take(NODE, "old", "10.1.2.2") == "10.1.2.2"
    assert addresses.take(NODE, "new") == "10.1.2.3"


def test_a_node_without_a_range_uses_the_common_one():
    addresses = PodAddresses()
    assert addresses.take(Node(), "a") != addresses.take(None, "b")
