"""What may go wrong in one life, as data: a plan's second half, and what a report names to have it again.

`at` counts the operator's writes from 1 since the user acted, or the events of one kind's watch. Written and read as
`crash-before@2`, `freeze:deployments@1`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Harm(enum.Enum):
    """The ways to go wrong."""

    NONE = "undisturbed"
    CRASH_BEFORE = "crash-before"
    """Killed as the write is to be sent, and started again."""
    CRASH_AFTER = "crash-after"
    """Killed when the write is done and its answer has not arrived."""
    LOST_ANSWER = "lost-answer"
    """The write is done; the operator hears that the connection was reset."""
    CONFLICT = "conflict"
    """Refused as a conflict, once."""
    CONFLICTS = "conflicts"
    """Refused as conflicts, four times."""
    REFUSED = "error"
    """Refused with an internal error, once."""
    OUTAGE = "outage"
    """From here on every write fails for a minute."""
    FORBIDDEN = "forbidden"
    """From here on every write of this kind is forbidden for two minutes."""
    LATE = "late"
    """Killed; the write arrives when the next incarnation has settled: what a paused leader does."""
    OTHER_WRITER = "other-writer"
    """Somebody else annotates the object just before."""
    OTHER_FINALIZER = "other-finalizer"
    """Somebody else adds a finalizer to the sample just before it is written."""
    OTHER_SPEC = "other-spec"
    """The user changes the spec just before."""
    UNSEEN_SPEC = "unseen-spec"
    """The same, and the watch of the kind tells of it only 20 seconds later."""
    TIME_TRAVEL = "time-travel"
    """Killed after the write; the next incarnation at first reads from a server that has not heard of anything yet."""
    STALE_REPLICA = "stale-replica"
    """Killed after the write; the next incarnation at first reads from a server that lacks this write alone."""
    FREEZE = "freeze"
    """The watch of a kind gives nothing for 20 seconds."""
    GAP = "gap"
    """It gives nothing for 20 seconds and then says that its version is too old: the events are never seen."""
    CUT = "cut"
    """The connection of the watch is lost in place of an event."""
    DROP = "drop"
    """One event is lost, and the watch says that its version is too old a second later."""


WRITE_HARMS = (
    Harm.CRASH_BEFORE,
    Harm.CRASH_AFTER,
    Harm.LOST_ANSWER,
    Harm.CONFLICT,
    Harm.CONFLICTS,
    Harm.REFUSED,
    Harm.OUTAGE,
    Harm.FORBIDDEN,
    Harm.LATE,
    Harm.OTHER_WRITER,
    Harm.TIME_TRAVEL,
    Harm.STALE_REPLICA,
)
SPEC_HARMS = (Harm.OTHER_SPEC, Harm.UNSEEN_SPEC)
WATCH_HARMS = (Harm.FREEZE, Harm.GAP, Harm.CUT, Harm.DROP)
KILLING = frozenset({Harm.CRASH_BEFORE, Harm.CRASH_AFTER, Harm.LATE, Harm.TIME_TRAVEL, Harm.STALE_REPLICA})
STALE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One harm at one place."""

    harm: Harm = Harm.NONE
    at: int = 0
    plural: str = ""

    def __str__(self) -> str:
        kind = f":{self.plural}" if self.plural else ""
        return f"{self.harm.value}{kind}@{self.at}" if self.at else self.harm.value


def parse_fault(text: str) -> Fault:
    """Read what `str` writes; raises ValueError."""
    head, _, at = text.partition("@")
    harm, _, plural = head.partition(":")
    return Fault(Harm(harm), int(at or 0), plural)
