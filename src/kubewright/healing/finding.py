"""The nouns: a cause, how it is found and what is done about it. Data and pure functions.

A detector is given the signals about one thing, and what is seen of the cluster; it says what is wrong, or None. A
remedy is asked at each turn what is STILL to be done: so a restart goes on where it was.
"""

from __future__ import annotations

import enum
import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.api.plan import Plan
from kubewright.healing.seen import Seen
from kubewright.signals.signal import Signal

ZONES: Resource[PartialObject] = Resource("", "v1", "zones", "Zone", PartialObject, namespaced=False)
"""What is ill where a whole zone is: there is no such object, but a label of its nodes."""
_NAME_LENGTH = 40
_HASH_LENGTH = 8
_NAMES_KEPT = 4096


HEALER = "kubewright-healing"
"""As what it acts: its account, its field manager, and who tells people."""


class Level(enum.Enum):
    """Where causes are looked for, in this order: what one level explains needs no explanation of the next."""

    DOMAIN = "zones and racks"
    NODE = "nodes and their devices"
    SHARED = "what many use: webhooks, names, policies, volumes, quotas, registries, certificates"
    WORKLOAD = "applications and their pods"


class Safety(enum.StrEnum):
    """What a remedy risks."""

    HARMLESS = "harmless"
    """Nothing that runs is touched."""
    LOCAL = "local"
    """One application: restarted, rolled back, resized."""
    NODE = "node"
    """A node or a device leaves service."""
    DATA = "data"
    """Data could be lost, or a brain split: only with proof, or by a person's word."""


@dataclass(frozen=True, slots=True)
class Ref:
    """One object."""

    resource: Resource[Any]
    key: ObjectKey
    uid: str = ""

    def __str__(self) -> str:
        return self.resource.target(self.key)


@dataclass(frozen=True, slots=True)
class Case:
    """What a detector is given: the signals about one thing that nobody has explained yet."""

    about: Ref
    signals: tuple[Signal, ...]
    seen: Seen
    now: float

    def of(self, *faults: str) -> tuple[Signal, ...]:
        """Return the signals of some classes."""
        return tuple(each for each in self.signals if each.fault in faults)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something has a cause."""

    cause: str
    about: Ref
    """What is ill."""
    evidence: tuple[str, ...]
    explains: frozenset[str]
    """Fingerprints of the signals that need no other explanation."""
    since: float
    part: str = ""
    """Which device or container of it."""
    zone: str = ""
    team: str = ""
    affected: tuple[Ref, ...] = ()
    """Who suffers from it."""
    details: Mapping[str, str] = field(default_factory=dict[str, str])
    """What remedies need to know."""

    @property
    def name(self) -> str:
        """Return the Incident's name: the same for the same cause of the same thing."""
        return _name_of(self.cause, str(self.about), self.about.key.name, self.part)


@functools.lru_cache(_NAMES_KEPT)
def _name_of(cause: str, about: str, plain_name: str, part: str) -> str:
    """Return it; who diagnoses asks for the same names several times a second."""
    told = "-".join(each for each in (cause, plain_name, part) if each)
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in told.lower())
    digest = hashlib.sha256(f"{cause}/{about}/{part}".encode()).hexdigest()
    return f"{plain[:_NAME_LENGTH].strip('-')}-{digest[:_HASH_LENGTH]}"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to try."""

    name: str
    safety: Safety
    plan: Callable[[Finding, Seen, float], Plan | None]
    """What is still to be done now; None where it is not applicable. Without actions all is done."""
    within_seconds: float = 60.0
    """By then it must have helped."""
    undo: Callable[[Finding, Seen, float], Plan | None] | None = None
    helped: Callable[[Finding, Seen, float], bool] | None = None
    """Where it is not enough that the cause is found no more."""
    waits_seconds: float = 0.0
    """How long somebody else is given to mend it first."""
    is_carried_through: bool = False
    """Whether it goes on to its end when the cause is found no more: it has changed something only for a while."""


@dataclass(frozen=True, slots=True)
class Cause:
    """An entry of the catalogue."""

    name: str
    level: Level
    summary: str
    faults: frozenset[str]
    """Classes of signals, or names of alerts, that make a case."""
    detect: Callable[[Case], Finding | None]
    remedies: tuple[Remedy, ...]
    """In escalating order; without any a person is told."""
    also_known_as: tuple[str, ...] = ()
    """Its names in public taxonomies."""
    steady_seconds: float = 5.0
    """What is found no more for so long is gone."""
