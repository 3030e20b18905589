from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kubewright.api.quantity import canonical, format_quantity, milli, parse_quantity, value

SUFFIXES = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-6", "e12"]
numbers = st.from_regex(r"[+-]?[0-9]{1,12}(\.[0-9]{0,6})?", fullmatch=True)
texts = st.builds(str.__add__, numbers, st.sampled_from(SUFFIXES))
nanos = st.integers(-(10**24), 10**24).map(lambda n: Fraction(n, 10**9))


@given(texts)
def test_the_canonical_text_says_the_same_and_is_its_own(text):
    assert parse_quantity(canonical(text)) == parse_quantity(text)
    assert canonical(canonical(text)) == canonical(text)


@given(nanos, st.sampled_from(["DecimalSI", "BinarySI", "DecimalExponent"]))
def test_what_is_written_reads_back(amount, style):
    text = format_quantity(amount, style)
    assert parse_quantity(text) == amount
    assert "." not in text


@given(texts)
def test_rounding_is_away_from_zero_and_by_less_than_one(text):
    exact = parse_quantity(text)
    for rounded, scaled in ((value(text), exact), (milli(text), exact * 1000)):
        assert abs(rounded) >= abs(scaled)
        assert abs(rounded - scaled) < 1
