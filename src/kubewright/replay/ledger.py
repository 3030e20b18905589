"""What is written down while a day passes, from which every figure is made afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubewright.replay.workload import STEP_SECONDS

SERIES = (
    "cpu used",
    "cpu requested",
    "cpu provisioned",
    "memory used",
    "memory requested",
    "memory provisioned",
    "gpu used",
    "gpu given",
    "gpu provisioned",
    "nodes",
    "pods",
    "pods waiting",
)
SAMPLE_SECONDS = 300


@dataclass(slots=True)
class Recovery:
    """A fault or a bad release, and how long service was not as it should be."""

    cause: str
    title: str
    hurt: bool
    restored: float | None
    """Seconds after the fault by the cluster's own means; None for never."""
    with_person: float | None
    """The same where a person helps if nothing else does; None where service was never gone."""


@dataclass(slots=True)
class Deployment:
    """A release, when it was asked for and what became of it."""

    at: float
    bad: bool
    failed: bool
    """Service was not as it should be for over a minute, or a person was needed."""
    mended: float | None = None
    """Seconds until service was as it should be again, people helping; None where it was all the time."""


@dataclass(slots=True)
class Ledger:
    """One side's day."""

    samples: list[tuple[float, ...]] = field(default_factory=list[tuple[float, ...]])
    """In the order of `SERIES`, each the mean of `SAMPLE_SECONDS`; cores, GiB, GPUs, counts."""
    waits: list[float] = field(default_factory=list[float])
    """Of each pod that was placed, from being asked for until it was bound."""
    waits_of_teams: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    first_waits: list[float] = field(default_factory=list[float])
    """The same of those for which there was room at once."""
    asked: int = 0
    finished: int = 0
    removed: int = 0
    """Pods of applications that were scaled down or replaced by a newer release."""
    evictions: dict[str, int] = field(default_factory=dict[str, int])
    lost: int = 0
    """Pods whose node died."""
    running: int = 0
    waiting: int = 0
    between: int = 0
    """Pods that were evicted or lost, and whose owners ask again after the day's end."""
    violation_minutes: float = 0.0
    """Of applications whose load was more than their pods could serve."""
    disturbed_minutes: float = 0.0
    """Of applications that a fault or a bad release hit, people helping."""
    violations_by_team: dict[int, float] = field(default_factory=dict[int, float])
    deadlines: int = 0
    deadlines_missed: int = 0
    recoveries: list[Recovery] = field(default_factory=list[Recovery])
    deployments: list[Deployment] = field(default_factory=list[Deployment])
    scalings: int = 0

    def evicted(self, why: str) -> None:
        """Count a pod that was taken off its node."""
        self.evictions[why] = self.evictions.get(why, 0) + 1

    def waited(self, team: int, seconds: float, *, first: bool) -> None:
        """Note how long a pod waited for its node."""
        self.waits.append(seconds)
        self.waits_of_teams.setdefault(team, []).append(seconds)
        if first:
            self.first_waits.append(seconds)

    def violated(self, team: int, steps: int) -> None:
        """Note steps of an application in which it broke its promise."""
        minutes = steps * STEP_SECONDS / 60
        self.violation_minutes += minutes
        self.violations_by_team[team] = self.violations_by_team.get(team, 0.0) + minutes

    @property
    def accounted(self) -> bool:
        """Tell whether every pod that was asked for has ended, gone, runs or waits."""
        return self.asked == self.finished + self.removed + self.running + self.waiting + self.between
