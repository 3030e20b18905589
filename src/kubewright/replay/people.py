"""How long it takes until a person has mended what nothing else mends: a model, and the same for whoever needs one."""

from __future__ import annotations

import math
from statistics import NormalDist

ALERT_SECONDS = 960.0
"""Stock alert rules wait 15 minutes (`for: 15m`), and up to a minute for evaluation and grouping."""
MEDIAN_SECONDS = 1800.0
SIGMA = 0.9
"""Half of all responses take from 16 to 55 minutes after the alert, one in twenty more than two hours."""
WORDS = (
    f"a person hears of it {ALERT_SECONDS / 60:.0f} minutes after the fault where only stock alerts tell, at once "
    "where the platform escalates, and has mended it after a log-normal time with a median of "
    f"{MEDIAN_SECONDS / 60:.0f} minutes (sigma {SIGMA}), drawn alike for both"
)


def mended_after(place: float, *, told_at: float | None) -> float:
    """Return the seconds from the fault to its end; `place` is between 0 and 1, `told_at` None for stock alerts."""
    place = min(max(place, 1e-6), 1 - 1e-6)
    response = MEDIAN_SECONDS * math.exp(SIGMA * NormalDist().inv_cdf(place))
    return round((ALERT_SECONDS if told_at is None else told_at) + response, 1)
