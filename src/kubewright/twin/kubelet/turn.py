"""One step of a pod's life, as it is being worked out: what it may ask, and what it tells of.

`advance.py` makes a `Turn`; the modules for starts, probes, exits and stops change its containers and add news.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec.structs import replace

from kubewright.api.core import Container, Pod
from kubewright.twin.kubelet.behaviour import Acts
from kubewright.twin.kubelet.images import NodeImages
from kubewright.twin.kubelet.life import ContainerLife, Life, Stage, Verdict, all_containers, is_main
from kubewright.twin.kubelet.limits import Crossing


@dataclass(frozen=True, slots=True)
class News:
    """An event to be told of, about the pod or about one of its containers."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    field_path: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """What a pod refers to and is not there."""

    volumes: tuple[str, ...] = ()
    """Why volumes cannot be mounted."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why a container's variables cannot be made, by its name."""


NOTHING_MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Around:
    """What a pod's life depends on besides the pod."""

    acts: Callable[[Container], Acts]
    images: NodeImages
    setup_seconds: float = 0.0
    missing: Missing = NOTHING_MISSING
    images_in_use: Callable[[], frozenset[str]] = frozenset
    pod_ip: str = ""
    crossing: Crossing | None = None
    """When containers will use more than they may; None for a pod that never does."""
    verdict: Verdict | None = None
    """Why the pod has to go."""
    anew: bool = False
    """Whether containers may act otherwise than they did: a fault came or went."""
    fits: Callable[[Pod], Verdict | None] = lambda _: None
    """Why the node has no room for what a pod that it runs now wants."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next state, and what is to be told."""

    life: Life
    news: tuple[News, ...] = ()


@dataclass(slots=True)
class Turn:
    """A step that is being worked out."""

    pod: Pod
    around: Around
    now: float
    before: Life
    life: Life
    specs: tuple[Container, ...]
    containers: list[ContainerLife]
    news: list[News] = field(default_factory=list[News])

    @classmethod
    def of(cls, life: Life, pod: Pod, around: Around, now: float) -> Turn:
        """Begin a turn."""
        return cls(pod, around, now, life, life, all_containers(pod), list(life.containers))

    def acts(self, position: int) -> Acts:
        """Return how a container acts."""
        return self.around.acts(self.specs[position])

    def is_main(self, position: int) -> bool:
        """Tell whether the container is no init container."""
        return is_main(self.pod, position)

    def change(self, position: int, **changes: Any) -> ContainerLife:
        """Change what is remembered of a container."""
        changed = self.containers[position] = replace(self.containers[position], **changes)
        return changed

    def change_pod(self, **changes: Any) -> None:
        """Change what is remembered of the pod."""
        self.life = replace(self.life, **changes)

    def tell(self, kind: Literal["Normal", "Warning"], reason: str, message: str, position: int | None = None) -> None:
        """Tell of something that happened to the pod, or to one of its containers."""
        path = ""
        if position is not None:
            field_name = "containers" if self.is_main(position) else "initContainers"
            path = f"spec.{field_name}{{{self.specs[position].name}}}"
        self.news.append(News(kind, reason, message, path))

    @property
    def initialized(self) -> bool:
        """Whether a container that is no init container has been started."""
        return any(each.has_run for each in self.containers[len(self.pod.spec.init_containers) :])

    def step(self) -> Step:
        """End the turn."""
        containers = tuple(self.containers)
        life = replace(self.life, containers=containers, due_at=self._due_at())
        return Step(self.before if life == self.before else life, tuple(self.news))

    def _due_at(self) -> float | None:
        life = self.life
        match life.stage:
            case Stage.SETTING_UP:
                return life.due_at
            case Stage.ACTIVE:
                deadline = self.pod.spec.active_deadline_seconds
                times = [each.next_at for each in self.containers]
                times.append(None if deadline is None else life.began_at + deadline)
                times += [life.resize.retry_at, life.resize.done_at]
            case Stage.STOPPING:
                times = [each.exit_at for each in self.containers if each.is_running]
            case Stage.FINISHED | Stage.GONE:
                return None
        return min((each for each in times if each is not None), default=None)
