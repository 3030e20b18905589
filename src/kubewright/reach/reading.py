"""Reading a cluster's network from its API server: one list of each kind, at once. What may not be read is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.core import NAMESPACES, NODES, PODS, SERVICES
from kubewright.api.discovery import ENDPOINT_SLICES
from kubewright.api.meta import PartialObject, Resource
from kubewright.api.networking import NETWORK_POLICIES
from kubewright.api.replication import REPLICATION_CONTROLLERS
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.reach.world import Foreign, World

_MAKERS: tuple[Resource[Any], ...] = (
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    DAEMON_SETS,
    JOBS,
    CRON_JOBS,
    REPLICATION_CONTROLLERS,
)
_KINDS: tuple[Resource[Any], ...] = (
    NODES,
    PODS,
    NAMESPACES,
    SERVICES,
    ENDPOINT_SLICES,
    NETWORK_POLICIES,
    *_MAKERS,
)


def _foreign(group: str, version: str, kind: str, plural: str, *, namespaced: bool = False) -> Resource[PartialObject]:
    return Resource(group, version, plural, kind, PartialObject, namespaced=namespaced)


_CLUSTER_WIDE = "policy.networking.k8s.io"
_FOREIGN: tuple[Resource[PartialObject], ...] = (
    _foreign(_CLUSTER_WIDE, "v1alpha2", "ClusterNetworkPolicy", "clusternetworkpolicies"),
    _foreign(_CLUSTER_WIDE, "v1alpha1", "AdminNetworkPolicy", "adminnetworkpolicies"),
    _foreign(_CLUSTER_WIDE, "v1alpha1", "BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies"),
    _foreign("cilium.io", "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies", namespaced=True),
    _foreign("cilium.io", "v2", "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies"),
    _foreign("crd.projectcalico.org", "v1", "CalicoNetworkPolicy", "networkpolicies", namespaced=True),
    _foreign("crd.projectcalico.org", "v1", "GlobalNetworkPolicy", "globalnetworkpolicies"),
)
"""Policies that network plugins bring, and those for whole clusters: it is told that one is there, not what it does."""


async def read(client: Client) -> World:
    """Read everything that decides who reaches whom; raises OpError when pods cannot be read."""
    kinds = (*_KINDS, *_FOREIGN)
    lists = await asyncio.gather(*(_listed(client, kind) for kind in kinds))
    found = {kind: each[0] for kind, each in zip(kinds, lists, strict=True)}
    return World(
        pods=tuple(found[PODS]),
        nodes=tuple(found[NODES]),
        namespaces=tuple(found[NAMESPACES]),
        policies=tuple(found[NETWORK_POLICIES]),
        services=tuple(found[SERVICES]),
        slices=tuple(found[ENDPOINT_SLICES]),
        makers=tuple(each for kind in _MAKERS for each in found[kind]),
        foreign=tuple(Foreign(kind.kind, each.key) for kind in _FOREIGN for each in found[kind]),
        unread={_name(kind): each[1] for kind, each in zip(kinds, lists, strict=True) if each[1]},
    )


def _name(kind: Resource[Any]) -> str:
    return f"{kind.plural}.{kind.group}" if kind in _FOREIGN else kind.plural


async def _listed(client: Client, kind: Resource[Any]) -> tuple[Sequence[Any], str]:
    """Return a kind's objects, and why some or all are missing. Foreign ones nobody need have defined."""
    try:
        listing = await client.list(kind)
    except OpError as error:
        if kind is PODS or error.kind not in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
            raise
        return (), "" if kind in _FOREIGN and error.kind is ErrorKind.NOT_FOUND else error.detail
    if listing.undecodable:
        first = listing.undecodable[0]
        return listing.items, f"{len(listing.undecodable)} could not be understood, such as {first.key}: {first.error}"
    return listing.items, ""
