"""How fast the line has moved of late: what past waits say of one that has only begun. Pure.

Those that still wait count, too, as longer than so far (Kaplan and Meier, 1958): else only short waits are seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from kubewright.api.conditions import find_condition
from kubewright.api.core import Pod
from kubewright.api.meta import parse_time
from kubewright.explain.line import rank

WAITS_AT_MOST = 100
"""So many are looked at, the last that began."""
ENOUGH = 5
"""So many must have ended."""
WAITED_SECONDS = 2.0
"""Who had a node sooner did not wait: times are in whole seconds."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Wait:
    """How long one waited, or has waited so far."""

    seconds: float
    ahead: int
    """How many were ahead when it began."""
    has_ended: bool = True


def waits_of(pods: Iterable[Pod], scheduler: str, now: float) -> tuple[Wait, ...]:
    """Return the last waits for a scheduler, in the order in which they began."""
    spans: list[tuple[float, float, bool, Pod]] = []
    for pod in pods:
        created = pod.metadata.creation_timestamp
        if created is None or pod.spec.scheduler_name != scheduler or pod.spec.scheduling_gates:
            continue
        begun, ended = parse_time(created), _placed_at(pod)
        if ended is None and (pod.spec.node_name or pod.is_finished):
            continue  # nothing is known of when it had its node
        if (now if ended is None else ended) - begun >= WAITED_SECONDS:
            spans.append((begun, now if ended is None else ended, ended is not None, pod))
    spans.sort(key=lambda each: (each[0], each[3].key))
    found: list[Wait] = []
    for begun, ended, has_ended, pod in spans[-WAITS_AT_MOST:]:
        own = rank(pod)
        ahead = sum(other[0] <= begun < other[1] and rank(other[3]) < own for other in spans)
        found.append(Wait(ended - begun, ahead, has_ended))
    return tuple(found)


def draws(waits: Sequence[Wait], ahead: int, count: int) -> list[float]:
    """Return as many starts in seconds, evenly over what may be, behind so many others; none if too few are known.

    Infinite is what lies beyond all that was seen.
    """
    if sum(each.has_ended for each in waits) < ENOUGH:
        return []
    ordered = sorted((each.seconds / (each.ahead + 1), not each.has_ended) for each in waits)
    found: list[float] = []
    waiting = 1.0
    for number, (seconds, goes_on) in enumerate(ordered):
        if goes_on:
            continue
        waiting *= 1 - 1 / (len(ordered) - number)
        while len(found) < count and (len(found) + 0.5) / count <= 1 - waiting + _ROUNDING:
            found.append(seconds * (ahead + 1))
    return found + [inf] * (count - len(found))


def _placed_at(pod: Pod) -> float | None:
    condition = find_condition(pod.status.conditions, "PodScheduled")
    if condition is not None and condition.status == "True" and condition.last_transition_time is not None:
        return parse_time(condition.last_transition_time)
    return None if pod.status.start_time is None else parse_time(pod.status.start_time)
