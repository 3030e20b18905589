"""Which kinds an API server serves, by its discovery; asked by the garbage collector and by namespace deletion."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import PartialObject, Resource
from kubewright.client.protocol import Client

_NEEDED = {"list", "watch", "delete"}


async def deletable_resources(client: Client) -> tuple[Resource[PartialObject], ...]:
    """Return every kind that can be listed, watched and deleted, each in one version, in discovery's order.

    Events are left out: they own nothing, nobody owns them, and they expire.
    """
    found: dict[tuple[str, str], Resource[PartialObject]] = {}
    for group_version in await _group_versions(client):
        path = f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"
        group, _, version = group_version.rpartition("/")
        for entry in (await client.raw("GET", path))["resources"]:
            name = entry["name"]
            if "/" in name or name == "events" or not set(entry["verbs"]) >= _NEEDED:
                continue
            resource = Resource(group, version, name, entry["kind"], PartialObject, namespaced=entry["namespaced"])
            found.setdefault((group, name), resource)
    return tuple(found.values())


async def _group_versions(client: Client) -> list[str]:
    core: dict[str, Any] = await client.raw("GET", "/api")
    groups: dict[str, Any] = await client.raw("GET", "/apis")
    preferred = [group["preferredVersion"]["groupVersion"] for group in groups["groups"]]
    others = [version["groupVersion"] for group in groups["groups"] for version in group["versions"]]
    return list(dict.fromkeys([*core["versions"], *preferred, *others]))
