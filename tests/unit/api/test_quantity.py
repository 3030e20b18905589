"""Amounts and canonical texts. The expected values were checked against `resource.ParseQuantity` of Kubernetes 1.37."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from kubewright.api.quantity import approximate, canonical, format_quantity, milli, parse_quantity, value


@pytest.mark.parametrize(
    ("text", "exact", "in_milli", "in_units"),
    [
        pytest.param("100m", Fraction(1, 10), 100, 1, id="millis round up to a whole unit"),
        pytest.param("1.5", Fraction(3, 2), 1500, 2, id="a decimal fraction"),
        pytest.param("1.5Gi", Fraction(3 * 2**29), 3 * 2**29 * 1000, 3 * 2**29, id="a binary fraction"),
        pytest.param("2k", Fraction(2000), 2_000_000, 2000, id="a small k is a thousand"),
        pytest.param("1E", Fraction(10**18), 10**21, 10**18, id="a capital E alone is exa"),
        pytest.param("1E3", Fraction(1000), 1_000_000, 1000, id="a capital E with digits is an exponent"),
        pytest.param("12e-3", Fraction(12, 1000), 12, 1, id="a negative exponent"),
        pytest.param("5n", Fraction(5, 10**9), 1, 1, id="nanos round up to a milli"),
        pytest.param("0.1n", Fraction(1, 10**9), 1, 1, id="nothing is finer than a nano"),
        pytest.param("-1500m", Fraction(-3, 2), -1500, -2, id="negative amounts round away from zero"),
        pytest.param("20Ei", Fraction(2**63 - 1), (2**63 - 1) * 1000, 2**63 - 1, id="binary amounts are capped"),
        pytest.param(" 7 ", Fraction(7), 7000, 7, id="space around it"),
        pytest.param(3, Fraction(3), 3000, 3, id="a JSON integer"),
        pytest.param(0.5, Fraction(1, 2), 500, 1, id="a JSON fraction"),
    ],
)
def test_amounts(text, exact, in_milli, in_units):
    assert parse_quantity(text) == exact
    assert milli(text) == in_milli
    assert value(text) == in_units


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1000e0", "1e3"),
        ("1E3", "1E3"),
        ("0Gi", "0"),
        ("000", "0"),
        ("0.5Ki", "512"),
        ("0.3Ki", "307200m"),
        ("1025Ki", "1025Ki"),
        ("-1.5Ki", "-1536"),
        ("100Ei", "9223372036854775807"),
        ("0.1n", "1n"),
        ("1234567", "1234567"),
        ("+5", "+5"),
        ("1.500", "1.500"),
        ("1.50", "1500m"),
        (2, "2"),
        (0.5, "500m"),
    ],
)
def test_canonical_text_is_what_an_api_server_stores(text, stored):
    assert canonical(text) == stored


@pytest.mark.parametrize("text", ["", "1x", "1KI", "1mi", "1 Gi", "1.2.3", "--1", "1e", "0x10", "1e5000", "\u0661"])
def test_what_is_no_quantity_is_refused_by_name(text):
    with pytest.raises(ValueError, match="quantity"):
        parse_quantity(text)


def test_an_amount_beyond_all_floats_is_infinite():
    found = [approximate(text) for text in ("100m", "1.5Gi", 3, "1e400", "-1e400", "1e-400")]
    assert found == [0.1, 1.5 * 2**30, 3.0, math.inf, -math.inf, 1e-9]


def test_a_binary_style_needs_whole_units_of_at_least_1024():
    assert format_quantity(2048, "BinarySI") == "2Ki"
    assert format_quantity(512, "BinarySI") == "512"
    assert format_quantity(Fraction(4097, 2), "BinarySI") == "2048500m"
