"""The application as it runs."""

from __future__ import annotations

from typing import Annotated

from kubewright.api.conditions import Condition
from kubewright.api.crds.appservice.rolloutstatus import RolloutStatus
from kubewright.api.described import described
from kubewright.api.meta import Leaf

_COUNT = {"format": "int32"}
_GENERATION = {"format": "int64"}


class AppServiceStatus(Leaf, frozen=True):
    """The application as it runs."""

    ready: Annotated[bool, described("Whether all replicas of the present spec are up and ready.")] = False
    replicas: Annotated[int, described("The number of pods there are.", _COUNT)] = 0
    ready_replicas: Annotated[int, described("The number of pods that are ready.", _COUNT)] = 0
    selector: Annotated[str, described("The label selector of the pods, for autoscalers.")] = ""
    observed_generation: Annotated[int, described("The generation that this status speaks of.", _GENERATION)] = 0
    url: Annotated[str, described("Where users reach it.")] = ""
    endpoints: Annotated[tuple[str, ...], described("Where it is reached, inside and outside.", atomic=True)] = ()
    rollout: Annotated[RolloutStatus | None, described("How far the present release has come.")] = None
    conditions: Annotated[
        tuple[Condition, ...],
        described("Ready, Reconciling and Stalled, as kstatus reads them.", list_map_keys=("type",)),
    ] = ()
