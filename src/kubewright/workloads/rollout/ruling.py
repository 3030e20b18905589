"""What is said of a release at a moment: it has failed, it must wait, or nothing speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Ruling:
    """The reason is one word, the message a sentence; without a reason nothing speaks against the release."""

    failed: bool = False
    reason: str = ""
    message: str = ""
    strikes: int = 0
    """It fails the release when it happens so often; 0 if it may happen for ever."""
    note: str = ""
    """What else its users should know: that there is nothing to measure."""

    @property
    def holds(self) -> bool:
        """Whether to wait."""
        return bool(self.reason) and not self.failed


FINE = Ruling()


def failed(reason: str, message: str) -> Ruling:
    """Say that a release is bad."""
    return Ruling(failed=True, reason=reason, message=message)


def hold(reason: str, message: str, *, strikes: int = 0) -> Ruling:
    """Say that it cannot be told yet, or that it must not happen `strikes` times."""
    return Ruling(reason=reason, message=message, strikes=strikes)


def worst(rulings: Iterable[Ruling]) -> Ruling:
    """Return the first that fails the release, else one that counts against it, else one that holds; all notes."""
    found = tuple(rulings)
    note = "; ".join(dict.fromkeys(each.note for each in found if each.note))
    weights = [(each.failed, each.strikes > 0, each.holds) for each in found]
    heaviest = max(range(len(found)), key=weights.__getitem__, default=None)
    return replace(found[heaviest], note=note) if heaviest is not None else FINE
