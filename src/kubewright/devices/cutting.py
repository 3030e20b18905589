"""What a part of a GPU is worth to those who share GPUs: prices of the cutting-stock problem.

Shares are cut from GPUs as lengths from rods. The linear program that cuts a demand from the fewest GPUs has a price
for each size (Gilmore and Gomory, 1961): 470 milli cost half a GPU where two of them are cut from one, and 160 cost
nothing where 190 are left over anyway. What is free on a GPU is worth the dearest cut that still fits.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kubewright.devices.workload import MILLI

UNIT = 10
"""Sizes count in hundredths of a GPU, rounded up."""
_UNITS = MILLI // UNIT
_MAX_PATTERNS = 400
_EPSILON = 1e-9


def values(demand: Mapping[int, float]) -> NDArray[np.float64]:
    """Return what each free amount of a GPU is worth, in GPUs, shape (101,), by hundredths of a GPU.

    `demand` has how often each share, in milli below 1000, is asked for. Without any, all is worth nothing.
    """
    sizes = np.array(sorted({-(-milli // UNIT) for milli in demand}), np.intp)
    wanted = np.zeros(_UNITS + 1)
    for milli, amount in demand.items():
        wanted[-(-milli // UNIT)] += amount
    if not len(sizes):
        return np.zeros(_UNITS + 1)
    return _solve(sizes, wanted[sizes])


def _solve(sizes: NDArray[np.intp], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Generate columns by the simplex method until no way to cut a GPU is worth more than a GPU."""
    patterns = np.diag((_UNITS // sizes).astype(np.float64))
    worth = np.zeros(_UNITS + 1)
    for _ in range(_MAX_PATTERNS):
        inverse = np.linalg.inv(patterns)
        prices = np.maximum(inverse.sum(axis=0), 0.0)
        worth, pattern = _dearest(sizes, prices)
        if worth[-1] <= 1.0 + _EPSILON:
            break
        used, change = inverse @ wanted, inverse @ pattern
        grows = change > _EPSILON
        ratios = np.where(grows, used / np.where(grows, change, 1.0), np.inf)
        patterns[:, int(np.argmin(ratios))] = pattern
    return worth / max(worth[-1], 1.0)


def _dearest(sizes: NDArray[np.intp], prices: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the worth of each length, shape (101,), and how many of each size the dearest cut of a whole GPU has."""
    worth = np.zeros(_UNITS + 1)
    for size, price in zip(sizes.tolist(), prices.tolist(), strict=True):
        copies = 1  # by doubling, any number of copies of a size costs a few steps
        while copies * size <= _UNITS:
            step = copies * size
            np.maximum(worth[step:], worth[:-step] + copies * price, out=worth[step:])
            copies *= 2
    pattern = np.zeros(len(sizes))
    length = _UNITS
    while length > 0:
        if worth[length - 1] >= worth[length] - _EPSILON:
            length -= 1
            continue
        fitting = int(np.searchsorted(sizes, length, side="right"))
        cut = int(np.argmax(worth[length - sizes[:fitting]] + prices[:fitting]))
        pattern[cut] += 1
        length -= int(sizes[cut])
    return worth, pattern
