"""The nouns: a drill, its steps, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kubewright.api.meta import Manifest
from kubewright.drills.view import View

Check: TypeAlias = Callable[[View], bool]
"""Tells from what is seen whether service is as it should be."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that somebody does to the cluster."""

    verb: Literal["create", "patch", "delete", "drain"]
    manifest: Manifest | Callable[[View], Manifest]
    """Whole to be created; of others `apiVersion`, `kind`, name and namespace, and what is patched. Some depend on what
    there is, such as the node on which a pod happens to be. A node that is drained is closed, and whoever runs there is
    asked to go, once.
    """
    after_seconds: float = 0.0
    """How long after the step before."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One fault, or something that looks like one and is none."""

    name: str
    title: str
    """What happens, in a few words."""
    steps: tuple[Step, ...]
    back: Check
    """When service is as it should be again."""
    causes: tuple[str, ...] = ()
    """The names of causes that are right answers; none for a control, where nothing is to be done."""
    before: tuple[Manifest, ...] = ()
    """What is there besides the usual applications."""
    touches: tuple[str, ...] = ("*",)
    """Patterns of the targets (`Pod/drill/web-*`) that may be acted on; whatever else is acted on was healthy."""
    lasts_seconds: float = 600.0
    """How long it is watched at most; a control, always so long."""
    harmless: bool = False
    """Whether it may be done to a real cluster, in a namespace of its own."""
    goal_seconds: float | None = None
    """By when service is to be back, where that was promised."""
    lifted: Check | None = None
    """When what was done has taken away what the fault stands for, as room on a disk does."""
    person: bool = False
    """Whether the right thing to do is to tell a person."""

    @property
    def is_control(self) -> bool:
        """Whether nothing is to be done."""
        return not self.causes


@dataclass(slots=True)
class Outcome:
    """What came of a drill; times in seconds after its first step."""

    drill: Drill
    detected: float | None = None
    """When the first incident about it was there."""
    diagnosed: float | None = None
    """When a right cause was named."""
    acted: float | None = None
    hurt: bool = False
    """Whether service was ever not as it should be."""
    restored: float | None = None
    """When service was back for good; None also where it was never gone."""
    well: bool = False
    """Whether it was as it should be at the end."""
    verified: float | None = None
    escalated: float | None = None
    """When a person was told."""
    wrong: set[str] = field(default_factory=set[str])
    """Causes that were named and are not right."""
    strangers: set[str] = field(default_factory=set[str])
    """Targets of actions on what was healthy."""
    actions: list[str] = field(default_factory=list[str])

    @property
    def mended(self) -> bool:
        """Whether all is well, and somebody proved it, or it came back without; a control was to be left alone."""
        if self.drill.is_control:
            return not self.actions and self.well
        return self.well and (self.verified is not None or self.restored is not None)
