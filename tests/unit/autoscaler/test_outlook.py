"""What is coming, and when what is so now counts more."""

import math

import pytest

from kubewright.api.workload import names_of_pods
from kubewright.autoscaler.metrics import Outlook
from kubewright.autoscaler.outlook import MOST_GAP_STEPS, Growing, Load
from kubewright.scaling.policies import Prudence
from kubewright.scaling.usage import Tolerances
from kubewright.series.protocol import Signal

STEADY = Load(0, Signal.REQUESTS, 100.0, 20.0)
DAYS = 2 * 5760


def grown(level=100.0, steps=DAYS, startup=60.0):
    growing = Growing(STEADY, startup, -1)
    for step in range(steps):
        growing.observe(level, step)
    return growing


def test_a_steady_load_has_little_more_than_it_needs():
    growing = grown()
    found = growing.outlook(20.0)
    assert 5 <= found.replicas <= 9


def test_what_exceeds_all_that_was_forecast_is_a_surprise_and_what_is_so_now_counts():
    growing = grown()
    growing.outlook(20.0)
    for step in range(DAYS, DAYS + 4):
        growing.observe(1000.0, step)
    found = growing.outlook(20.0)
    assert found.surprised
    assert found.over(60, 60) >= 60


@pytest.mark.parametrize(("surprised", "over"), [(True, 9), (False, 4)])
def test_only_a_surprise_counts_beside_a_forecast(surprised, over):
    assert Outlook(4, surprised).over(9, 4) == over


def test_a_forecast_that_hardly_differs_from_what_there_is_changes_nothing():
    tolerances = Tolerances(down=0.05, up=0.02)
    wanted = {number: Outlook(number, surprised=False, tolerances=tolerances).over(0, 100) for number in range(93, 105)}
    assert wanted == {**dict.fromkeys(range(95, 103), 100), 93: 93, 94: 94, 103: 103, 104: 104}
    assert Outlook(100, surprised=True, tolerances=tolerances).over(101, 100) == 101
    assert Outlook(1, surprised=False, tolerances=tolerances).over(0, 0) == 1


def test_the_slower_pods_start_the_sooner_they_are_asked_for_and_the_longer_kept():
    held = [Prudence().tolerances(seconds) for seconds in (60.0, 180.0, 600.0, 1800.0)]
    assert [each.down for each in held] == sorted(each.down for each in held)
    assert [each.up for each in held] == sorted((each.up for each in held), reverse=True)
    assert held[-1] == held[-2]
    assert held[-1].down == pytest.approx(0.05)
    assert held[-1].up == pytest.approx(0.02)


def test_a_gap_is_bridged_and_a_long_one_or_other_pods_are_not():
    growing = grown(steps=100)
    assert growing.fits(STEADY, 60.0, 100 + 10)
    assert not growing.fits(STEADY, 60.0, 100 + MOST_GAP_STEPS)
    assert not growing.fits(STEADY, 60.0, 50), "a clock that went back"
    assert not growing.fits(STEADY, 200.0, 100)
    assert not growing.fits(Load(0, Signal.CPU, 1.0, 1.0), 60.0, 100)
    growing.observe(100.0, 150)
    growing.observe(math.nan, 151)
    assert growing.step == 151


@pytest.mark.parametrize(
    ("kind", "name", "mine"),
    [
        ("Deployment", "web-5d8fbc-x7k2p", True),
        ("Deployment", "web-api-5d8fbc-x7k2p", False),
        ("Deployment", "web-0", False),
        ("StatefulSet", "web-0", True),
        ("StatefulSet", "web-a-0", False),
        ("Rollout", "web-5d8fbc-x7k2p", True),
    ],
)
def test_pods_of_the_past_are_known_by_their_names(kind, name, mine):
    assert (names_of_pods(kind, "web").fullmatch(name) is not None) is mine
