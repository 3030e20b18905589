"""The scale of a workload of whatever kind, found by the group and kind that a reference names.

Autoscalers and disruption budgets use it: their targets may be of any kind that serves `scale`, custom ones among
them. Which path serves a kind is asked of the API server's discovery, and asked again when that path is not found.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from kubewright.api.autoscaling import Scale
from kubewright.api.meta import ObjectKey, Resource
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError

ScaleResource: TypeAlias = Resource[Scale]


class Scales:
    """Finds and reads scales."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], ScaleResource] = {}
        self._without: set[ScaleResource] = set()
        """Kinds that serve no scale."""

    async def get(self, api_version: str, kind: str, key: ObjectKey) -> tuple[ScaleResource, Scale]:
        """Return a workload's scale and the resource that it belongs to; raises OpError."""
        group = api_version.rpartition("/")[0]
        known = self._known.get((group, kind))
        if known is not None:
            try:
                return known, await self._client.get(known, key, subresource="scale")
            except OpError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
        resource = self._known[group, kind] = await self._find(group, kind)
        return resource, await self._client.get(resource, key, subresource="scale")

    async def find(self, api_version: str, kind: str, key: ObjectKey) -> Scale | None:
        """Return a workload's scale, None when it is not there; raises OpError when its kind has none."""
        try:
            return (await self.get(api_version, kind, key))[1]
        except OpError as error:
            resource = self._known.get((api_version.rpartition("/")[0], kind))
            if error.kind is not ErrorKind.NOT_FOUND or resource is None:
                raise
            if resource in self._without:
                name = f"{resource.plural}.{resource.group}".removesuffix(".")
                detail = f"{name} does not implement the scale subresource"
                raise OpError("scales.find", ErrorKind.NOT_FOUND, kind, detail) from error
            return None

    async def _find(self, group: str, kind: str) -> ScaleResource:
        """Look a kind up in its group's preferred version."""
        version = await self._preferred(group)
        served: list[dict[str, Any]] = []
        if version:
            root = f"/apis/{group}/{version}" if group else f"/api/{version}"
            served = (await self._client.raw("GET", root)).get("resources") or []
        for each in served:
            if each.get("kind") == kind and "/" not in each["name"]:
                resource = Resource(group, version, each["name"], kind, Scale)
                if not any(other["name"] == f"{each['name']}/scale" for other in served):
                    self._without.add(resource)
                return resource
        where = f' in group "{group}"' if group else ' in version ""'
        raise OpError("scales.find", ErrorKind.NOT_FOUND, kind, f'no matches for kind "{kind}"{where}')

    async def _preferred(self, group: str) -> str:
        if not group:
            return "v1"
        try:
            found: dict[str, Any] = await self._client.raw("GET", f"/apis/{group}")
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return ""
            raise
        return found["preferredVersion"]["version"]
