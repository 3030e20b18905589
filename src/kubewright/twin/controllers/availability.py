"""Since when a pod is ready, and whether that is long enough; and amounts that may be shares. Pure."""

from __future__ import annotations

import math

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import parse_time


def available_after_seconds(pod: Pod, min_ready_seconds: int, now: float) -> float:
    """Return how long a ready pod must stay so until it counts as available; 0 when it does."""
    if not min_ready_seconds:
        return 0.0
    ready = find_condition(pod.status.conditions, "Ready")
    since = parse_time(ready.last_transition_time) if ready and ready.last_transition_time else now
    return max(since + min_ready_seconds - now, 0.0)


def is_available(pod: Pod, min_ready_seconds: int, now: float) -> bool:
    """Tell whether a pod has been ready for long enough."""
    return pod.is_ready and available_after_seconds(pod, min_ready_seconds, now) == 0


def amount(value: int | str, total: int, *, round_up: bool) -> int:
    """Resolve a number, or a share (`25%`) of a total."""
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * total / 100
    return math.ceil(share) if round_up else math.floor(share)
