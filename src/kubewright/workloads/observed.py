"""What was seen of an AppService's children. They keep their whole `spec`, to be compared with what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.conditions import Condition
from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import EMPTY, KubeObject, Resource, controller_of
from kubewright.workloads.children import NAME_LABEL


class ChildStatus(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a Deployment's status that says how far it has come; a Service has none of it."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class Child(KubeObject, frozen=True, kw_only=True):
    """A Deployment or a Service."""

    spec: Mapping[str, Any] = EMPTY
    status: ChildStatus = ChildStatus()


CHILD_DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", Child)
CHILD_SERVICES = Resource("", "v1", "services", "Service", Child)


@dataclass(frozen=True, slots=True)
class Observed:
    """The objects that have the names of an AppService's children, whoever made them."""

    deployment: Child | None
    service: Child | None

    def existing(self) -> tuple[tuple[Resource[Child], Child], ...]:
        """Return those that exist, each with its kind."""
        pairs = ((CHILD_DEPLOYMENTS, self.deployment), (CHILD_SERVICES, self.service))
        return tuple((resource, child) for resource, child in pairs if child is not None)


def owned_by(app: AppService, child: Child) -> bool:
    """Tell whether the child is the application's, or was and lost its owner. All others are somebody else's."""
    owner = controller_of(child)
    if owner is not None:
        return owner.uid == app.metadata.uid
    return child.metadata.labels.get(NAME_LABEL) == app.metadata.name
