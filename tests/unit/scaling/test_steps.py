"""Numbers that are kept for a while."""

import numpy as np
import pytest

from kubewright.scaling.steps import Counts

KEPT = 5


@pytest.mark.parametrize("sizes", [(1,) * 23, (5, 5, 5, 5, 3), (3, 1, 4, 1, 5, 4, 5)])
def test_the_latest_numbers_are_there_and_others_are_zero(sizes):
    counts, all_of_them = Counts(KEPT), np.arange(1.0, 24.0)
    for size in sizes:
        counts.extend(all_of_them[counts.end : counts.end + size])
    assert counts.end == 23
    assert counts.between(23 - KEPT, 25).tolist() == [19, 20, 21, 22, 23, 0, 0]
    assert counts.at(np.array([20, -1, 22, 40])).tolist() == [21, 0, 23, 0]
    assert counts.means(np.array([18, 20, 30]), np.array([20, 40, 31])).tolist() == [19.5, 22, 0]


def test_the_highest_is_found_of_each_window():
    counts = Counts(8)
    counts.extend(np.array([3.0, 1.0, 4.0, 1.0, 5.0]))
    assert counts.highest(-1, 4, 2).tolist() == [3, 3, 4, 4, 5]
    assert counts.highest(0, 4, 2, every=2).tolist() == [3, 4]
