"""What somebody asks for before taking pods off nodes or nodes out of service, and what the answer may be. Data alone.

    Request("kubewright-healing", "repair/node-7", "its disk fails", urgency=Urgency.REPAIR, nodes=("node-7",))

The same requester asking about the same `about` again has the same permit: what it holds already is not counted twice,
what it asks for besides is added, and its time begins anew. So it may ask at every turn, also after a restart.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey

MOST_NODES = 64
MOST_PODS = 256
"""Of one request: more is asked for in turns."""


class Urgency(enum.IntEnum):
    """Who goes first. While somebody waits for room, nobody less urgent is given it."""

    SAVING = 0
    """What only saves: consolidation, defragmentation, resizing."""
    ROUTINE = 1
    """What people planned: maintenance, releases, drills."""
    REPAIR = 2
    """What is broken."""

    @property
    def word(self) -> str:
        """Return it as the API has it."""
        return self.name.capitalize()


def urgency_of(word: str) -> Urgency:
    """Return an urgency by the API's word; what nobody knows is least urgent."""
    return Urgency.__members__.get(word.upper(), Urgency.SAVING)


@dataclass(frozen=True, slots=True)
class PodRef:
    """The very pod that is to go."""

    key: ObjectKey
    uid: str

    @classmethod
    def of(cls, pod: Pod) -> PodRef:
        """Name a pod."""
        return cls(pod.key, pod.metadata.uid)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to go out of service. Whoever drains a node asks for the node first, then for pods as they go."""

    requester: str
    """The service, by its field manager."""
    about: str
    """What it is about, such as `repair/node-7`: one permit for each."""
    why: str
    urgency: Urgency = Urgency.ROUTINE
    fault: str = ""
    """The fault's class, for limits that are about some."""
    nodes: tuple[str, ...] = ()
    pods: tuple[PodRef, ...] = ()
    gpus: Mapping[str, int] = field(default_factory=dict[str, int])
    """By node, how many of its GPUs, those included that it does not offer already; none that go with a whole node."""
    seconds: float = 600.0
    """For how long at most, unless it is asked for again: whoever holds it may have died."""
    by_eviction: bool = True
    """Whether pods go by eviction, so that their PodDisruptionBudgets have to let them."""

    @property
    def id(self) -> str:
        """Return what its permit is known by."""
        return f"{self.requester}/{self.about}"


@dataclass(frozen=True, slots=True)
class Granted:
    """It may be done, until then (seconds since 1970). `fresh` if it was not held already."""

    id: str
    until: float
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not be done now: which limit forbids it, why, and when to ask again (seconds since 1970)."""

    id: str
    limit: str
    why: str
    again_at: float

    def __str__(self) -> str:
        return f"{self.why} ({self.limit})" if self.limit else self.why


Decision: TypeAlias = Granted | Refused
