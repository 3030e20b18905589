"""Where the next pod costs those after it least."""

import numpy as np
import pytest

from kubewright.devices.columns import GpuColumns
from kubewright.devices.packing import GpuPacking
from kubewright.devices.workload import GpuRequest

SHARES = [GpuRequest(3000, 1, 1, milli) for milli in (160, 320, 470, 650, 810)]
WHOLE = GpuRequest(11_000, 1, 1, 1000)
EIGHT = GpuRequest(64_000, 1, 8, 1000)
T4_ONLY = GpuRequest(8000, 1, 1, 1000, frozenset({"T4"}))
PLAIN = GpuRequest(16_000, 1)
ALL = [*SHARES, WHOLE, EIGHT, T4_ONLY, PLAIN, GpuRequest(1000, 1, 2, 500)]


def nodes(*gpus: tuple[int, str], cpu: int = 96_000) -> GpuColumns:
    return GpuColumns([cpu] * len(gpus), [64] * len(gpus), [[1000] * n for n, _ in gpus], [model for _, model in gpus])


def packing(at: GpuColumns, *seen: GpuRequest) -> GpuPacking:
    made = GpuPacking(at)
    for request in seen:
        made.observe(request)
    return made


def best(made: GpuPacking, request: GpuRequest) -> int:
    return int(np.argmin(made.costs(request)))


def test_costs_are_finite_exactly_where_the_pod_fits(rng: np.random.Generator):
    at = nodes((8, "G2"), (2, "T4"), (1, "T4"), (8, "G2"))
    made, everything = GpuPacking(at), np.arange(4)
    for _ in range(200):
        request = ALL[int(rng.integers(len(ALL)))]
        made.observe(request)
        costs = made.costs(request)
        np.testing.assert_array_equal(np.isfinite(costs), at.fits(request, everything))
        if np.isfinite(costs).any():
            column = int(np.argmin(costs))
            gpus = made.gpus(request, column)
            assert len(set(gpus)) == request.count
            assert all(at.milli[column, gpu] >= request.milli for gpu in gpus)
            at.take(request, column, gpus)


def test_what_is_brought_up_to_date_equals_what_is_computed_afresh(rng: np.random.Generator):
    at = nodes((8, "G2"), (2, "T4"), (8, "G2"), (4, "T4"))
    kept, booked = packing(at, *ALL), []
    for _ in range(150):
        request = ALL[int(rng.integers(len(ALL)))]
        fitting = np.flatnonzero(np.isfinite(kept.costs(request)))
        if len(fitting) and rng.random() < 0.6:
            column = int(rng.choice(fitting))
            gpus = kept.gpus(request, column)
            at.take(request, column, gpus)
            booked.append((request, column, gpus))
        elif booked:
            at.give(*booked.pop(int(rng.integers(len(booked)))))
    np.testing.assert_array_equal(kept.nodes.version, at.version)
    caught_up = [kept.costs(request).copy() for request in ALL]
    kept._known.clear()
    for request, costs in zip(ALL, caught_up, strict=True):
        np.testing.assert_allclose(kept.costs(request), costs, rtol=1e-4, atol=1e-5)


def test_a_small_share_goes_into_a_hole_that_is_of_no_use_to_larger_ones():
    at = nodes((1, "G2"), (1, "G2"), (1, "G2"))
    made = packing(at, *[SHARES[4]] * 20, *[WHOLE] * 20, SHARES[0])
    at.take(SHARES[4], 1, (0,))
    assert best(made, SHARES[0]) == 1


def test_two_of_a_kind_share_a_gpu_before_they_break_two():
    at = nodes((2, "G2"), (2, "G2"))
    made = packing(at, *[SHARES[2]] * 10, *[WHOLE] * 10)
    at.take(SHARES[2], 1, (1,))
    assert best(made, SHARES[2]) == 1
    assert made.gpus(SHARES[2], 1) == (1,)


def test_whoever_can_run_anywhere_leaves_the_scarce_model_to_those_who_cannot():
    at = nodes((2, "T4"), (2, "G2"), (2, "G2"), (2, "G2"))
    made = packing(at, *[WHOLE] * 8, *[T4_ONLY] * 2)
    assert best(made, WHOLE) != 0
    assert best(made, T4_ONLY) == 0


def test_a_pod_without_gpus_goes_where_no_gpu_waits_for_cpu():
    at = nodes((8, "G2"), (8, "G2"))
    made = packing(at, *[WHOLE] * 10, PLAIN)
    for gpu in range(8):
        at.take(GpuRequest(1000, 1, 1, 1000), 1, (gpu,))
    assert best(made, PLAIN) == 1


def test_nodes_stay_whole_for_those_who_want_eight():
    at = nodes((8, "G2"), (8, "G2"), (8, "G2"))
    made = packing(at, *[WHOLE] * 20, *[EIGHT] * 10)
    at.take(WHOLE, 2, (0,))
    assert best(made, WHOLE) == 2


@pytest.mark.parametrize("request_", [GpuRequest(1000, 1, 9, 1000), GpuRequest(10**9, 1, 1, 10)], ids=str)
def test_an_absurd_request_fits_nowhere_and_breaks_nothing(request_: GpuRequest):
    made = packing(nodes((8, "G2")), request_)
    assert np.isinf(made.costs(request_)).all()
    assert np.isfinite(made.costs(WHOLE)).all()


def test_an_empty_cluster_is_no_error():
    made = packing(GpuColumns([], [], [], []), WHOLE)
    assert made.costs(WHOLE).shape == (0,)
