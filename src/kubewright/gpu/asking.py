"""Permits for emptying a node of GPUs, from the one budget for whoever disrupts."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from kubewright.api.core import NODES, Node, Pod
from kubewright.api.crds.gpupolicy import GPUPolicy
from kubewright.api.plan import Action, Apply, Evict
from kubewright.disruption.permits import Permits
from kubewright.disruption.requests import Granted, PodRef, Request, Urgency
from kubewright.gpu.configs import DRAINING
from kubewright.store.index import Index

_SECONDS = 1800.0

_log = logging.getLogger(__name__)


async def allowed(
    permits: Permits, policy: GPUPolicy, actions: tuple[Action, ...], nodes: Index[Node], pods: Index[Pod]
) -> tuple[Action, ...]:
    """Return what of a plan may be done now: no node is closed and nobody moved off one without a permit.

    A node that is closed already stays so, and its pods wait for theirs.
    """
    closing = [each.key.name for each in _nodes(actions) if "spec" in each.manifest]
    leaving = [PodRef(each.key, each.uid) for each in actions if isinstance(each, Evict)]
    if not leaving and not closing:
        # A node that is closed is opened by no longer saying that it is.
        opened = [each.key.name for each in _nodes(actions) if _is_closed(nodes.get(each.key))]
        await permits.give_back(*map(_about, opened))
        return actions
    gone_from = {pod.spec.node_name for each in leaving if (pod := pods.get(each.key)) is not None}
    places = sorted({*closing, *gone_from})
    decisions = await permits.take(*(_request(permits, name, _on(name, leaving, pods)) for name in places))
    refused: set[str] = set()
    for name, decision in zip(places, decisions, strict=True):
        if not isinstance(decision, Granted):
            _log.info("GPUPolicy %s does not empty %s now: %s", policy.metadata.name, name, decision)
            refused.add(name)
    return tuple(each for each in actions if not _is_of(each, refused, nodes, pods))


def _nodes(actions: Iterable[Action]) -> list[Apply]:
    return [each for each in actions if isinstance(each, Apply) and each.resource is NODES]


def _is_closed(node: Node | None) -> bool:
    return node is not None and DRAINING in node.metadata.annotations


def _is_of(action: Action, refused: set[str], nodes: Index[Node], pods: Index[Pod]) -> bool:
    """Tell whether an action takes a pod off, or closes, a node that nobody may."""
    if isinstance(action, Evict):
        pod = pods.get(action.key)
        return pod is not None and pod.spec.node_name in refused
    closing = [each for each in _nodes([action]) if "spec" in each.manifest and not _is_closed(nodes.get(each.key))]
    return any(each.key.name in refused for each in closing)


def _on(node: str, leaving: Iterable[PodRef], pods: Index[Pod]) -> list[PodRef]:
    return [each for each in leaving if (pod := pods.get(each.key)) is not None and pod.spec.node_name == node]


def _request(permits: Permits, node: str, leaving: Iterable[PodRef]) -> Request:
    return Request(
        permits.requester,
        _about(node),
        "its GPUs are partitioned anew",
        urgency=Urgency.SAVING,
        nodes=(node,),
        pods=tuple(leaving),
        seconds=_SECONDS,
    )


def _about(node: str) -> str:
    return f"partition/{node}"
