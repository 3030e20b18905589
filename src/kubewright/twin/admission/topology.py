"""PodTopologyLabels: a pod that is put on a node takes on the labels that say where the node is."""

from __future__ import annotations

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.store.versioned import VersionedStore
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.reading import as_dict
from kubewright.twin.registry import Registry

_COPIED = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
_NODES = ("", "nodes")


def complete(attempt: Attempt) -> None:
    """Label a pod that is made on a node."""
    label(attempt.registry, attempt.obj["metadata"], attempt.spec.get("nodeName") or "")


def label(registry: Registry, metadata: Manifest, node: str) -> None:
    """Add a node's topology to the labels of a pod or a binding, in place; one that is not there has none."""
    copied = topology(registry.store, node)
    if copied:
        metadata["labels"] = {**as_dict(metadata.get("labels")), **copied}


def topology(store: VersionedStore, node: str) -> dict[str, str]:
    """Return the labels that a pod takes on from its node."""
    record = store.get(_NODES, ObjectKey("", node)) if node else None
    labels = as_dict(record.obj["metadata"].get("labels")) if record is not None else {}
    return {name: labels[name] for name in _COPIED if name in labels}
