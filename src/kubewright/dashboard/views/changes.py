"""What people and policies changed lately: releases and scalings, which incidents are told among. Pure.

A release is a new ReplicaSet, whoever made it. Scalings are noted as policies tell of them, since a policy keeps only
its last; from before the dashboard began there is one of each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from typing import Any

import msgspec

from kubewright.api.apps import ReplicaSet
from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.api.meta import controller_of, parse_time
from kubewright.dashboard.tables import Row

MOST = 300
"""Of each sort, the latest."""
_MOST_TEXT = 256


class ChangeRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change."""

    id: str
    namespace: str
    about: str
    at: float
    what: str = ""


class Scalings:
    """The last scalings of all policies, in order; `world.World` notes them as they come."""

    def __init__(self) -> None:
        self._noted: deque[Row] = deque(maxlen=MOST)

    def note(self, old: ScalePolicy | None, new: ScalePolicy | None) -> None:
        """Look whether a policy has scaled."""
        moment = new.status.last_scale_time if new is not None else None
        if new is None or not moment or (old is not None and old.status.last_scale_time == moment):
            return
        status, target = new.status, f"{new.spec.target.kind}/{new.metadata.namespace}/{new.spec.target.name}"
        before = old.status.current_replicas if old is not None else 0
        what = f"{before} to {status.desired_replicas} pods" if before else f"to {status.desired_replicas} pods"
        shown = ChangeRow(f"{new.key}@{moment}", new.metadata.namespace, target, parse_time(moment), what)
        self._noted.append(Row(shown.id, shown.namespace, shown))

    def rows(self) -> Iterator[Row]:
        """Yield them."""
        yield from self._noted


def releases(sets: Iterable[ReplicaSet]) -> Iterator[Row]:
    """Yield the last releases."""
    for each in nlargest(MOST, sets, key=lambda found: (found.metadata.created_at, found.key)):
        owner, namespace = controller_of(each), each.metadata.namespace
        about = f"ReplicaSet/{each.key}" if owner is None else f"{owner.kind}/{namespace}/{owner.name}"
        shown = ChangeRow(str(each.key), namespace, about, each.metadata.created_at, _images(each.spec.template))
        yield Row(shown.id, namespace, shown)


def _images(template: Mapping[str, Any]) -> str:
    """Say which images, without their registries: what a release changes is at the end of a name."""
    spec: Mapping[str, Any] = template.get("spec") or {}
    containers: Sequence[Mapping[str, Any]] = spec.get("containers") or ()
    return ", ".join(str(each["image"]).rsplit("/", 1)[-1] for each in containers if each.get("image"))[:_MOST_TEXT]
