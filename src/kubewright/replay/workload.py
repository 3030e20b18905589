"""The nouns of a day: nodes, what is asked of them, and what goes wrong. Data alone; times in seconds of the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kubewright.api.core import Node

DAY_SECONDS = 86_400
STEP_SECONDS = 15
STEPS = DAY_SECONDS // STEP_SECONDS

Series = NDArray[np.float64]
"""A value for each step; shape (n_steps,)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one pod asks for; equal ones are one, so that what is worked out for one is worked out for all."""

    cpu_milli: int
    memory_mib: int
    gpus: int = 0
    gpu_milli: int = 1000
    """Of each GPU, in thousandths: less than all of it can be shared."""
    models: tuple[str, ...] = ()
    """Of GPUs; any if none is named."""
    priority: int = 0

    @property
    def all_gpu_milli(self) -> int:
        """Return what it asks of GPUs in all."""
        return self.gpus * self.gpu_milli


@dataclass(frozen=True, slots=True)
class Work:
    """A job: so many equal pods that end by themselves."""

    name: str
    team: int
    sort: str
    """`ci`, `batch`, `training` or `trace`."""
    at: float
    seconds: float
    request: Request
    pods: int = 1
    together: bool = False
    """A gang: nothing is done before all of them run."""
    cpu_share: float = 1.0
    """What is used of the cpu requested."""
    memory_share: float = 1.0
    deadline_seconds: float | None = None
    """After it was asked for."""


@dataclass(frozen=True, slots=True)
class Application:
    """A service that runs all day."""

    name: str
    team: int
    sort: str
    """`web` follows its load, `steady` has as many replicas as its owner says, `inference` serves with a GPU."""
    request: Request
    replicas: int
    """At the beginning, and the fewest."""
    load: Series = field(repr=False)
    """Requests that arrive in each step of the day."""
    history: Series = field(repr=False)
    """The same of the days before."""
    rate_per_pod: float
    """Requests a second that one pod serves at most: as much as it can with the cpu that its owner requested."""
    startup_seconds: float
    memory_share: float
    gpu_share: float = 0.0
    """What is really used of the GPU that it asks for."""

    @property
    def scaled(self) -> bool:
        """Whether its replicas follow the load."""
        return self.sort != "steady"

    def cores_per_request(self) -> float:
        """Return the cpu seconds that a request takes."""
        return self.request.cpu_milli / 1000 / self.rate_per_pod


@dataclass(frozen=True, slots=True)
class Release:
    """A new version of an application; a bad one is of the kind of some drill."""

    at: float
    application: int
    drill: str = ""
    person: float = 0.5
    """Where in the distribution of a person's response this one lies, between 0 and 1."""


@dataclass(frozen=True, slots=True)
class FaultArrival:
    """Something breaks, as in some drill."""

    at: float
    drill: str
    target: int
    """A number that says which of those that it can hit."""
    person: float


@dataclass(frozen=True, slots=True)
class Day:
    """Everything that happens from outside, whoever runs the cluster."""

    source: str
    teams: int
    nodes: Sequence[Node]
    works: Sequence[Work]
    """By the time at which they are asked for."""
    applications: Sequence[Application] = ()
    releases: Sequence[Release] = ()
    faults: Sequence[FaultArrival] = ()
    seconds: int = DAY_SECONDS
