"""How fast the line moved of late."""

from math import inf

import pytest
from msgspec.structs import replace

from kubewright.api.conditions import Condition
from kubewright.api.meta import rfc3339
from kubewright.explain.pace import WAITS_AT_MOST, Wait, draws, waits_of
from tests.unit.placement.build import pod

NOW = 1_000_000.0


def waited(name, begun, placed=None, *, priority=0, scheduler="default-scheduler"):
    """Let a pod come so many seconds before now, and have its node so many before now."""
    given = pod(name, on="n" if placed is not None else "", priority=priority, scheduler_name=scheduler)
    given = replace(given, metadata=replace(given.metadata, creation_timestamp=rfc3339(NOW - begun)))
    if placed is None:
        return given
    condition = Condition(type="PodScheduled", status="True", last_transition_time=rfc3339(NOW - placed))
    return replace(given, status=replace(given.status, conditions=(condition,)))


def test_waits_are_read_off_pods_with_who_was_ahead():
    pods = [
        waited("a", 100, 40),
        waited("b", 90, 20),
        waited("urgent", 80, 50, priority=5),
        waited("still", 30),
        waited("at-once", 70, 69),
        waited("elsewhere", 95, 10, scheduler="other"),
    ]
    assert waits_of(pods, "default-scheduler", NOW) == (
        Wait(60.0, 0),
        Wait(70.0, 1),
        Wait(30.0, 0),
        Wait(30.0, 1, has_ended=False),
    )


def test_only_the_last_ones_count():
    pods = [waited(f"p{number:03}", 1000 - number, 900 - number) for number in range(WAITS_AT_MOST + 20)]
    found = waits_of(pods, "default-scheduler", NOW)
    assert len(found) == WAITS_AT_MOST
    assert found[-1].ahead == 99


def test_what_may_be_is_spread_evenly_over_what_was_by_the_place_in_line():
    waits = [Wait(10.0 * number, 0) for number in range(1, 11)]
    assert draws(waits, 0, 5) == [10.0, 30.0, 50.0, 70.0, 90.0]
    assert draws(waits, 2, 5) == [30.0, 90.0, 150.0, 210.0, 270.0]


def test_who_still_waits_makes_long_waits_likelier():
    ended = [Wait(float(number), 0) for number in range(1, 6)]
    going_on = [Wait(4.5, 0, has_ended=False)] * 5
    assert sum(draws(ended, 0, 10)) < 35
    later = draws([*ended, *going_on], 0, 10)
    assert later[:4] == [1.0, 2.0, 3.0, 4.0]
    assert later[4:] == pytest.approx([5.0] * 6)
    assert draws([*ended[:4], *going_on, Wait(1.0, 0)], 0, 10)[-1] == inf


def test_of_too_few_nothing_is_said():
    assert draws([Wait(1.0, 0)] * 4, 0, 10) == []
