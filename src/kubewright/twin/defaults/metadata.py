"""Metadata of custom resources: their only part that Go structs decode, and so the only one that loses empty values."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin.defaults.canonical import canonicalize
from kubewright.twin.shapes import OBJECT_META


def clean_metadata(obj: Manifest) -> None:
    """Drop nulls and empty values from metadata, in place."""
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        canonicalize(metadata, OBJECT_META)  # pyright: ignore[reportUnknownArgumentType]  JSON
