"""Usage with overlays laid over it: what kubelets go by while nobody keeps account of usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kubewright.api.core import Pod
from kubewright.clock import Clock
from kubewright.twin.kubelet.limits import Usage
from kubewright.twin.usage.profile import Overlay, Profile, overlay


class Laying(Protocol):
    """Takes overlays on pods."""

    def lay(self, name: str, pod: Pod, change: Overlay, container: str = "") -> None:
        """Let a pod's containers, or one of them, act otherwise from now on; the same name replaces what it named."""
        ...

    def lift(self, name: str, pod: Pod) -> None:
        """Undo `lay`."""
        ...


@dataclass(frozen=True, slots=True)
class _Laid:
    change: Overlay
    container: str
    at: float


class LaidUsage:
    """Profiles as they are, with what was laid on."""

    def __init__(self, base: Usage, clock: Clock) -> None:
        self._base = base
        self._clock = clock
        self._laid: dict[str, dict[str, _Laid]] = {}

    def profile(self, pod: Pod, container: str, started_at: float) -> Profile:
        """Return the profile of a container that was started then."""
        found = self._base.profile(pod, container, started_at)
        for laid in self._laid.get(pod.metadata.uid, {}).values():
            if laid.container in {"", container}:
                found = overlay(found, laid.change, laid.at, started_at)
        return found

    def lay(self, name: str, pod: Pod, change: Overlay, container: str = "") -> None:
        """Let a pod's containers, or one of them, act otherwise from now on."""
        self._laid.setdefault(pod.metadata.uid, {})[name] = _Laid(change, container, self._clock.now())

    def lift(self, name: str, pod: Pod) -> None:
        """Undo `lay`."""
        laid = self._laid.get(pod.metadata.uid, {})
        laid.pop(name, None)
        if not laid:
            self._laid.pop(pod.metadata.uid, None)
