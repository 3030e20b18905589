"""What a load may become."""

import math

import numpy as np
import pytest

from kubewright.scaling.forecast import STEPS_A_DAY, Followed, GrowthForecast
from kubewright.scaling.regression import quantile_regression


def observed(counts, horizon=40, quantile=0.99):
    forecast = GrowthForecast(horizon, quantile)
    for count in counts:
        forecast.observe(count)
    return forecast


def daily(days, surge_at=3000, low=200.0, high=800.0):
    """The same every day: low, and from one step on high for an hour."""
    day = np.full(STEPS_A_DAY, low)
    day[surge_at : surge_at + 240] = high
    return np.tile(day, days)


def test_until_a_day_is_known_a_load_may_grow_by_half_and_is_novel():
    forecast = observed([400.0] * 100).forecast()
    assert forecast.level == 400
    assert forecast.upper == pytest.approx(1.5 * 410 - 10)
    assert forecast.is_novel


def test_a_steady_load_is_trusted():
    noise = np.random.Generator(np.random.PCG64(1)).poisson(1000.0, 3 * STEPS_A_DAY)
    forecast = observed(noise).forecast()
    assert forecast.level == pytest.approx(1000, rel=0.05)
    assert 1.0 < forecast.upper / forecast.level < 1.2


def test_a_surge_of_every_day_is_expected_before_it_comes():
    counts = daily(5)
    before = observed(counts[: 4 * STEPS_A_DAY + 2990]).forecast()
    assert before.level == 200
    assert before.upper > 600
    assert not before.is_novel


def test_a_load_above_all_before_is_novel():
    counts = [*daily(3), *[790.0] * 100]
    assert observed(counts).forecast().is_novel


@pytest.mark.parametrize("junk", [math.nan, math.inf, -1.0])
def test_what_is_no_count_is_taken_as_the_one_before(junk):
    forecast = observed([100.0, 100.0, 100.0, junk]).forecast()
    assert forecast.level == 100


def test_what_was_fifteen_days_ago_is_forgotten():
    steady = [50.0] * (31 * STEPS_A_DAY)
    forecast = observed([5000.0] * 10 + steady).forecast()
    assert forecast.level == 50
    assert forecast.upper < 100


@pytest.mark.parametrize(("horizon", "quantile"), [(0, 0.9), (5, 0.0), (5, 1.0)])
def test_a_horizon_and_a_quantile_make_sense(horizon, quantile):
    with pytest.raises(ValueError, match="at least one step"):
        GrowthForecast(horizon, quantile)


@pytest.mark.parametrize("known", [0, 1000, STEPS_A_DAY + 3])
def test_a_course_that_is_known_beforehand_is_forecast_as_one_that_comes_step_by_step(known):
    counts = np.random.Generator(np.random.PCG64(2)).poisson(daily(3))[: known + 2 * STEPS_A_DAY].astype(float)
    counts[known + 7] = math.nan
    stepwise, ahead = observed(counts[:known]), observed(counts[:known])
    said = list(ahead.follow(counts[known:]))
    for step in range(0, len(counts) - known, STEPS_A_DAY // 4):
        for count in counts[known + step : known + step + 20]:
            stepwise.observe(count)
            found = stepwise.forecast()
        assert said[step + 19].upper == pytest.approx(found.upper)
        assert (said[step + 19].level, said[step + 19].is_novel) == (pytest.approx(found.level), found.is_novel)
        for count in counts[known + step + 20 : known + step + STEPS_A_DAY // 4]:
            stepwise.observe(count)


def test_a_followed_course_is_the_one_that_was_said():
    followed = Followed(GrowthForecast(3, 0.9), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="nothing has come"):
        followed.forecast()
    followed.observe(1.0)
    assert followed.forecast().level == 1.0
    with pytest.raises(ValueError, match="not what was to come"):
        followed.observe(3.0)


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
def test_a_quantile_regression_leaves_its_share_below(quantile):
    rng = np.random.Generator(np.random.PCG64(7))
    x = rng.uniform(0, 1, 4000)
    y = 2 * x + rng.normal(0, 1 + x)
    features = np.stack([np.ones_like(x), x], axis=1)
    weights = quantile_regression(features, y, quantile, np.ones_like(x))
    assert np.mean(y <= features @ weights) == pytest.approx(quantile, abs=0.01)
