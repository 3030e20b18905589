"""Reads what the overview looks at: no more of it than is needed, all at once.

Pods are the many: only those that wait are read, the others are counted by what the first page of one says is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kubewright.api.coordination import LEASES
from kubewright.api.core import NODES, PODS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.crds.incident import INCIDENTS
from kubewright.api.crds.team import TEAMS
from kubewright.api.meta import KubeObject, Resource
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.overview.facts import Facts

T = TypeVar("T", bound=KubeObject)
_WAITING = "spec.nodeName=,status.phase=Pending"
_PAGE = 2000


@dataclass(slots=True)
class _Told:
    unread: dict[str, str] = field(default_factory=dict[str, str])
    absent: set[str] = field(default_factory=set[str])


async def read_facts(client: Client) -> Facts:
    """Read them; what may not be read, or is not there, is told in the facts. Raises OpError if nothing answers."""
    told = _Told()
    async with asyncio.TaskGroup() as tasks:
        nodes = tasks.create_task(_listed(client, NODES, told))
        leases = tasks.create_task(_listed(client, LEASES, told))
        pending = tasks.create_task(_listed(client, PODS, told, _WAITING))
        pods = tasks.create_task(_count(client, told))
        apps = tasks.create_task(_listed(client, APP_SERVICES, told))
        incidents = tasks.create_task(_listed(client, INCIDENTS, told))
        teams = tasks.create_task(_listed(client, TEAMS, told))
    return Facts(
        nodes.result(),
        leases.result(),
        pending.result(),
        pods.result(),
        apps.result(),
        incidents.result(),
        teams.result(),
        told.unread,
        frozenset(told.absent),
    )


async def _listed(client: Client, kind: Resource[T], told: _Told, fields: str = "") -> Sequence[T]:
    try:
        return (await client.list(kind, field_selector=fields, page_size=_PAGE)).items
    except OpError as error:
        _note(kind, error, told)
        return ()


async def _count(client: Client, told: _Told) -> int:
    """Return how many pods there are, by a page of one."""
    try:
        page: Any = await client.raw("GET", "/api/v1/pods", query={"limit": "1"})
    except OpError as error:
        _note(PODS, error, told)
        return 0
    return len(page["items"]) + int(page["metadata"].get("remainingItemCount") or 0)


def _note(kind: Resource[Any], error: OpError, told: _Told) -> None:
    if error.kind is ErrorKind.NOT_FOUND:
        told.absent.add(kind.plural)
    elif error.kind is ErrorKind.FORBIDDEN:
        told.unread[kind.plural] = error.detail
    else:
        raise error
