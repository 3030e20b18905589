"""NVIDIA's XIDs: the errors that its driver reports, whose they are, and what helps."""

from __future__ import annotations

import enum
from collections.abc import Mapping

APPLICATION_XIDS = frozenset({13, 31, 43, 45, 68, 109})
"""Errors of a program, not of the GPU it ran on: the GPU stays healthy (NVIDIA's list of XIDs)."""


class Helps(enum.StrEnum):
    """What helps against an XID, the least first."""

    APPLICATION = "application"
    """Nothing but to mend the program."""
    RESTART = "restart"
    """The program begins anew; the GPU goes on."""
    RESET = "reset"
    """Nobody uses the GPU until it was reset."""
    REPLACE = "replace"
    """Neither: the machine boots, or the GPU is replaced."""


_KNOWN: Mapping[Helps, frozenset[int]] = {
    Helps.APPLICATION: APPLICATION_XIDS,
    Helps.RESTART: frozenset({94}),  # an error of memory that was kept to the program
    Helps.RESET: frozenset({48, 61, 62, 63, 69, 74, 95, 110, 119, 120, 140}),
    Helps.REPLACE: frozenset({64, 79, 92}),  # rows that cannot be replaced, off the bus, too many corrected bits
}


def helps(xid: int) -> Helps:
    """Return what helps; against one that is not known, what is safe."""
    return next((each for each, codes in _KNOWN.items() if xid in codes), Helps.RESET)
