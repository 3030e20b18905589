"""Addresses of pods."""

from kubewright.api.core import Node, NodeSpec
from kubewright.twin.podips import PodAddresses

NODE = Node(spec=NodeSpec(pod_cidr="10.1.2.0/29"))


def test_each_pod_has_its_own_until_the_range_is_full():
    addresses = PodAddresses()
    given = [addresses.take(NODE, f"u{number}") for number in range(6)]
    assert given == ["10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6", ""]
    addresses.release("u2")
    assert addresses.take(NODE, "next") == "10.1.2.4"


def test_an_address_that_is_there_is_kept_and_not_given_again():
    addresses = PodAddresses()
    assert addresses.take(NODE, "old", "10.1.2.2") == "10.1.2.2"
    assert addresses.take(NODE, "new") == "10.1.2.3"


def test_a_pod_whose_status_does_not_show_its_address_yet_is_not_given_another():
    addresses = PodAddresses()
    assert addresses.take(NODE, "a") == addresses.take(NODE, "a") == addresses.take(NODE, "a", "10.1.2.2")
    assert addresses.copy().take(NODE, "a") == "10.1.2.2"


def test_the_address_that_a_status_says_is_the_pods():
    addresses = PodAddresses()
    addresses.take(NODE, "a")
    assert addresses.take(NODE, "a", "10.1.2.5") == "10.1.2.5"
    addresses.release("a")
    assert [addresses.take(NODE, each) for each in "bcdef"] == [f"10.1.2.{number}" for number in (3, 4, 5, 6, 2)]


def test_a_node_without_a_range_uses_the_common_one():
    addresses = PodAddresses()
    assert addresses.take(Node(), "a") != addresses.take(None, "b")
