"""The `paths` of an OpenAPI document: as much of them as clients look at.

kubectl finds a resource's kind by its paths, and whether the server knows `fieldValidation` and `dryRun` by the
parameters of PATCH.
"""

from __future__ import annotations

from collections.abc import Callable

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo

_METHODS = {
    "item": (("get", "get"), ("put", "update"), ("patch", "patch"), ("delete", "delete")),
    "collection": (("get", "list"), ("post", "create"), ("delete", "deletecollection")),
}
_WRITES = {"put", "patch", "post"}
_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
_STRATEGIC = "application/strategic-merge-patch+json"


def paths_of(prefix: str, kinds: list[KindInfo], schema_name: Callable[[KindInfo], str]) -> Manifest:
    """Return the paths of a group's version: collections, objects, and what can be read across namespaces."""
    paths: Manifest = {f"{prefix}/": {"get": {"responses": {"200": {"description": "OK"}}}}}
    for kind in kinds:
        scope = "/namespaces/{namespace}" if kind.namespaced else ""
        collection = f"{prefix}{scope}/{kind.plural}"
        name = schema_name(kind)
        paths[collection] = _path(kind, "collection", name)
        if "get" in kind.verbs:
            paths[f"{collection}/{{name}}"] = _path(kind, "item", name)
        if kind.namespaced and "list" in kind.verbs:
            paths[f"{prefix}/{kind.plural}"] = {"get": _operation(kind, "get", "list", name)}
    return paths


def _path(kind: KindInfo, shape: str, name: str) -> Manifest:
    path: Manifest = {
        method: _operation(kind, method, verb, name) for method, verb in _METHODS[shape] if verb in kind.verbs
    }
    parameters = [_path_parameter("namespace")] if kind.namespaced else []
    path["parameters"] = [*parameters, *([_path_parameter("name")] if shape == "item" else [])]
    return path


def _path_parameter(name: str) -> Manifest:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}


def _query(name: str, kind: str = "string") -> Manifest:
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


def _operation(kind: KindInfo, method: str, verb: str, name: str) -> Manifest:
    reference = {"$ref": f"#/components/schemas/{name}"}
    answer = {"description": "OK", "content": {"application/json": {"schema": reference}}}
    operation: Manifest = {
        "x-kubernetes-action": {"create": "post", "update": "put"}.get(verb, verb),
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "responses": {"200": answer},
    }
    if method in _WRITES:
        operation["parameters"] = [_query(each) for each in ("dryRun", "fieldManager", "fieldValidation", "pretty")]
        if method == "patch":
            operation["parameters"].append(_query("force", "boolean"))
        types = _patch_types(kind) if method == "patch" else ("*/*",)
        body = (
            {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch"}
            if method == "patch"
            else reference
        )
        operation["requestBody"] = {"required": True, "content": {each: {"schema": body} for each in types}}
    elif method == "delete":
        operation["parameters"] = [_query("dryRun")]
    return operation


def _patch_types(kind: KindInfo) -> tuple[str, ...]:
    """Return the patches a kind takes; kubectl apply sends a strategic one wherever it is offered."""
    return _PATCHES if kind.custom else (*_PATCHES, _STRATEGIC)
