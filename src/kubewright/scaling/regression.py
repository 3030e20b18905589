"""Linear quantile regression by weighted least squares, again and again until it stands. Pure NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 40
_SMALLEST = 1e-3
"""Residuals are taken as no smaller: the loss has a corner at zero."""
_RIDGE = 1e-3
_STANDS = 1e-3

Array = NDArray[np.float64]


def quantile_regression(features: Array, targets: Array, quantile: float, importance: Array) -> Array:
    """Return a weight for each feature, so that this share of the targets lies below the weighted sums.

    features: (rows, features); targets and importance: (rows,), all finite, importance above zero.
    """
    ridge = _RIDGE * np.eye(features.shape[1])
    weights = np.zeros(features.shape[1])
    pull = importance
    for _ in range(_ROUNDS):
        weighted = features * pull[:, None]
        found: Array = np.asarray(np.linalg.solve(weighted.T @ features + ridge, weighted.T @ targets), np.float64)
        stands = np.abs(found - weights).max() < _STANDS
        weights[:] = found
        if stands:
            break
        residuals = targets - features @ weights
        sided = np.where(residuals > 0, quantile, 1 - quantile)
        pull = importance * sided / np.maximum(np.abs(residuals), _SMALLEST)
    return weights
