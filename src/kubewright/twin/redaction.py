"""What of a Secret goes into a saved cluster: that it is there, its type and the names of its keys, and no value.

`copying.py` calls this on every Secret before anything else sees it. Only Secrets are redacted: what somebody wrote
into a ConfigMap, an environment variable or a custom resource is copied as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict

REDACTED = base64.b64encode(b"redacted").decode()
_EMPTY_DOCUMENT = base64.b64encode(b"{}").decode()
_DOCUMENTS = frozenset({".dockercfg", ".dockerconfigjson"})
"""Keys whose value the API server wants to be JSON."""
_ANNOTATIONS_KEPT = frozenset({"kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"})
_WHOLE_COPIES = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})


def redacted(secret: Manifest) -> Manifest:
    """Return a Secret without its values; whatever else could hold a copy of them is emptied too."""
    kept = {name: value for name, value in secret.items() if name not in {"data", "stringData"}}
    data = as_dict(secret.get("data"))
    if data:
        kept["data"] = {key: _EMPTY_DOCUMENT if key in _DOCUMENTS else REDACTED for key in data}
    metadata = dict(secret["metadata"])
    if metadata.get("annotations"):
        metadata["annotations"] = _without_values(metadata["annotations"])
    return {**kept, "metadata": metadata}


def _without_values(annotations: Mapping[str, str]) -> dict[str, str]:
    """Tools keep whole manifests in annotations under names of their own, so that only known ones keep a value."""
    return {
        name: value if name in _ANNOTATIONS_KEPT else "redacted"
        for name, value in annotations.items()
        if name not in _WHOLE_COPIES
    }
