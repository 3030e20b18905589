"""Curves: values, exact integrals, and the moment at which a limit is reached."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kubewright.twin.usage.curve import bursts, constant, growing, through, wave

BORN = 1_800_000_000.0
DAY = 86_400.0
RAMP = through([(0, 10), (10, 110), (20, 60)])
SAW = through([(0, 0), (10, 100), (10, 0)], repeat=True)


@pytest.mark.parametrize(
    ("curve", "age", "value"),
    [
        pytest.param(constant(3), 1e6, 3, id="a constant stays"),
        pytest.param(growing(5, 2), 100, 205, id="what grows has grown"),
        pytest.param(RAMP, -5, 10, id="before its start it is at its start"),
        pytest.param(RAMP, 5, 60, id="between knots it is linear"),
        pytest.param(RAMP, 15, 85, id="downwards too"),
        pytest.param(RAMP, 1000, 60, id="after the last knot it stays"),
        pytest.param(SAW, 25, 50, id="a repeating one repeats"),
        pytest.param(SAW, 20, 0, id="at a jump the later value counts"),
        pytest.param(bursts(1, 9, 100, 10, delay=20), 125, 9, id="a burst comes again"),
        pytest.param(bursts(1, 9, 100, 10, delay=20), 131, 1, id="and ends"),
    ],
)
def test_its_value(curve, age, value):
    assert curve.value(BORN + age, BORN) == pytest.approx(value)


def test_a_daily_one_goes_by_the_clock_whenever_its_container_began():
    curve = wave(10, 50, 14 * 3600)
    assert curve.value(20_000 * DAY + 14 * 3600, BORN) == pytest.approx(50)
    assert curve.value(20_000 * DAY + 2 * 3600, BORN - 12345) == pytest.approx(10)


CURVES = [RAMP, SAW, constant(2), growing(1, 0.5), wave(1, 9, 3600), bursts(1, 5, 60, 6, delay=30)]


@pytest.mark.parametrize("curve", CURVES)
@given(start=st.floats(0, 5000), length=st.floats(0, 300))
def test_its_integral_is_the_area_under_its_values(curve, start, length):
    start, end = BORN + start, BORN + start + length
    steps = 4000
    width = (end - start) / steps
    summed = sum(curve.value(start + (step + 0.5) * width, BORN) for step in range(steps)) * width
    assert curve.integral(start, end, BORN) == pytest.approx(summed, rel=2e-2, abs=5)


@pytest.mark.parametrize("curve", CURVES)
@given(moments=st.lists(st.floats(0, 40 * DAY), min_size=3, max_size=3))
def test_integrals_add_up_and_never_fall(curve, moments):
    first, second, third = (BORN + moment for moment in sorted(moments))
    parts = curve.integral(first, second, BORN) + curve.integral(second, third, BORN)
    whole = curve.integral(first, third, BORN)
    assert whole == pytest.approx(parts, rel=1e-6, abs=1e-2)
    assert curve.integral(first, second, BORN) <= whole + 1e-2


@pytest.mark.parametrize("curve", [each for each in CURVES if not each.drift])
@given(start=st.floats(0, 3 * DAY), length=st.floats(0, 2 * DAY))
def test_its_knots_weighted_are_its_integral(curve, start, length):
    weights = curve.weights(BORN + start, BORN + start + length, BORN)
    assert min(weights.values(), default=0) >= 0
    weighted = sum(seconds * curve.values[knot] for knot, seconds in weights.items())
    assert weighted == pytest.approx(curve.integral(BORN + start, BORN + start + length, BORN), rel=1e-6, abs=1e-3)


@pytest.mark.parametrize(
    ("curve", "limit", "after", "age"),
    [
        pytest.param(growing(100, 10), 400, 0, 30, id="what grows gets there"),
        pytest.param(growing(100, 10), 400, 60, 60, id="and stays there"),
        pytest.param(constant(100), 400, 0, None, id="a constant does not"),
        pytest.param(growing(500, -1), 600, 0, None, id="what shrinks does not"),
        pytest.param(RAMP, 60, 0, 5, id="between knots"),
        pytest.param(RAMP, 110, 0, 10, id="at a knot"),
        pytest.param(RAMP, 100, 12, 12, id="still above"),
        pytest.param(RAMP, 100, 15, None, id="never again"),
        pytest.param(SAW, 50, 7, 7, id="already reached"),
        pytest.param(SAW, 50, 12, 15, id="in the next round"),
        pytest.param(SAW, 101, 0, None, id="higher than it ever is"),
        pytest.param(bursts(1, 9, 100, 10, delay=20), 5, 40, 120, id="at a jump"),
        pytest.param(SAW.raised(0, 1, BORN, BORN), 1_000, 0, 909.0909, id="repeating and growing"),
    ],
)
def test_when_it_reaches_a_limit(curve, limit, after, age):
    found = curve.next_crossing(limit, BORN + after, BORN)
    assert found == (None if age is None else pytest.approx(BORN + age, abs=0.01))


@pytest.mark.parametrize("curve", [*CURVES, SAW.raised(5, 0.25, BORN, BORN), RAMP.raised(0, 3, BORN + 7, BORN)])
@example(limit=99.99999995302993, after=219654.824614048)
@given(limit=st.floats(0.5, 500), after=st.floats(0, 3 * DAY))
def test_a_crossing_is_the_first(curve, limit, after):
    after += BORN
    found = curve.next_crossing(limit, after, BORN)
    until = after + 300 if found is None else found
    # The limit may be touched for an instant just before a jump, no longer than the clock's tick.
    tick = math.ulp(BORN)
    assert found is None or any(curve.reaches(limit, found + near, BORN) for near in (-1e-5, -tick, 0, tick, 1e-5))
    for step in range(50):
        moment = after + (until - after) * step / 50
        assert moment >= until or curve.value(moment, BORN) < limit * (1 + 1e-6)


def test_raised_it_goes_on_from_where_it_is():
    raised = RAMP.raised(7, 2, BORN + 30, BORN)
    assert raised.value(BORN + 30, BORN) == pytest.approx(67)
    assert raised.value(BORN + 40, BORN) == pytest.approx(87)


def test_mapped_it_is_changed_at_its_knots():
    capped = RAMP.map(lambda value: min(value, 60))
    assert capped.peak == 60
    assert RAMP.map(lambda value: value - min(value, 60)).integral(BORN, BORN + 20, BORN) + capped.integral(
        BORN, BORN + 20, BORN
    ) == pytest.approx(RAMP.integral(BORN, BORN + 20, BORN))
    with pytest.raises(ValueError, match="grows without end"):
        growing(1, 1).map(math.sqrt)
