"""Permits for emptying nodes, from the one budget for whoever disrupts: for a node first, then for pods as they go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.plan import Evict
from kubewright.disruption.permits import Permits
from kubewright.disruption.requests import Granted, PodRef, Request, Urgency
from kubewright.nodepools.seen import Begun

_log = logging.getLogger(__name__)


async def may_begin(permits: Permits, begun: Sequence[Begun]) -> list[Begun]:
    """Return the nodes that may be emptied now; the others are asked for again when it is looked next."""
    requests = [_request(permits, each.node.metadata.name, seconds=_seconds(each)) for each in begun]
    decisions = await permits.take(*requests)
    for each in decisions:
        if not isinstance(each, Granted):
            _log.info("%s: not now: %s", each.id, each)
    return [each for each, decision in zip(begun, decisions, strict=True) if isinstance(decision, Granted)]


async def may_go(
    permits: Permits, evictions: Sequence[Evict], pod_of: Callable[[ObjectKey], Pod | None]
) -> list[tuple[Evict, Pod]]:
    """Return which evictions may be asked for now, with their pods."""
    found = [(each, pod) for each in evictions if (pod := pod_of(each.key)) is not None]
    requests = [_request(permits, pod.spec.node_name, pods=(PodRef.of(pod),)) for _, pod in found]
    decisions = await permits.take(*requests)
    return [each for each, decision in zip(found, decisions, strict=True) if isinstance(decision, Granted)]


async def give_back(permits: Permits, nodes: Iterable[Node]) -> None:
    """Give the permits of nodes back that take pods again."""
    await permits.give_back(*(_about(each.metadata.name) for each in nodes))


def _request(permits: Permits, node: str, *, pods: tuple[PodRef, ...] = (), seconds: float = 1800.0) -> Request:
    return Request(
        permits.requester,
        _about(node),
        "it is emptied and given back",
        urgency=Urgency.SAVING,
        nodes=(node,),
        pods=pods,
        seconds=seconds,
    )


def _about(node: str) -> str:
    return f"empty/{node}"


def _seconds(begun: Begun) -> float:
    spec = begun.pool.spec
    return float(spec.consolidation.drain_seconds + spec.startup_seconds)
