"""Prices of shares: what is cut from a GPU together costs a GPU together."""

import pytest

from kubewright.devices.cutting import values


def test_two_halves_cost_half_each():
    worth = values({500: 1.0})
    assert worth[[49, 50, 99, 100]] == pytest.approx([0, 0.5, 0.5, 1])


def test_what_fits_into_a_hole_that_is_left_anyway_costs_nothing():
    worth = values({810: 100.0, 160: 1.0})
    assert worth[19] == pytest.approx(0)
    assert worth[81] == pytest.approx(1)


def test_a_scarce_hole_has_a_price_once_more_want_it_than_there_are():
    worth = values({810: 1.0, 190: 100.0})
    assert worth[19] == pytest.approx(0.2)
    assert worth[81] == pytest.approx(0.8)


def test_no_cut_of_a_gpu_is_worth_more_than_a_gpu():
    worth = values({50: 3, 110: 1, 160: 7, 230: 12, 320: 30, 470: 75, 590: 7, 650: 25, 810: 108})
    assert worth[100] == pytest.approx(1)
    assert (worth[1:] >= worth[:-1]).all()
    for one in range(101):
        assert worth[one] + worth[100 - one] <= 1 + 1e-9


def test_where_nobody_shares_no_part_is_worth_anything():
    assert not values({}).any()
