"""Replication controllers: ReplicaSets of the core group, from before there was a group for them.

Their Struct has the names that a ReplicaSet's has, so that one controller serves both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kubewright.api.apps import ReplicaSetStatus
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.selectors import LabelSelector


class ReplicationControllerSpec(Leaf, frozen=True):
    """The wanted pods. `template` is the whole document; the selector knows equality alone."""

    replicas: int = 1
    labels: Mapping[str, str] = msgspec.field(default=EMPTY, name="selector")
    template: Mapping[str, Any] = EMPTY
    min_ready_seconds: int = 0

    @property
    def selector(self) -> LabelSelector:
        """Return the selector as a ReplicaSet has it."""
        return LabelSelector(match_labels=self.labels)


class ReplicationController(KubeObject, frozen=True, kw_only=True):
    """A replication controller."""

    spec: ReplicationControllerSpec = ReplicationControllerSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()


REPLICATION_CONTROLLERS: Resource[ReplicationController] = Resource(
    "", "v1", "replicationcontrollers", "ReplicationController", ReplicationController
)
