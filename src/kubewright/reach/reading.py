"""Reading a cluster's network from its API server: one list of each kind, at once. What may not be read is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.core import NAMESPACES, NODES, PODS, SERVICES
from kubewright.api.discovery import ENDPOINT_SLICES
from kubewright.api.meshes import (
    AUTHORIZATION_POLICIES,
    LINKERD_AUTHORIZATIONS,
    MESH_TLS_AUTHENTICATIONS,
    NETWORK_AUTHENTICATIONS,
    OLD_SERVERS,
    PEER_AUTHENTICATIONS,
    SERVER_AUTHORIZATIONS,
    SERVERS,
)
from kubewright.api.meta import PartialObject, Resource
from kubewright.api.networking import NETWORK_POLICIES
from kubewright.api.replication import REPLICATION_CONTROLLERS
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.reach.world import Foreign, Linkerd, World

_MAKERS: tuple[Resource[Any], ...] = (
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    DAEMON_SETS,
    JOBS,
    CRON_JOBS,
    REPLICATION_CONTROLLERS,
)
_LINKERD: tuple[Resource[Any], ...] = (
    OLD_SERVERS,
    SERVERS,
    LINKERD_AUTHORIZATIONS,
    SERVER_AUTHORIZATIONS,
    MESH_TLS_AUTHENTICATIONS,
    NETWORK_AUTHENTICATIONS,
)
_ISTIO: tuple[Resource[Any], ...] = (AUTHORIZATION_POLICIES, PEER_AUTHENTICATIONS)
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
    kinds = (*_KINDS, *_ISTIO, *_LINKERD, *_FOREIGN)
    lists = await asyncio.gather(*(_listed(client, kind) for kind in kinds))
    found = {kind: each[0] for kind, each in zip(kinds, lists, strict=True)}
    missing = {kind: each[1] for kind, each in zip(kinds, lists, strict=True) if each[1]}
    return World(
        pods=tuple(found[PODS]),
        nodes=tuple(found[NODES]),
        namespaces=tuple(found[NAMESPACES]),
        policies=tuple(found[NETWORK_POLICIES]),
        services=tuple(found[SERVICES]),
        slices=tuple(found[ENDPOINT_SLICES]),
        makers=tuple(each for kind in _MAKERS for each in found[kind]),
        istio_policies=tuple(found[AUTHORIZATION_POLICIES]),
        istio_tls=tuple(found[PEER_AUTHENTICATIONS]),
        linkerd=Linkerd(
            # Newer ones have more fields than the same by their older version.
            servers=tuple({each.key: each for kind in (OLD_SERVERS, SERVERS) for each in found[kind]}.values()),
            authorizations=tuple(found[LINKERD_AUTHORIZATIONS]),
            old_authorizations=tuple(found[SERVER_AUTHORIZATIONS]),
            mesh_tls=tuple(found[MESH_TLS_AUTHENTICATIONS]),
            networks=tuple(found[NETWORK_AUTHENTICATIONS]),
            unread=next((missing[kind] for kind in _LINKERD if kind in missing), ""),
        ),
        foreign=tuple(Foreign(kind.kind, each.key) for kind in _FOREIGN for each in found[kind]),
        unread={_name(kind): why for kind, why in missing.items()},
    )


def _name(kind: Resource[Any]) -> str:
    return f"{kind.plural}.{kind.group}" if kind in _FOREIGN or kind in _LINKERD else kind.plural


async def _listed(client: Client, kind: Resource[Any]) -> tuple[Sequence[Any], str]:
    """Return a kind's objects, and why some or all are missing. Foreign ones nobody need have defined."""
    try:
        listing = await client.list(kind)
    except OpError as error:
        if kind is PODS or error.kind not in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
            raise
        nobody_defined = error.kind is ErrorKind.NOT_FOUND and kind not in _KINDS
        return (), "" if nobody_defined else error.detail
    if listing.undecodable:
        first = listing.undecodable[0]
        return listing.items, f"{len(listing.undecodable)} could not be understood, such as {first.key}: {first.error}"
    return listing.items, ""
