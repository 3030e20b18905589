from fractions import Fraction

import pytest

from kubewright.costs.money import UNIT, decimal, fixed, money, split


@pytest.mark.parametrize(
    ("written", "places", "shown"),
    [
        ("1.44", 18, "1.44"),
        ("0", 2, "0"),
        ("1.005", 2, "1.01"),
        ("-0.004", 2, "0"),
        ("-1.5", 2, "-1.5"),
        ("12", 0, "12"),
    ],
)
def test_money_is_written_in_decimals_without_zeros_that_say_nothing(written, places, shown):
    assert decimal(money(written), places) == shown


def test_a_fixed_number_of_decimals_is_kept():
    assert [fixed(money(each), 2) for each in ("1", "0.1", "1234.567")] == ["1.00", "0.10", "1234.57"]


def test_a_float_counts_as_it_is_written():
    assert money(0.1) == money("0.1") == UNIT // 10
    assert money(Fraction(1, 3)) == UNIT // 3


def test_parts_are_the_whole_and_the_remainder_goes_where_most_was_lost():
    assert split(10, [1, 1, 1]) == [4, 3, 3]
    assert split(100, [1, 2, 3]) == [17, 33, 50]
    assert split(0, [0, 5]) == [0, 0]
