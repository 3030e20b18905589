import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubewright.api.meta import ObjectKey
from kubewright.series.protocol import Missing, Sample, Vector, Why
from kubewright.series.windows import History, buckets, mean, quantile, share_within, total

A, B, C = (ObjectKey("ns", name) for name in "abc")


def of(pod, value, **labels):
    return Sample({"namespace": pod.namespace, "pod": pod.name, **labels}, value, 0.0)


def histogram(pod, **counts):
    return [of(pod, count, le=bound.removeprefix("le").replace("_", ".")) for bound, count in counts.items()]


def history(*readings, keep=600.0):
    found = History(keep)
    for at, value in readings:
        found.add(at, (value,))
    return found


class TestTotal:
    def test_sums_an_applications_pods_and_says_which_were_not_measured(self):
        found = total(Vector((of(A, 1.0), of(B, 2.0), of(ObjectKey("other", "a"), 9.0))), [A, B, C])
        assert (found.value, found.mean, found.measured, found.absent) == (3.0, 1.5, 2, (C,))

    def test_no_pod_that_was_measured_is_not_zero(self):
        assert total(Vector((of(A, 1.0),)), [B]) == Missing(Why.NO_DATA, "of 1 pods")

    def test_what_is_missing_stays_missing(self):
        gone = Missing(Why.UNAVAILABLE, "down")
        assert total(gone, [A]) is gone
        assert buckets(gone, [A]) is gone

    def test_one_answer_is_asked_for_and_there_are_two(self):
        found = Vector((of(A, 1.0), of(B, 1.0))).single()
        assert isinstance(found, Missing)
        assert "2 series" in str(found)


class TestLatency:
    def test_buckets_of_an_application_are_summed_bound_by_bound(self):
        vector = Vector((*histogram(A, le0_1=1.0, leInf=2.0), *histogram(B, le0_1=3.0, leInf=3.0), of(A, 7.0, le="x")))
        assert buckets(vector, [A, B]) == [(0.1, 4.0), (math.inf, 5.0)]

    @pytest.mark.parametrize(
        "vector",
        [
            pytest.param(Vector((of(B, 1.0, le="+Inf"),)), id="another's pods"),
            pytest.param(Vector(tuple(histogram(A, le0_1=0.0, leInf=0.0))), id="no requests at all"),
            pytest.param(Vector(tuple(histogram(A, le0_1=1.0))), id="no infinite bucket"),
        ],
    )
    def test_without_requests_there_is_no_latency(self, vector):
        assert isinstance(buckets(vector, [A]), Missing)

    def test_quantiles_are_those_of_histogram_quantile(self):
        found = [(0.1, 50.0), (0.2, 90.0), (0.5, 99.0), (math.inf, 100.0)]
        assert quantile(found, 0.5) == pytest.approx(0.1)
        assert quantile(found, 0.7) == pytest.approx(0.15)
        assert quantile(found, 0.999) == 0.5

    def test_share_within_a_bound_and_beyond_the_last(self):
        found = [(0.1, 50.0), (0.2, 90.0), (math.inf, 100.0)]
        assert share_within(found, 0.1) == pytest.approx(0.5)
        assert share_within(found, 0.15) == pytest.approx(0.7)
        assert share_within(found, 5.0) == pytest.approx(0.9)

    @given(st.lists(st.floats(0.1, 100), min_size=3, max_size=6), st.floats(0.01, 0.99))
    def test_a_quantile_and_a_share_undo_each_other(self, steps, share):
        bounds = [0.1 * (i + 1) for i in range(len(steps) - 1)]
        counts = [sum(steps[: i + 1]) for i in range(len(steps))]
        found = list(zip([*bounds, math.inf], counts, strict=True))
        seconds = quantile(found, share)
        if seconds < bounds[-1]:
            assert share_within(found, seconds) == pytest.approx(share)


class TestSmoothing:
    def test_the_mean(self):
        assert mean([(0.0, 1.0), (1.0, 3.0)]) == 2.0


class TestHistory:
    def test_a_rate_is_over_the_window(self):
        found = history((0, 0), (60, 60), (120, 600))
        assert found.rates(60) == (9.0,)
        assert found.rates(120) == (5.0,)
        assert found.rates(90) == (pytest.approx((30 + 540) / 90),)
        assert found.rates(60, end=60) == (1.0,)

    def test_of_a_longer_window_what_is_known_counts(self):
        assert history((0, 0), (10, 50)).rates(1000) == (5.0,)

    def test_one_reading_has_no_rate_nor_has_a_time_before_the_first(self):
        assert history((0, 1)).rates(60) is None
        assert history((100, 1), (110, 2)).rates(60, end=90) is None

    def test_a_counter_that_fell_began_anew(self):
        assert history((0, 100), (10, 5)).rates(10) == (0.5,)

    def test_a_reading_of_the_same_moment_replaces(self):
        assert history((0, 0), (10, 1), (10, 2)).rates(10) == (0.2,)

    @given(st.lists(st.floats(0.5, 50), min_size=1, max_size=200))
    def test_what_is_kept_is_bounded_and_reaches_over_the_window(self, gaps):
        found, at = history((0, 0), keep=100.0), 0.0
        for gap in gaps:
            at += gap
            found.add(at, (at * 3,))
        assert found.rates(100.0) == (pytest.approx(3.0),)
        assert len(found._times) <= 100 / 0.5 + 3
        assert found._times[0] <= max(0.0, at - 100.0)
