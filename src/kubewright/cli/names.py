"""Completion with the names of what is there now: asked of the cluster that the call so far names, and soon given up.

A shell that completes is no place for messages: where there is no cluster, no right or no answer in time, nothing is
offered. Only names that the API allows are, so that nothing else than a name gets onto a command line.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import click

ANSWER_SECONDS = 5.0
AT_MOST = 500
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.:]{0,251}[a-z0-9])?")
_PATHS = {
    "appservices": "/apis/app.example.com/v1",
    "deployments": "/apis/apps/v1",
    "incidents": "/apis/kubewright.dev/v1alpha1",
    "jobs": "/apis/batch/v1",
    "namespaces": "/api/v1",
    "nodes": "/api/v1",
    "pods": "/api/v1",
    "statefulsets": "/apis/apps/v1",
    "teams": "/apis/kubewright.dev/v1alpha1",
}
_CLUSTER_WIDE = frozenset({"namespaces", "nodes", "teams"})
_TARGETS = {
    "pod": "pods",
    "deployment": "deployments",
    "statefulset": "statefulsets",
    "job": "jobs",
    "appservice": "appservices",
}
Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def complete(plural: str, *, everywhere: bool = False) -> Complete:
    """Return what completes the names of a kind; `everywhere`: in all namespaces unless one is given."""

    def found(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        return [each for each in _names(context, plural, everywhere=everywhere) if each.startswith(incomplete)]

    return found


def complete_target(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete KIND/NAME: the kind first, then the names of that kind."""
    kind, slash, name = incomplete.partition("/")
    if not slash:
        return [f"{each}/" for each in _TARGETS if each.startswith(kind)]
    if kind not in _TARGETS:
        return []
    return [f"{kind}/{each}" for each in _names(context, _TARGETS[kind]) if each.startswith(name)]


def _names(context: click.Context, plural: str, *, everywhere: bool = False) -> list[str]:
    from kubewright.errors import OpError

    try:
        return asyncio.run(_asked(context, plural, everywhere=everywhere))
    except (OpError, TimeoutError, OSError):
        return []


async def _asked(context: click.Context, plural: str, *, everywhere: bool) -> list[str]:
    from kubewright.cli.connection import connected, connection

    given: dict[str, Any] = context.params
    config = connection(given.get("kubeconfig") or "", given.get("context") or "")
    place = given.get("namespace") or ("" if everywhere else config.namespace)
    scope = "" if plural in _CLUSTER_WIDE or not place else f"/namespaces/{place}"
    async with connected(config) as client, asyncio.timeout(ANSWER_SECONDS):
        page = await client.raw("GET", f"{_PATHS[plural]}{scope}/{plural}", query={"limit": str(AT_MOST)})
    found = (str(each["metadata"]["name"]) for each in page["items"])
    return sorted(each for each in found if _NAME.fullmatch(each))
