"""Sizes of containers, made of recommendations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubewright.scaling.sizing import BYTES, CORES, Recommendation, Unknown
from kubewright.sizing.amounts import Amount, Bounds, needs, resized

MIB = 1 << 20
FREE = Bounds(1)


def cores(request, advice, limit=None, bounds=FREE):
    amount = Amount(request, limit)
    return resized(CORES, amount, needs(CORES, amount, Recommendation(*advice)), bounds, None)


def memory(request, advice, limit=None, in_use=0.0, bounds=FREE):
    amount = Amount(request * MIB, None if limit is None else limit * MIB)
    found = needs(BYTES, amount, Recommendation(*(each * MIB for each in advice)))
    return resized(BYTES, amount, found, bounds, None if in_use is None else in_use * MIB)


def test_who_has_too_little_gets_the_target_at_once():
    assert cores(100, (0.3, 0.5, 0.8, 0.5)) == Amount(500)


def test_who_has_too_much_gets_less_by_thirty_percent_at_most():
    assert cores(1000, (0.1, 0.2, 0.3, 0.2)) == Amount(700)
    assert cores(1000, (0.1, 0.2, 0.8, 0.2)) == Amount(800)


def test_what_is_between_the_bounds_or_near_them_stays():
    assert cores(500, (0.3, 0.4, 0.8, 0.4)) is None
    assert cores(500, (0.3, 0.4, 0.46, 0.4)) is None


def test_the_limit_keeps_its_ratio_and_is_never_below_the_peak():
    assert cores(1000, (0.1, 0.2, 0.2, 0.3), limit=2000) == Amount(700, 1400)
    assert cores(1000, (0.1, 0.2, 0.2, 1.8), limit=2000) is None
    assert memory(1000, (100, 200, 200, 700), limit=1000) == Amount(805 * MIB, 805 * MIB)
    assert memory(1000, (100, 200, 200, 900), limit=1000) is None
    assert cores(1000, (0.1, 0.2, 0.2, 1.2), limit=1000) == Amount(1380, 1380)


def test_a_limit_of_cpu_leaves_room_for_bursts_that_lie_across_two_minutes():
    assert cores(1000, (0.1, 0.2, 0.2, 0.4), limit=1000) == Amount(800, 800)
    assert cores(1000, (0.1, 0.2, 0.2, 0.5), limit=1000) is None


def test_memory_is_not_made_smaller_than_what_is_in_use_or_not_known():
    assert memory(1000, (100, 200, 300, 200), in_use=700) == Amount(805 * MIB)
    assert memory(1000, (100, 200, 300, 200), in_use=900) is None
    assert memory(1000, (100, 200, 300, 200), in_use=None) is None
    assert memory(100, (200, 300, 400, 300), in_use=None) == Amount(300 * MIB)


def test_bounds_hold_and_make_nothing_larger_by_themselves():
    assert cores(100, (0.01, 0.01, 0.01, 0.01), bounds=Bounds(250)) is None
    assert cores(1000, (0.01, 0.01, 0.01, 0.01), bounds=Bounds(850)) == Amount(850)
    assert cores(100, (0.5, 0.5, 0.5, 0.5), bounds=Bounds(1, most=300)) == Amount(300)
    assert cores(100, (0.5, 0.5, 0.5, 0.1), limit=200, bounds=Bounds(1, most_allowed=300)) == Amount(150, 300)
    assert cores(1000, (0.1, 0.1, 0.1, 0.1), bounds=Bounds(1, least_allowed=900)) == Amount(900)
    assert cores(400, (0.5, 0.5, 0.5, 0.5), bounds=Bounds(1, most=300)) is None


def test_what_is_not_known_needs_nothing():
    assert needs(CORES, Amount(100), Unknown("nothing")) is None


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(1, 20_000))
def test_the_class_of_service_stays(request, more, wanted):
    amount = Amount(request, request + more)
    found = amount.scaled(wanted)
    assert (found.limit == found.request) == (more == 0)
    assert found.limit >= found.request
    assert found.limit / found.request == pytest.approx(amount.limit / amount.request, abs=1.01 / wanted)
