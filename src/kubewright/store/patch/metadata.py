"""What of an object's envelope can be owned, the same for every kind."""

from __future__ import annotations

from typing import Final

from kubewright.api.schema import Schema, parse_schema

UNOWNED_META: Final = frozenset(
    {
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    }
)
"""Entries of metadata that no manager ever owns."""

UNOWNED_ROOT: Final = frozenset({"apiVersion", "kind", "metadata"})
"""Top-level fields that are not owned as such; metadata is compared on its own."""

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}

OBJECT_META: Final[Schema] = parse_schema(
    {
        "type": "object",
        "properties": {
            "annotations": _TEXTS,
            "creationTimestamp": {"type": "string", "format": "date-time"},
            "deletionGracePeriodSeconds": {"type": "integer"},
            "deletionTimestamp": {"type": "string", "format": "date-time"},
            "finalizers": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "generateName": {"type": "string"},
            "generation": {"type": "integer"},
            "labels": _TEXTS,
            "managedFields": {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "atomic"},
            "name": {"type": "string"},
            "namespace": {"type": "string"},
            "ownerReferences": {
                "type": "array",
                "items": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "properties": {"uid": {"type": "string", "default": ""}},
                },
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["uid"],
            },
            "resourceVersion": {"type": "string"},
            "selfLink": {"type": "string"},
            "uid": {"type": "string"},
        },
    }
)
"""ObjectMeta as far as merging goes; used for every kind, since a CRD's schema says nothing of it."""
