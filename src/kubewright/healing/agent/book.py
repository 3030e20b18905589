"""What has been seen on the node, and what its conditions are to say. Pure: no clock, no I/O, bounded.

What the kernel told stays until the machine boots, as with node-problem-detector, but for what counts only in numbers:
that passes when it has not been told again for a while. Checks say anew how it is, and take nothing of that back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from kubewright.api.meta import Manifest, rfc3339
from kubewright.healing.agent.sighting import HARDWARE, WELL, Measured, Sighting

WINDOW_SECONDS = 600.0
_MOST = 64
"""Of one reason's times that are kept."""
MOST_EVENTS = 16
"""That wait to be told."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a condition says, and since when."""

    is_well: bool
    reason: str
    message: str
    since: float


@dataclass(slots=True)
class Book:
    """One node's."""

    conditions: dict[str, Said] = field(default_factory=dict[str, Said])
    events: deque[Sighting] = field(default_factory=lambda: deque[Sighting](maxlen=MOST_EVENTS))
    _times: dict[tuple[str, str], deque[float]] = field(default_factory=dict[tuple[str, str], "deque[float]"])
    """Of each condition and reason that counts in numbers."""
    _told: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By condition, what the kernel told: reason and message."""

    def see(self, sighting: Sighting, now: float) -> None:
        """Take in what was seen."""
        self.events.append(sighting)
        if not sighting.condition:
            return
        condition, reason = sighting.condition, sighting.reason
        said = self.conditions.get(condition)
        if not sighting.lasts and said is not None and not said.is_well and (condition, said.reason) not in self._times:
            return  # something worse is known already, which stays
        if sighting.times > 1 or not sighting.lasts:
            times = self._times.setdefault((condition, reason), deque(maxlen=_MOST))
            times.append(now)
            while times[0] < now - WINDOW_SECONDS:
                times.popleft()
            if len(times) < sighting.times:
                return
        self._told[condition] = reason, sighting.message
        self._say(condition, reason, sighting.message, now)

    def measure(self, measured: Iterable[Measured], now: float) -> None:
        """Take in what checks say."""
        for each in measured:
            if each.reason:
                self._say(each.condition, each.reason, each.message, now)
            elif each.condition in self._told:
                self._say(each.condition, *self._told[each.condition], now)
            else:
                self._be_well(each.condition, now)

    def age(self, now: float) -> None:
        """Let pass what was only so many times within a while."""
        for (condition, reason), times in list(self._times.items()):
            if times[-1] >= now - WINDOW_SECONDS:
                continue
            del self._times[condition, reason]
            if self._told.get(condition, ("", ""))[0] == reason:
                del self._told[condition]
            said = self.conditions.get(condition)
            if said is not None and said.reason == reason:
                self._be_well(condition, now)

    def expect(self, conditions: Iterable[str], now: float) -> None:
        """Say of what is looked at that it is well, unless something else is known."""
        for each in conditions:
            if each not in self.conditions:
                self._be_well(each, now)

    def _say(self, condition: str, reason: str, message: str, now: float) -> None:
        old = self.conditions.get(condition)
        since = old.since if old is not None and not old.is_well else now
        self.conditions[condition] = Said(is_well=False, reason=reason, message=message, since=since)

    def _be_well(self, condition: str, now: float) -> None:
        old = self.conditions.get(condition)
        if old is None or not old.is_well:
            self.conditions[condition] = Said(True, *WELL[condition], now)


def written(condition: str, said: Said, now: float) -> Manifest:
    """Return a condition as the node's status has it."""
    good = "True" if condition == HARDWARE else "False"
    return {
        "type": condition,
        "status": good if said.is_well else {"True": "False", "False": "True"}[good],
        "reason": said.reason,
        "message": said.message,
        "lastHeartbeatTime": rfc3339(now),
        "lastTransitionTime": rfc3339(said.since),
    }
