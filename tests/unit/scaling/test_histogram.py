"""A histogram that forgets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubewright.scaling.histogram import GROWTH, HALF_LIFE_SECONDS, DecayingHistogram

NOW = 1_800_000_000.0


def cpu():
    return DecayingHistogram(0.001, 1000.0)


def test_an_empty_one_says_nothing():
    assert cpu().percentile(0.9) is None
    assert cpu().peak(NOW) is None


@given(st.lists(st.floats(0.001, 900), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.95, 1.0]))
def test_a_percentile_is_that_of_the_samples_to_a_bucket(values, share):
    used = cpu()
    used.add([NOW] * len(values), values)
    found = used.percentile(share)
    exact = sorted(values)[max(0, -(-round(share * 1000) * len(values) // 1000) - 1)]
    assert exact <= found <= exact * (1 + GROWTH) + 0.0011


def test_after_a_half_life_a_sample_counts_half():
    used = cpu()
    used.add([NOW] * 4, [2.0] * 4)
    used.add([NOW + HALF_LIFE_SECONDS], [1.0])
    assert used.percentile(0.32) == pytest.approx(1.0, rel=0.06)
    assert used.percentile(0.35) == pytest.approx(2.0, rel=0.06)


def test_the_highest_is_known_for_days_and_then_forgotten():
    used = cpu()
    used.add([NOW], [7.0])
    used.add([NOW + day * HALF_LIFE_SECONDS for day in range(20)], [1.0] * 20)
    assert used.peak(NOW + 8 * HALF_LIFE_SECONDS) == pytest.approx(7.0, rel=0.06)
    assert used.peak(NOW + 19 * HALF_LIFE_SECONDS) == pytest.approx(1.0, rel=0.06)


def test_years_do_not_overflow_and_the_past_can_be_taken_back():
    used = cpu()
    used.add([NOW], [5.0])
    used.add([NOW + 2000 * HALF_LIFE_SECONDS], [1.0])
    assert used.percentile(1.0) == pytest.approx(1.0, rel=0.06)
    used.add([NOW + 2000 * HALF_LIFE_SECONDS], [1.0], weight=-1.0)
    assert used.percentile(1.0) is None


def test_what_is_beyond_all_bounds_counts_as_the_most():
    used = cpu()
    used.add([NOW], [1e9])
    assert 1000.0 <= used.percentile(0.5) < 1200.0
