"""JSON merge patch (RFC 7396): what `kubectl patch --type=merge` and patches of custom resources send."""

from __future__ import annotations

from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.store.patch.errors import json_kind, malformed


def apply_merge_patch(doc: Manifest, patch: Manifest) -> Manifest:
    """Return the document with the patch merged in: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  a body may be any JSON
        detail = f"error decoding patch: json: cannot unmarshal {json_kind(patch)} into Go value of type "
        raise malformed("merge patch", detail + "map[string]interface {}")
    return _merge(doc, patch)


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result: dict[str, Any] = dict(cast("dict[str, Any]", target)) if isinstance(target, dict) else {}
    for name, value in cast("dict[str, Any]", patch).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge(result.get(name), value)
    return result
