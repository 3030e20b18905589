"""What a decision about an application rests on: all that was seen of its cluster at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubewright.api.applyset import Observed
from kubewright.api.crds.appservice import AppService
from kubewright.api.live import LiveObject
from kubewright.api.meta import Resource
from kubewright.workloads.kinds import BUILT_IN, WORKLOADS
from kubewright.workloads.rollout.turn import Turn
from kubewright.workloads.troubles import Trouble


@dataclass(frozen=True, slots=True)
class Seen:
    """The application's children, and what its cluster says and can do."""

    children: Observed = field(default_factory=Observed)
    kinds: tuple[Resource[LiveObject], ...] = BUILT_IN
    """What the cluster serves of the kinds that children may be."""
    trouble: Trouble | None = None
    """What is wrong with the pods."""
    refusal: Trouble | None = None
    """Why pods were refused when they last were; it may have been mended since."""
    rollout: Turn = field(default_factory=Turn)
    """How far a release has come."""
    needed_files: frozenset[str] = frozenset()
    """The ConfigMaps of earlier releases whose pods may start again."""
    status_served: bool = True
    """Whether AppServices have a status subresource: where somebody's CRD has none, no status is written."""

    def workload(self, app: AppService) -> LiveObject | None:
        """Return what runs the application's pods."""
        return next((live for kind in WORKLOADS if (live := self.child(app, kind)) is not None), None)

    def child(self, app: AppService, kind: Resource[LiveObject]) -> LiveObject | None:
        """Return the child of this kind that has the application's name."""
        found = self.children.objects.get((kind.api_version, kind.kind, app.key))
        return found[1] if found is not None else None
