"""The mix of requests, learned from what arrives."""

import pytest

from kubewright.devices.workload import GpuRequest, Mix, Workload

SMALL, LARGE, RARE = GpuRequest(1000, 1, 1, 100), GpuRequest(8000, 1, 1, 1000), GpuRequest(9000, 1, 8, 1000)


def test_the_commonest_classes_stand_for_the_rest():
    workload = Workload.of({SMALL: 60, LARGE: 36, RARE: 4}, coverage=0.95)
    assert workload.classes == (SMALL, LARGE)
    assert workload.shares == pytest.approx((0.625, 0.375))


def test_equal_counts_make_the_same_workload_in_any_order():
    assert Workload.of({SMALL: 1, LARGE: 1}, limit=1) == Workload.of({LARGE: 1, SMALL: 1}, limit=1)


def test_a_mix_forgets_by_arrivals():
    mix = Mix(half_life=10)
    mix.observe([SMALL] * 100)
    mix.observe([LARGE] * 20)
    shares = dict(zip(mix.workload().classes, mix.workload().shares, strict=True))
    assert shares[SMALL] == pytest.approx(0.25, abs=0.01)


def test_a_mix_is_looked_at_often_while_it_is_new_and_seldom_later():
    mix = Mix()
    looks = []
    for arrival in range(1, 5001):
        mix.observe([SMALL])
        if mix.is_due:
            mix.workload()
            looks.append(arrival)
    assert looks[:9] == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert looks[-1] - looks[-2] == 400


def test_a_flood_of_classes_does_not_fill_the_memory_and_keeps_the_common_ones():
    mix = Mix()
    mix.observe([LARGE] * 50)
    mix.observe(GpuRequest(number, 1, 1, 100) for number in range(20_000))
    assert len(mix.workload().classes) == mix.limit
    assert mix.workload().classes[0] == LARGE
