"""What the server says that it serves: the legacy lists, and the aggregated documents that kubectl reads first.

Everything is derived from the kind table, custom kinds included, and built anew when the table has changed.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo, KindTable, Subresource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
_AGGREGATED_VERSIONS = ("v2", "v2beta1")
_STABILITY = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?$")


def wants_aggregated(accept: str) -> str:
    """Return `v2` or `v2beta1` if the Accept header asks for an aggregated document first, else ""."""
    for part in accept.split(","):
        parameters = {item.strip() for item in part.split(";")}
        if "as=APIGroupDiscoveryList" in parameters:
            found = next((v for v in _AGGREGATED_VERSIONS if f"v={v}" in parameters), "")
            if found:
                return found
        elif part.strip():
            return ""
    return ""


class Discovery:
    """The discovery documents of a kind table."""

    def __init__(self, kinds: KindTable) -> None:
        self._kinds = kinds
        self._generation = -1
        self._documents: dict[str, Manifest] = {}

    def document(self, path: str, accept: str = "") -> tuple[Manifest, str] | None:
        """Return the document at `/api`, `/apis` or below and its content type; None where nothing is served."""
        aggregated = wants_aggregated(accept) if path in {"/api", "/apis"} else ""
        key = f"{path}#{aggregated}"
        if self._generation != self._kinds.generation:
            self._documents, self._generation = {}, self._kinds.generation
        if key not in self._documents:
            built = self._build(path, aggregated)
            if built is None:
                return None
            self._documents[key] = built
        content_type = AGGREGATED.format(version=aggregated) if aggregated else "application/json"
        return self._documents[key], content_type

    def _build(self, path: str, aggregated: str) -> Manifest | None:
        parts = path.strip("/").split("/")
        match parts:
            case ["api"]:
                return self._aggregated(aggregated, core=True) if aggregated else _core_versions()
            case ["apis"]:
                return self._aggregated(aggregated, core=False) if aggregated else self._groups()
            case ["api", version]:
                return self._resources("", version)
            case ["apis", group]:
                return self._group(group)
            case ["apis", group, version]:
                return self._resources(group, version)
            case _:
                return None

    def _by_version(self, *, core: bool) -> dict[str, dict[str, list[KindInfo]]]:
        """Return the served kinds by group and version, the preferred version first."""
        groups: dict[str, dict[str, list[KindInfo]]] = {}
        for kind in self._kinds.all():
            if (not kind.group) == core:
                groups.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
        return {
            group: {version: versions[version] for version in sorted(versions, key=version_priority)}
            for group, versions in groups.items()
        }

    def _groups(self) -> Manifest:
        groups = [_group_document(group, list(versions)) for group, versions in self._by_version(core=False).items()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _group(self, group: str) -> Manifest | None:
        versions = self._by_version(core=False).get(group)
        if versions is None:
            return None
        return {"kind": "APIGroup", "apiVersion": "v1", **_group_document(group, list(versions))}

    def _resources(self, group: str, version: str) -> Manifest | None:
        kinds = self._by_version(core=not group).get(group, {}).get(version)
        if kinds is None:
            return None
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": [entry for kind in sorted(kinds, key=lambda each: each.plural) for entry in _entries(kind)],
        }

    def _aggregated(self, version: str, *, core: bool) -> Manifest:
        items = [
            {
                "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
                "versions": [
                    {
                        "version": served,
                        "resources": [_aggregated_entry(kind) for kind in sorted(kinds, key=lambda each: each.plural)],
                        "freshness": "Current",
                    }
                    for served, kinds in versions.items()
                ],
            }
            for group, versions in self._by_version(core=core).items()
        ]
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": items,
        }


def version_priority(version: str) -> tuple[int, int, int, str]:
    """Order versions as Kubernetes prefers them: stable before beta before alpha, newer first, odd names last."""
    match = _STABILITY.match(version)
    if match is None:
        return (3, 0, 0, version)
    rank = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return (rank, -int(match[1]), -int(match[3] or 0), version)


def _core_versions() -> Manifest:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}],
    }


def _group_document(group: str, versions: Sequence[str]) -> Manifest:
    served = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": served, "preferredVersion": served[0]}


def _entries(kind: KindInfo) -> list[Manifest]:
    entry: Manifest = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if "create" in kind.verbs and "get" in kind.verbs:
        entry["storageVersionHash"] = _storage_hash(kind)
    return [entry, *(_subresource_entry(kind, subresource) for subresource in kind.subresources)]


def _storage_hash(kind: KindInfo) -> str:
    digest = hashlib.sha256(f"{kind.group}/{kind.version}/{kind.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _subresource_entry(kind: KindInfo, subresource: Subresource) -> Manifest:
    entry: Manifest = {
        "name": f"{kind.plural}/{subresource.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": subresource.kind,
        "verbs": sorted(subresource.verbs),
    }
    if (subresource.group, subresource.version) != (kind.group, kind.version) and subresource.version:
        entry |= {"group": subresource.group, "version": subresource.version}
    return entry


def _aggregated_entry(kind: KindInfo) -> Manifest:
    entry: Manifest = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [
            {
                "subresource": subresource.name,
                "responseKind": {
                    "group": subresource.group,
                    "version": subresource.version or kind.version,
                    "kind": subresource.kind,
                },
                "verbs": sorted(subresource.verbs),
            }
            for subresource in kind.subresources
        ]
    return entry
