"""How simulated containers behave: latencies drawn from a seed, annotations on their pod, and faults.

An annotation holds for the pod's containers as its description says; with `.NAME` added, for the container NAME alone.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

from kubewright.api.core import Container, Pod
from kubewright.api.quantity import value
from kubewright.twin.kubelet.faults import Faults
from kubewright.twin.kubelet.images import size_of

PREFIX = "twin.kubewright.dev/"
EXIT_AFTER = f"{PREFIX}exit-after"
"""Seconds after which the first container, or an init container, exits, each time that it runs."""
EXIT_CODE = f"{PREFIX}exit-code"
"""What such a run ends with."""
FAIL_PULL = f"{PREFIX}fail-pull"
"""`true`, or the registry's error; an image that the node has is not pulled."""
FAIL_START = f"{PREFIX}fail-start"
"""The runtime's error when it starts the first container."""
FAIL_PROBES = f"{PREFIX}fail-probes"
"""Which probes fail: `readiness`, `liveness`, `startup`, separated by commas."""
START_SECONDS = f"{PREFIX}start-seconds"
"""From binding to running, pulls included."""
READY_SECONDS = f"{PREFIX}ready-seconds"
"""From running until probes are answered, or `never`; a container without a readiness probe is ready then."""
STOP_SECONDS = f"{PREFIX}stop-seconds"
"""From the signal to the end, or `never` for a container that ignores SIGTERM."""
STOP_CODE = f"{PREFIX}stop-code"
"""What a container ends with that was told to stop."""
PRE_STOP_SECONDS = f"{PREFIX}pre-stop-seconds"
"""How long a preStop command or request takes; a sleep takes what it says."""
IMAGE_SIZE = f"{PREFIX}image-size"
"""How large the image is, as a quantity of bytes."""

Range = tuple[float, float]
_CRC_MAX = 0xFFFFFFFF
_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Latencies:
    """From, to: drawn evenly for each pod."""

    create_seconds: Range = (0.1, 0.5)
    """Volumes, network and the container itself."""
    pull_seconds: Range = (0.2, 0.5)
    """To begin a pull: what follows takes its size over the bandwidth."""
    pull_bytes_per_second: float = 200e6
    probe_seconds: Range = (0.1, 1.0)
    """From the start, and its initial delay, to the first probe."""
    stop_seconds: Range = (0.2, 1.0)
    init_seconds: Range = (0.1, 0.5)
    """How long init containers run."""


@dataclass(frozen=True, slots=True)
class Acts:
    """How one container acts; all in seconds."""

    warm_up_seconds: float | None = 0.0
    """From its start until it answers probes; None for never."""
    first_probe_seconds: float = 0.0
    exit_after_seconds: float | None = None
    exit_code: int = 0
    stop_seconds: float | None = 0.5
    """From SIGTERM to its end; None when it ignores it."""
    stop_code: int = 0
    pre_stop_seconds: float = 0.0
    image_bytes: int = 0
    pull_seconds: float = 0.0
    pull_error: str = ""
    start_error: str = ""
    failing_probes: frozenset[str] = frozenset()
    failing_after_seconds: float = 0.0
    """So long after its start they begin to fail."""


@dataclass(slots=True)
class Behaviours:
    """Decides how each pod behaves; the same pod, by uid and seed, always the same."""

    latencies: Latencies
    seed: int
    faults: Faults = field(default_factory=Faults)

    def copy(self) -> Behaviours:
        """Return independent behaviours with the same faults."""
        return Behaviours(self.latencies, self.seed, self.faults.copy())

    def setup_seconds(self, pod: Pod) -> float:
        """Return how long it takes from binding until the first container may start."""
        troubles = [self.faults.of_container(pod, each) for each in pod.spec.containers]
        usual = self._draw(self.latencies.create_seconds, pod, "create")
        seconds = _seconds(pod.metadata.annotations.get(START_SECONDS), usual) or 0.0
        slowness = self.faults.of_node(pod.spec.node_name).slowness
        return (seconds + sum(each.start_seconds for each in troubles)) * slowness

    def of(self, pod: Pod, container: Container) -> Acts:
        """Return how a container of a pod acts."""
        notes = _Notes(pod, container)
        trouble = self.faults.of_container(pod, container)
        drawn, name = self.latencies, container.name
        size = notes.bytes(IMAGE_SIZE, container.image)
        usual = self._draw(drawn.init_seconds, pod, "init", name) if notes.is_passing else None
        exits = notes.seconds(EXIT_AFTER, usual, first_only=True)
        code = int(notes.seconds(EXIT_CODE, 0.0, first_only=True) or 0)
        if trouble.exit_after_seconds is not None and (exits is None or trouble.exit_after_seconds < exits):
            exits, code = trouble.exit_after_seconds, trouble.exit_code
        slowness = self.faults.of_node(pod.spec.node_name).slowness
        noted = notes.words(FAIL_PROBES)
        return Acts(
            warm_up_seconds=notes.seconds(READY_SECONDS, 0.0),
            first_probe_seconds=self._draw(drawn.probe_seconds, pod, "probe", name),
            exit_after_seconds=exits,
            exit_code=code,
            stop_seconds=notes.seconds(STOP_SECONDS, self._draw(drawn.stop_seconds, pod, "stop", name)),
            stop_code=int(notes.seconds(STOP_CODE, 0.0) or 0),
            pre_stop_seconds=_pre_stop(container, notes.seconds(PRE_STOP_SECONDS, 0.0) or 0.0),
            image_bytes=size,
            pull_seconds=self._pull(notes, size) * slowness,
            pull_error=notes.error(FAIL_PULL, "not found") or trouble.pull_error,
            start_error=notes.error(FAIL_START, "failed to create containerd task", first_only=True)
            or trouble.start_error,
            failing_probes=trouble.failing_probes | noted,
            failing_after_seconds=0.0 if noted else trouble.failing_after_seconds,
        )

    def _draw(self, limits: Range, pod: Pod, *salt: str) -> float:
        """Draw evenly, the same for the same pod: by a hash, since a generator each would cost more than all else."""
        low, high = limits
        text = "/".join((str(self.seed), pod.metadata.uid, *salt))
        return low + (high - low) * zlib.crc32(text.encode()) / _CRC_MAX

    def _pull(self, notes: _Notes, size: int) -> float:
        if START_SECONDS in notes.pod.metadata.annotations:
            return 0.0
        begin_seconds = self._draw(self.latencies.pull_seconds, notes.pod, "pull", notes.container.name)
        return begin_seconds + size / self.latencies.pull_bytes_per_second


@dataclass(frozen=True, slots=True)
class _Notes:
    """A pod's annotations, as they hold for one of its containers."""

    pod: Pod
    container: Container

    @property
    def is_passing(self) -> bool:
        """Whether it is an init container that runs to its end."""
        return not self.container.is_sidecar and any(
            each.name == self.container.name for each in self.pod.spec.init_containers
        )

    def text(self, name: str, *, first_only: bool = False) -> str | None:
        notes = self.pod.metadata.annotations
        own = notes.get(f"{name}.{self.container.name}")
        if own is not None or (first_only and self.container.name != self.pod.spec.containers[0].name):
            return own
        return notes.get(name)

    def seconds(self, name: str, default: float | None, *, first_only: bool = False) -> float | None:
        return _seconds(self.text(name, first_only=first_only), default)

    def error(self, name: str, usual: str, *, first_only: bool = False) -> str:
        text = self.text(name, first_only=first_only)
        return usual if text == "true" else "" if text == "false" else (text or "")

    def words(self, name: str) -> frozenset[str]:
        return frozenset(each.strip() for each in (self.text(name) or "").split(",") if each.strip())

    def bytes(self, name: str, image: str) -> int:
        text = self.text(name)
        try:
            return size_of(image) if text is None else max(value(text), 0)
        except ValueError:
            return size_of(image)


def _pre_stop(container: Container, usual: float) -> float:
    """Return how long what is done before the signal takes."""
    hook = container.lifecycle.pre_stop if container.lifecycle is not None else None
    if hook is None:
        return 0.0
    if hook.sleep is not None:
        return float(hook.sleep.seconds)
    found = _SLEEP.search(" ".join(hook.exec_.command)) if hook.exec_ is not None else None
    return float(found[1]) if found is not None and not usual else usual


def _seconds(text: str | None, default: float | None) -> float | None:
    """Read an annotation; `never` is None, and what is no number is as if it were not there."""
    if text == "never":
        return None
    try:
        return default if text is None else float(text)
    except ValueError:
        return default
