"""The roles and bindings that are there from the start, as a real API server makes them.

They come from `policy.json.xz`: names and rules of one Kubernetes release, which `tools.policy` reads from a control
plane and compares.
"""

from __future__ import annotations

import functools
import lzma
from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.twin.access.policy import GROUP
from kubewright.twin.options import WriteOptions
from kubewright.twin.registry import Registry, Target

_OPTIONS = WriteOptions(field_manager="kube-apiserver")


@functools.cache
def policy() -> Mapping[str, list[Manifest]]:
    """Return plural -> objects without apiVersion and kind; not to be changed."""
    packed = resources.files("kubewright.twin.access").joinpath("policy.json.xz").read_bytes()
    return msgspec.json.decode(lzma.decompress(packed), type=dict[str, list[dict[str, Any]]])


def install(registry: Registry) -> None:
    """Create what is not there yet."""
    for plural, objects in policy().items():
        kind = registry.kinds.lookup(GROUP, "v1", plural)
        if kind is None:
            continue
        for each in objects:
            metadata = each["metadata"]
            target = Target(kind, metadata.get("namespace", ""), metadata["name"])
            if registry.find(target) is None:
                head = {"kind": kind.kind, "apiVersion": kind.api_version}
                registry.create(target, {**head, **each, "metadata": dict(metadata)}, _OPTIONS)
