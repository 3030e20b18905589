"""Reading a cluster's network from its API server: one list of each kind, at once. What may not be read is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
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


async def read(client: Client, namespaces: Sequence[str] = ()) -> World:
    """Read everything that decides who reaches whom; raises OpError when pods cannot be read.

    What may not be read in the whole cluster is read in `namespaces`, and the world says so (`limited`).
    """
    groups = await _groups(client)
    kinds = (*_KINDS, *_ISTIO, *_LINKERD, *_FOREIGN)
    served = {kind for kind in kinds if kind in _KINDS or groups is None or kind.group in groups}
    lists = await asyncio.gather(*(_listed(client, kind, namespaces if kind in served else None) for kind in kinds))
    found = {kind: each.items for kind, each in zip(kinds, lists, strict=True)}
    missing = {kind: each.missing for kind, each in zip(kinds, lists, strict=True) if each.missing}
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
        foreign_unread=tuple(_name(kind) for kind in _FOREIGN if kind in missing),
        unread={_name(kind): why for kind, why in missing.items()},
        limited={_name(kind): tuple(namespaces) for kind, each in zip(kinds, lists, strict=True) if each.is_limited},
    )


def _name(kind: Resource[Any]) -> str:
    return f"{kind.plural}.{kind.group}" if kind in _FOREIGN or kind in _LINKERD else kind.plural


@dataclass(frozen=True, slots=True)
class _Listed:
    items: Sequence[Any] = ()
    missing: str = ""
    """Why some or all are missing."""
    is_limited: bool = False
    """Whether only some namespaces were read."""


async def _groups(client: Client) -> frozenset[str] | None:
    """Return the groups of kinds that are served: of others nobody is told that he may not; None if it is not said."""
    try:
        return frozenset(str(each["name"]) for each in (await client.raw("GET", "/apis"))["groups"])
    except (OpError, LookupError, TypeError):
        return None


async def _listed(client: Client, kind: Resource[Any], namespaces: Sequence[str] | None) -> _Listed:
    """Return a kind's objects, none if `namespaces` is None: nobody serves it."""
    if namespaces is None:
        return _Listed()
    try:
        listing = await client.list(kind)
        return _Listed(listing.items, listing.problem)
    except OpError as error:
        if error.kind not in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
            raise
        if error.kind is ErrorKind.NOT_FOUND and kind not in _KINDS:
            return _Listed()
        refused = error
    if kind.namespaced and namespaces:
        try:
            few = await asyncio.gather(*(client.list(kind, namespace=each) for each in namespaces))
            items = [item for each in few for item in each.items]
            return _Listed(items, next((each.problem for each in few if each.problem), ""), is_limited=True)
        except OpError as error:
            refused = error
    if kind is PODS:
        raise refused
    return _Listed(missing=refused.detail)
