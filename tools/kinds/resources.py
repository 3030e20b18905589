"""Brings aggregated discovery into the twin's list of resources. Pure; called by `__main__`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
Columns = list[list[str | int]]


def flattened(discovery: Document) -> Iterator[dict[str, Any]]:
    """Give one entry a resource of an APIGroupDiscoveryList, in its order, without schema and columns."""
    for group in discovery["items"]:
        name = group["metadata"].get("name", "")
        for version in group["versions"]:
            for resource in version["resources"]:
                yield _entry(name, version["version"], resource)


def _entry(group: str, version: str, resource: Document) -> dict[str, Any]:
    return {
        "group": group,
        "version": version,
        "plural": resource["resource"],
        "singular": resource.get("singularResource", ""),
        "kind": resource["responseKind"]["kind"],
        "namespaced": resource["scope"] == "Namespaced",
        "shortNames": resource.get("shortNames", []),
        "categories": resource.get("categories", []),
        "verbs": resource["verbs"],
        "subresources": [_subresource(group, version, inner) for inner in resource.get("subresources", [])],
    }


def _subresource(group: str, version: str, subresource: Document) -> dict[str, Any]:
    kind = subresource.get("responseKind") or {"kind": ""}
    own = bool(kind.get("version"))  # without a version it is of the resource's own group version
    return {
        "name": subresource["subresource"],
        "group": kind["group"] if own else group,
        "version": kind["version"] if own else version,
        "kind": kind["kind"],
        "verbs": subresource["verbs"],
    }


def list_path(entry: Document) -> str:
    """Give the path that lists a resource in every namespace."""
    prefix = f"/apis/{entry['group']}" if entry["group"] else "/api"
    return f"{prefix}/{entry['version']}/{entry['plural']}"


def columns(entry: Document, table: Callable[[str], Document]) -> Columns:
    """Give a resource's table columns; `table` lists a path as a Table. What cannot be listed has none."""
    if "list" not in entry["verbs"]:
        return []
    definitions = table(list_path(entry))["columnDefinitions"]
    return [[each["name"], each["type"], each["format"], each["priority"]] for each in definitions]
