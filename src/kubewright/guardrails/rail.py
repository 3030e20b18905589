"""What a rail is: the CEL expression of what offends, and what is said of it. Values are written into expressions here.

Every rail has one form: from an object it makes a list of texts, each of which names something that is not allowed. An
expression is written about `i`: 0 is the object as it is to be, 1 as it was, which a new object was not. What offended
before is let be, so that a rail that is drawn tighter never keeps an object from being finished, moved or taken away.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class Family(enum.Enum):
    """The kinds of objects that a policy is about; its value is part of the policy's name."""

    PODS = "pods"
    CLAIMS = "claims"
    DEVICES = "devices"
    SERVICES = "services"
    ROUTES = "routes"


@dataclass(frozen=True, slots=True)
class Rail:
    """One rail, drawn: its name in `Rails` as JSON has it, the list of what offends, and what would do."""

    name: str
    family: Family
    offenders: str
    allowed: str


def literal(text: str) -> str:
    """Write a text as CEL does."""
    return json.dumps(text, ensure_ascii=False)


def literals(texts: Iterable[str]) -> str:
    """Write a list of texts as CEL does."""
    return f"[{', '.join(literal(each) for each in texts)}]"


def either(texts: Sequence[str]) -> str:
    """Say what is allowed."""
    return ", ".join(texts) or "none"


def when(condition: str, items: str) -> str:
    """Return the expression for a list that is only there under a condition."""
    return f"({condition} ? {items} : [])"
