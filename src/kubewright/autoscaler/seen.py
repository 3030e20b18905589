"""What a policy's turn goes by, what it comes to, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.autoscaling import HorizontalPodAutoscaler, Scale
from kubewright.api.crds.scalepolicy import REACTIVE, ScalePolicy
from kubewright.autoscaler.bounds import Range
from kubewright.autoscaler.metrics import Outlook
from kubewright.autoscaler.readings import Readings
from kubewright.scaling.limits import History
from kubewright.scaling.podset import PodSet
from kubewright.scaling.turn import Decision
from kubewright.scaling.usage import Proposal


@dataclass(frozen=True, slots=True)
class Seen:
    """What a turn goes by."""

    policy: ScalePolicy
    scale: Scale | str
    """The target's, or why it has none."""
    pods: PodSet
    readings: Readings
    gone: bool = False
    """Whether there is no such target: nothing of it runs."""
    wrong: tuple[str, ...] = ()
    """What is wrong with the policy itself."""
    rival: HorizontalPodAutoscaler | None = None
    """Another autoscaler of the same target."""
    older: str = ""
    """The name of an older policy of the same target, which goes first."""
    outlooks: Mapping[int, Outlook] = field(default_factory=dict[int, Outlook])
    """What is forecast, by the place of the metric."""
    forecasting: str = ""
    """Why nothing is forecast, if it should be."""
    proposals: Sequence[Proposal | None] = ()
    """What metrics ask for by their places, as far as that was worked out for all policies at once."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one turn leaves to the next."""

    history: History = field(default_factory=History)
    failing_since: float | None = None
    """Since when no number could be worked out."""
    current: int | None = None
    """How many pods were wanted."""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn came to. `decision.rescale` says whether the number is to be written."""

    decision: Decision
    memory: Memory
    bounds: Range
    mode: str = REACTIVE
    problems: tuple[str, ...] = ()
    """Of its metrics."""
    surprised: bool = False
    """Whether there is more than was forecast."""
    forecast: int = 0
    """How many pods what is coming needs; 0 while nothing is forecast."""
