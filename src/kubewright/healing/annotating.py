"""Annotations as operations of a Patch: remedies keep in them what they did, so that it can be undone."""

from __future__ import annotations

from kubewright.api.meta import KubeObject, Manifest
from kubewright.store.patch.json_patch import as_token

_ANNOTATIONS = "/metadata/annotations"


def annotated(obj: KubeObject, name: str, text: str) -> Manifest:
    """Return the operation that sets an annotation of an object, which may have had none."""
    if not obj.metadata.annotations:
        return {"op": "add", "path": _ANNOTATIONS, "value": {name: text}}
    return {"op": "add", "path": f"{_ANNOTATIONS}/{as_token(name)}", "value": text}


def without_annotation(name: str) -> Manifest:
    """Return the operation that takes an annotation away; it fails where there is none."""
    return {"op": "remove", "path": f"{_ANNOTATIONS}/{as_token(name)}"}
