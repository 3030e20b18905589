"""Groups of pods, placed together or not at all."""

import pytest

from kubewright.placement.fit import fit
from kubewright.placement.gang import Group, GroupFit, GroupRefusal, Together, fit_group, outside
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

ZONE = "zone"


def members(n_pods, cpu="1"):
    return tuple(pod(f"m-{number}", requests={"cpu": cpu}) for number in range(n_pods))


def cluster(**zones):
    """Nodes of 4 cpus: so many in each zone."""
    return ClusterSnapshot.of(
        [node(f"{zone}-{number}", labels={ZONE: zone}) for zone, count in zones.items() for number in range(count)]
    )


def zones(found):
    return [each.node.split("-")[0] for each in found.fits]


def test_all_of_a_gang_have_nodes_or_none_and_nothing_is_booked_either_way():
    snapshot = cluster(a=2)
    found = fit_group(Group(members(8), 8), snapshot, 0)
    assert isinstance(found, GroupFit)
    assert len(found.fits) == 8
    refused = fit_group(Group(members(9), 9), snapshot, 0)
    assert str(refused) == "8 of 9 pods fit: 0/2 nodes are available: 2 Insufficient cpu."
    assert not snapshot.placed


def test_pods_that_a_gang_can_do_without_are_left_over():
    found = fit_group(Group(members(9), 6), cluster(a=2), 0)
    assert len(found.fits) == 8
    assert [each.metadata.name for each, _ in found.left_over] == ["m-8"]


def test_a_group_stays_in_the_tightest_zone_that_holds_it():
    snapshot = cluster(large=4, small=1, middle=2)
    found = fit_group(Group(members(6), 6, Together(ZONE)), snapshot, 0)
    assert set(zones(found)) == {"middle"}


def test_a_group_that_must_be_together_does_not_run_scattered_though_there_is_room():
    refused = fit_group(Group(members(6), 6, Together(ZONE)), cluster(a=1, b=1), 0)
    assert isinstance(refused, GroupRefusal)
    assert str(refused) == (
        "4 of 6 pods fit: 0/2 nodes are available: "
        "2 node(s) in no domain of zone that has room for more than 4 of the pods."
    )


def test_a_group_that_would_rather_be_together_takes_as_few_zones_as_it_can():
    snapshot = cluster(a=1, b=2, c=1, d=1)
    found = fit_group(Group(members(11), 11, Together(ZONE, required=False)), snapshot, 0)
    assert sorted(set(zones(found))) == ["a", "b"]
    assert zones(found).count("b") == 8


def test_one_node_is_filled_before_the_next_when_the_host_is_the_topology():
    together = Together("kubernetes.io/hostname", required=False)
    found = fit_group(Group(members(6), 6, together), cluster(a=5), 0)
    assert len({each.node for each in found.fits}) == 2


def test_whoever_comes_later_goes_where_the_others_are():
    snapshot = cluster(a=1, b=4)
    found = fit_group(Group(members(2), 2, Together(ZONE, domains=frozenset({"b"}))), snapshot, 0)
    assert set(zones(found)) == {"b"}
    refused = fit_group(Group(members(5), 5, Together(ZONE, domains=frozenset({"a"}))), snapshot, 0)
    assert isinstance(refused, GroupRefusal)
    assert refused.domain == "zone=a"


def test_a_label_that_no_node_has_is_said():
    refused = fit_group(Group(members(2), 2, Together("rack")), cluster(a=1), 0)
    assert "1 node(s) without the label rack" in str(refused)


@pytest.mark.parametrize("terms", [None, [()]], ids=["no affinity", "a term that matches nothing"])
def test_nodes_can_be_kept_from_a_pod(terms):
    snapshot = cluster(a=1, b=1)
    found = fit(outside(pod(terms=terms), ZONE, ["a"]), snapshot, 0)
    assert getattr(found, "node", None) == ("b-0" if terms is None else None)
