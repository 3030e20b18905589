"""What the overview looks at: a cluster's nodes, leases, waiting pods and the platform's own objects. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubewright.api.coordination import Lease
from kubewright.api.core import Node, Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.incident import Incident
from kubewright.api.crds.team import Team


@dataclass(frozen=True, slots=True)
class Facts:
    """As of one moment."""

    nodes: Sequence[Node] = ()
    leases: Sequence[Lease] = ()
    """Of all namespaces, or those of the platform's services alone."""
    pending: Sequence[Pod] = ()
    """Pods without a node that are not finished."""
    pods: int = 0
    """How many pods there are."""
    apps: Sequence[AppService] = ()
    incidents: Sequence[Incident] = ()
    teams: Sequence[Team] = ()
    unread: Mapping[str, str] = field(default_factory=dict[str, str])
    """Plural of a kind -> why it could not be read."""
    absent: frozenset[str] = frozenset()
    """Plurals of the kinds that the cluster does not know."""
