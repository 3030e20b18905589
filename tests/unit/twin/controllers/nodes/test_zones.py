"""How fast nodes of a zone are given up."""

import pytest

from kubewright.twin.controllers.nodes.zones import Change, Limiter, Zone, ZoneState, look_at, state_of, zone_of
from tests.unit.twin.controllers.nodes.build import node

STATES = {
    "all well": ([True] * 3, ZoneState.NORMAL),
    "two of three out are too few to tell": ([False, False, True], ZoneState.NORMAL),
    "all out": ([False], ZoneState.FULLY),
    "more than half out": ([False] * 6 + [True] * 4, ZoneState.PARTLY),
    "half out": ([False] * 5 + [True] * 5, ZoneState.NORMAL),
    "nobody there": ([], ZoneState.NORMAL),
}


@pytest.mark.parametrize(("ready", "expected"), STATES.values(), ids=STATES)
def test_a_zone_is_judged_by_its_nodes(ready, expected):
    assert state_of(ready) is expected


def passed(limiter, seconds):
    return [at for at in seconds if limiter.accept(at)]


def test_one_node_every_ten_seconds():
    assert passed(Limiter(), range(25)) == [0, 10, 20]


def test_nobody_passes_at_a_rate_of_zero_and_who_waited_waits_anew():
    limiter = Limiter()
    limiter.accept(0)
    limiter.change(0.0, 5)
    assert passed(limiter, range(5, 60)) == []
    limiter.change(0.1, 60)
    assert passed(limiter, range(60, 75)) == [70]


PACES = {
    "a small zone in trouble is left alone": ([False] * 6 + [True] * 4, 0.0),
    "a large one goes slowly": ([False] * 40 + [True] * 20, 0.01),
    "one that is out as a whole goes at the usual pace": ([False] * 4, 0.1),
}


@pytest.mark.parametrize(("ready", "expected"), PACES.values(), ids=PACES)
def test_the_pace_is_the_zones(ready, expected):
    zones = {"a": Zone(ZoneState.NORMAL), "b": Zone(ZoneState.NORMAL)}
    assert look_at(zones, {"a": ready, "b": [True]}, 0) is Change.NONE
    assert zones["a"].limiter.per_second == expected
    assert zones["b"].limiter.per_second == 0.1


def test_when_all_zones_are_silent_nobody_is_given_up_until_some_are_heard_of():
    zones = {"a": Zone(ZoneState.NORMAL), "b": Zone(ZoneState.FULLY)}
    assert look_at(zones, {"a": [False], "b": [False]}, 0) is Change.LOST
    assert [each.limiter.per_second for each in zones.values()] == [0.0, 0.0]
    assert look_at(zones, {"a": [False], "b": [False]}, 5) is Change.NONE
    assert look_at(zones, {"a": [True], "b": [False]}, 10) is Change.FOUND
    assert [each.limiter.per_second for each in zones.values()] == [0.1, 0.1]


def test_a_zone_is_named_by_region_and_zone():
    labels = {"topology.kubernetes.io/zone": "a", "topology.kubernetes.io/region": "r"}
    assert zone_of(node(labels=labels)) == "r/a"
    assert zone_of(node()) == ""
