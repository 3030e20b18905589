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
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rolloutstatus import PROGRESSING
from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.api.meta import ObjectKey, controller_of, parse_time
from kubewright.dashboard.tables import Row
from kubewright.dashboard.views.courses import Mark

MOST = 300
"""Of each sort, the latest."""
_MOST_TEXT, _MOST_STEPS = 256, 64


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


class Steps:
    """The last steps of each application's releases; `world.World` notes them as they come."""

    def __init__(self) -> None:
        self._noted: dict[ObjectKey, deque[Mark]] = {}

    def note(self, old: AppService | None, new: AppService | None) -> None:
        """Look whether a release has moved; an application that is gone is forgotten."""
        if new is None:
            if old is not None:
                self._noted.pop(old.key, None)
            return
        state, before = new.status.rollout, None if old is None else old.status.rollout
        if state is None or not state.phase or not state.since:
            return
        if before is not None and (state.phase, state.step, state.since) == (before.phase, before.step, before.since):
            return
        what = f"{state.weight} %" if state.phase == PROGRESSING else state.phase
        self._noted.setdefault(new.key, deque(maxlen=_MOST_STEPS)).append(Mark(parse_time(state.since), what))

    def of(self, key: ObjectKey) -> Sequence[Mark]:
        """Return an application's steps, the earliest first."""
        return self._noted.get(key, ())


def releases(sets: Iterable[ReplicaSet]) -> Iterator[Row]:
    """Yield the last releases."""
    for each in nlargest(MOST, sets, key=lambda found: (found.metadata.created_at, found.key)):
        owner, namespace = controller_of(each), each.metadata.namespace
        about = f"ReplicaSet/{each.key}" if owner is None else f"{owner.kind}/{namespace}/{owner.name}"
        shown = ChangeRow(str(each.key), namespace, about, each.metadata.created_at, images_of(each.spec.template))
        yield Row(shown.id, namespace, shown)


def images_of(template: Mapping[str, Any]) -> str:
    """Say which images, without their registries: what a release changes is at the end of a name."""
    spec: Mapping[str, Any] = template.get("spec") or {}
    containers: Sequence[Mapping[str, Any]] = spec.get("containers") or ()
    return ", ".join(str(each["image"]).rsplit("/", 1)[-1] for each in containers if each.get("image"))[:_MOST_TEXT]
