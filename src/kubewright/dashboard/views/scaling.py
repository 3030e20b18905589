"""Scaling: a row for each ScalePolicy, with what it goes by, what it decided and how far it may go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.api.meta import seconds_of
from kubewright.dashboard.tables import Row


class MetricShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a metric is, what is aimed at, and how many pods it asks for."""

    name: str
    value: str = ""
    target: str = ""
    replicas: int = 0


class Judged(msgspec.Struct, frozen=True, omit_defaults=True):
    """A condition in words."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class ScaleRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A policy and what it does."""

    id: str
    namespace: str
    name: str
    target: str
    mode: str = ""
    """How it was decided: reactive or predictive."""
    wanted_mode: str = ""
    least: int = 0
    most: int = 0
    current: int = 0
    desired: int = 0
    scaled: float = 0.0
    metrics: tuple[MetricShown, ...] = ()
    conditions: tuple[Judged, ...] = ()
    schedules: tuple[str, ...] = ()


def rows(policies: Iterable[ScalePolicy]) -> Iterator[Row]:
    """Yield every policy."""
    for policy in policies:
        spec, status = policy.spec, policy.status
        shown = ScaleRow(
            id=str(policy.key),
            namespace=policy.metadata.namespace,
            name=policy.metadata.name,
            target=f"{spec.target.kind}/{spec.target.name}",
            mode=status.mode,
            wanted_mode=spec.mode,
            least=spec.min,
            most=spec.max,
            current=status.current_replicas,
            desired=status.desired_replicas,
            scaled=seconds_of(status.last_scale_time),
            metrics=tuple(MetricShown(each.name, each.value, each.target, each.replicas) for each in status.metrics),
            conditions=tuple(Judged(each.type, each.status, each.reason, each.message) for each in status.conditions),
            schedules=tuple(f"{each.name}: {each.start} to {each.end} {each.time_zone}" for each in spec.schedules),
        )
        yield Row(shown.id, shown.namespace, shown)
