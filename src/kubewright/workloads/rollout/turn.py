"""What a rollout makes of an application's turn: its children as they are to be now, and what is to be remembered."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rolloutstatus import RolloutStatus
from kubewright.api.meta import Manifest
from kubewright.workloads.rollout.rehearsal import Outcome


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn."""

    manifests: tuple[Manifest, ...] = ()
    state: RolloutStatus | None = None
    again_seconds: float | None = None
    """When to look again; None if events will tell."""
    problem: str = ""
    """Why what is asked for cannot be done: everything stays as it is."""
    stuck: tuple[Pod, ...] = ()
    """Pods that stand in the way of the release that is to run: a StatefulSet waits for them for ever."""
    rehearsed: Outcome | None = None
    """What came of the rehearsal of the release that waits to be started."""

    def moves(self, app: AppService) -> bool:
        """Whether something is to be remembered, or forgotten, that children follow: it is written before they are."""
        return app.status.rollout is not None and self.state != app.status.rollout
