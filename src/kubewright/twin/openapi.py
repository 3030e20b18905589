"""OpenAPI v3: an index, and for each group and version a document that kubectl validates, patches and explains by.

Built from the kind table when asked for; a document's hash changes with its kinds, so that clients may keep the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo, KindTable
from kubewright.twin.openapipaths import paths_of
from kubewright.twin.reading import as_dict, dig

PREFIX = "#/components/schemas/"
"""What a reference to a schema begins with."""
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_ALWAYS = (f"{_META}DeleteOptions", f"{_META}Status", f"{_META}Patch")


class OpenApi:
    """The OpenAPI documents of a kind table."""

    def __init__(self, kinds: KindTable) -> None:
        self._kinds = kinds
        self._generation = -1
        self._by_path: dict[str, list[KindInfo]] = {}
        self._documents: dict[tuple[str, str], Manifest] = {}

    def index(self) -> Manifest:
        """Return `/openapi/v3`: where each document is, with the hash of what it holds."""
        self._refresh()
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self.digest(path)}"}
            for path in sorted(self._by_path)
        }
        return {"paths": paths}

    def digest(self, path: str) -> str:
        """Return a document's hash, in upper case as the real server's; "" when nothing is served there."""
        self._refresh()
        kinds = self._by_path.get(path)
        if kinds is None:
            return ""
        sources = [[kind.plural, kind.kind, kind.namespaced, kind.served, _names(kind)] for kind in kinds]
        content = json.dumps([self._kinds.release, path, sources], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest().upper()

    def document(self, path: str) -> Manifest | None:
        """Return `/openapi/v3/<path>`, where path is `api/v1` or `apis/<group>/<version>`; None if nothing is there."""
        self._refresh()
        kinds = self._by_path.get(path)
        if kinds is None:
            return None
        key = (path, self.digest(path))
        if key not in self._documents:
            self._documents = {known: document for known, document in self._documents.items() if known[0] != path}
            self._documents[key] = self._build(path, kinds)
        return self._documents[key]

    def _refresh(self) -> None:
        if self._generation == self._kinds.generation:
            return
        self._generation = self._kinds.generation
        self._by_path = {}
        for kind in self._kinds.all():
            prefix = f"apis/{kind.group}" if kind.group else "api"
            self._by_path.setdefault(f"{prefix}/{kind.version}", []).append(kind)

    def _build(self, path: str, kinds: list[KindInfo]) -> Manifest:
        schemas: dict[str, Manifest] = {}
        pending: list[str] = [name for name in _ALWAYS if self._kinds.document(name)]
        for kind in kinds:
            name = schema_name(kind)
            if kind.custom:
                schemas[name] = _custom_schema(kind)
                pending.append(f"{_META}ObjectMeta")
            else:
                pending += [name, *(self._subresource_schemas(kind))]
        pending += [name for schema in schemas.values() for name in _references(schema)]
        self._close(schemas, pending)
        for kind in kinds:
            _complete(schemas, kind)
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": self._kinds.release},
            "paths": paths_of(f"/{path}", kinds, schema_name),
            "components": {"schemas": {name: _written(schemas[name]) for name in sorted(schemas)}},
        }

    def _subresource_schemas(self, kind: KindInfo) -> Iterator[str]:
        for subresource in kind.subresources:
            version = f"{subresource.group}/{subresource.version}" if subresource.group else subresource.version
            name = self._kinds.definition(version or kind.api_version, subresource.kind)
            if name and self._kinds.document(name):
                yield name

    def _close(self, schemas: dict[str, Manifest], pending: list[str]) -> None:
        """Add every definition that the pending ones lead to."""
        while pending:
            name = pending.pop()
            if name in schemas:
                continue
            document = self._kinds.document(name)
            schemas[name] = dict(document)
            pending.extend(_references(document))


def schema_name(kind: KindInfo) -> str:
    """Name a kind's schema: a built-in definition, or the CRD's group backwards, its version and kind."""
    if not kind.custom:
        return kind.definition
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def _names(kind: KindInfo) -> Any:
    return None if kind.crd is None else dig(kind.crd, "spec", "names")


def _custom_schema(kind: KindInfo) -> Manifest:
    document = as_dict(dig(kind.served, "schema", "openAPIV3Schema"))
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **as_dict(document.get("properties")),
        "metadata": {"$ref": f"{_META}ObjectMeta"},
    }
    return {"type": "object", **document, "properties": properties}


def _complete(schemas: dict[str, Manifest], kind: KindInfo) -> None:
    """Say which kind a schema is of, and add the schema of its list."""
    name = schema_name(kind)
    if name in schemas:
        schemas[name].setdefault("x-kubernetes-group-version-kind", [_gvk(kind, kind.kind)])
    list_name = f"{name.rpartition('.')[0]}.{kind.list_kind}"
    if kind.list_kind and "list" in kind.verbs and list_name not in schemas:
        schemas[list_name] = {
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"$ref": f"{_META}ListMeta"},
                "items": {"type": "array", "items": {"$ref": name}},
            },
            "x-kubernetes-group-version-kind": [_gvk(kind, kind.list_kind)],
        }
        schemas.setdefault(f"{_META}ListMeta", {"type": "object"})


def _gvk(kind: KindInfo, name: str) -> Manifest:
    return {"group": kind.group, "version": kind.version, "kind": name}


def _references(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, item in cast("Manifest", value).items():
                if key == "$ref" and isinstance(item, str):
                    yield item.removeprefix(PREFIX)
                else:
                    yield from _references(item)
        case list():
            for item in cast("list[Any]", value):
                yield from _references(item)
        case _:
            return


def _written(value: Any) -> Any:
    """Write references as OpenAPI 3.0 wants them: alone, or inside allOf when something stands beside them."""
    match value:
        case dict():
            # Each part is written once: twice a level would be for ever in a deep definition.
            written = {key: _written(item) for key, item in cast("Manifest", value).items()}
            reference = written.get("$ref")
            if not isinstance(reference, str):
                return written
            del written["$ref"]
            target = {"$ref": PREFIX + reference.removeprefix(PREFIX)}
            return {**written, "allOf": [target]} if written else target
        case list():
            return [_written(item) for item in cast("list[Any]", value)]
        case _:
            return value
