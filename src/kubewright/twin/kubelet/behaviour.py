"""How simulated pods behave: latencies drawn from a seed, annotations on the pod, and faults injected from outside."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from kubewright.api.core import Pod
from kubewright.twin.kubelet.faults import Faults
from kubewright.twin.kubelet.life import Behaviour

PREFIX = "twin.kubewright.dev/"
EXIT_AFTER = f"{PREFIX}exit-after"
"""Seconds after which the first container exits, each time that it runs."""
EXIT_CODE = f"{PREFIX}exit-code"
FAIL_PULL = f"{PREFIX}fail-pull"
START_SECONDS = f"{PREFIX}start-seconds"
READY_SECONDS = f"{PREFIX}ready-seconds"
"""From running to ready, or `never`."""
STOP_SECONDS = f"{PREFIX}stop-seconds"

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Latencies:
    """From, to: drawn evenly for each pod."""

    create_seconds: Range = (0.1, 0.5)
    pull_seconds: Range = (0.5, 2.0)
    """In addition, when the node does not have the image."""
    probe_seconds: Range = (0.1, 1.0)
    """In addition to its initial delay, for pods with a readiness probe."""
    stop_seconds: Range = (0.2, 1.0)


@dataclass(slots=True)
class Behaviours:
    """Decides how each pod behaves; the same pod, by uid and seed, always the same."""

    latencies: Latencies
    seed: int
    faults: Faults = field(default_factory=Faults)

    def copy(self) -> Behaviours:
        """Return independent behaviours with the same faults."""
        return Behaviours(self.latencies, self.seed, self.faults.copy())

    def of(self, pod: Pod, *, pulls: bool) -> Behaviour:
        """Return a pod's behaviour; `pulls` says that its node lacks one of its images."""
        rng = random.Random(f"{self.seed}/{pod.metadata.uid}")  # noqa: S311  latencies
        drawn = self.latencies
        create, pull = rng.uniform(*drawn.create_seconds), rng.uniform(*drawn.pull_seconds)
        probe, stop = rng.uniform(*drawn.probe_seconds), rng.uniform(*drawn.stop_seconds)
        notes = pod.metadata.annotations
        troubles = [self.faults.of_container(pod, each) for each in pod.spec.containers]
        create = _seconds(notes.get(START_SECONDS), create + (pull if pulls else 0.0)) or 0.0
        create += sum(each.start_seconds for each in troubles)
        return Behaviour(
            create_seconds=create * self.faults.of_node(pod.spec.node_name).slowness,
            ready_seconds=_seconds(notes.get(READY_SECONDS), self._ready(pod, probe)),
            stop_seconds=_seconds(notes.get(STOP_SECONDS), stop) or 0.0,
            exit_after_seconds=_seconds(notes.get(EXIT_AFTER), troubles[0].exit_after_seconds),
            exit_code=int(_seconds(notes.get(EXIT_CODE), 0.0) or 0),
            fail_pull=notes.get(FAIL_PULL) == "true" or any(each.pull_error for each in troubles),
        )

    def _ready(self, pod: Pod, probe_seconds: float) -> float:
        probes = [each.readiness_probe for each in pod.spec.containers if each.readiness_probe is not None]
        return max((each.initial_delay_seconds for each in probes), default=0) + probe_seconds if probes else 0.0


def _seconds(text: str | None, default: float | None) -> float | None:
    """Read an annotation; `never` is None, and what is no number is as if it were not there."""
    if text == "never":
        return None
    try:
        return default if text is None else float(text)
    except ValueError:
        return default
