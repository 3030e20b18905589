"""What is said of one step of a connection's way, and logic for what may be unknown."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Truth: TypeAlias = bool | None
"""Yes, no, or None: it cannot be told from what was read."""


class Verdict(enum.Enum):
    """What a step does to a connection, the best first."""

    ALLOWED = "allowed"
    WARNED = "warning"
    """Nothing stands against it, but something about it is worth knowing."""
    UNKNOWN = "unknown"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Hop:
    """One step: what was asked, what came out, by which rule, in words that hold for all pods that are alike."""

    stage: str
    """`source`, `dns`, `service`, `egress`, `ingress`, `other policies`, `istio`, `linkerd` or `destination`."""
    verdict: Verdict
    rule: str = ""
    """What decided: `networkpolicy shop/web ingress[0]`; empty where no rule did."""
    detail: str = ""

    def __str__(self) -> str:
        rule = f" by {self.rule}" if self.rule else ""
        return f"{self.verdict.value}{rule}: {self.detail}" if self.detail else f"{self.verdict.value}{rule}"


ORDER = tuple(Verdict)


def worst(hops: Iterable[Hop]) -> Verdict:
    """Return the verdict of steps that must all be taken."""
    return max((hop.verdict for hop in hops), key=ORDER.index, default=Verdict.ALLOWED)


def any_of(truths: Iterable[Truth]) -> Truth:
    """Or."""
    unknown = False
    for each in truths:
        if each:
            return True
        unknown = unknown or each is None
    return None if unknown else False


def all_of(truths: Iterable[Truth]) -> Truth:
    """And."""
    unknown = False
    for each in truths:
        if each is False:
            return False
        unknown = unknown or each is None
    return None if unknown else True


def negated(truth: Truth) -> Truth:
    """Not."""
    return None if truth is None else not truth
