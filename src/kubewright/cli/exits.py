"""The exit codes, said once: `docs/commands.md` shows this table, and every command returns one of these."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """How a command ended."""

    OK = 0
    """Done; and where a question was asked, the answer is a good one."""
    FAILED = 1
    """It could not be done, or not be told: standard error says why, and what to do next."""
    USAGE = 2
    """The call was not understood."""
    UNWELL = 3
    """It was told, and it is no good news: something is not well, waits, would be refused or lost."""
    INTERRUPTED = 130
    """Somebody ended it by Ctrl-C."""


EXCEPTIONS = {
    "diff": "0, 1 and 2 are `kubectl diff`'s: nothing, something, no telling; 3: a rehearsal failed",
    "monitoring install --diff": "0, 1 and 2 are `kubectl diff`'s: nothing, something, no telling",
    "net can-reach": "0: it does; 1: it does not; 2: in part, or unknown; 3: there is no answer",
    "net probe": "0: every layer answered; 1: one did not; 2: of some addresses alone; 3: it could not be tried",
    "test operator": "0: no rule was broken; 1: one was, as test runners have it",
}
"""Commands with codes of their own, so that scripts may use them in place of what they know."""
