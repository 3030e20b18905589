"""The manifest of a CustomResourceDefinition: a typed class, and what of it is shown, scaled and abbreviated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from kubewright.api.crds.schema import object_schema
from kubewright.api.meta import Manifest, Resource


@dataclass(frozen=True, slots=True)
class PrinterColumn:
    """A column of `kubectl get`; one with a priority above 0 is shown by `-o wide` only."""

    name: str
    type: str
    json_path: str
    description: str
    priority: int = 0

    def manifest(self) -> Manifest:
        """Return the column as the CRD writes it."""
        column: Manifest = {
            "name": self.name,
            "type": self.type,
            "jsonPath": self.json_path,
            "description": self.description,
        }
        return column | ({"priority": self.priority} if self.priority else {})


AGE = PrinterColumn("Age", "date", ".metadata.creationTimestamp", "Time since creation.")
_READY = '.status.conditions[?(@.type=="Ready")]'
REASON = PrinterColumn("Reason", "string", f"{_READY}.reason", "Why.", priority=1)
"""Of the condition Ready; shown by `-o wide`."""


def ready_column(description: str) -> PrinterColumn:
    """Return the column of the condition Ready."""
    return PrinterColumn("Ready", "string", f"{_READY}.status", description)


@dataclass(frozen=True, slots=True)
class Scale:
    """Where `kubectl scale` and autoscalers find the number of replicas, and the selector of the pods."""

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"
    label_selector: str = ".status.selector"

    def manifest(self) -> Manifest:
        """Return the subresource as the CRD writes it."""
        return {
            "specReplicasPath": self.spec_replicas,
            "statusReplicasPath": self.status_replicas,
            "labelSelectorPath": self.label_selector,
        }


@dataclass(frozen=True, slots=True)
class OtherVersion:
    """A version besides the one that is stored: its own typed class, shown and served as it says.

    Without a webhook that converts (`Webhooks.convert`) versions may only differ in what their schemas allow.
    """

    resource: Resource[Any]
    columns: tuple[PrinterColumn, ...] = (AGE,)
    served: bool = True
    deprecated: str = ""
    """If given, what everyone who uses the version is warned of."""
    scale: Scale | None = None


@dataclass(frozen=True, slots=True)
class CrdSpec:
    """All that the typed class itself does not say. Every kind of ours has a status subresource."""

    resource: Resource[Any]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[PrinterColumn, ...] = (AGE,)
    scale: Scale | None = None
    others: tuple[OtherVersion, ...] = ()
    """Versions besides `resource`'s, which is the one that is stored."""


def crd_manifest(spec: CrdSpec) -> Manifest:
    """Return the CustomResourceDefinition, ready to be applied."""
    resource = spec.resource
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "names": _names(spec),
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [_version(spec, storage=True), *(_version(other, storage=False) for other in spec.others)],
        },
    }


def generated_later(name: str, spec: CrdSpec) -> Callable[[str], Manifest]:
    """Return the `__getattr__` of a module whose attribute `name` is a manifest, generated when it is asked for.

    A schema takes milliseconds, which commands that only read objects would pay each time that they are typed.
    """

    @cache
    def manifest() -> Manifest:
        return crd_manifest(spec)

    def attribute(asked: str) -> Manifest:
        if asked == name:
            return manifest()
        raise AttributeError(f"there is no {asked!r} beside {name}")

    return attribute


def _names(spec: CrdSpec) -> Manifest:
    kind = spec.resource.kind
    names: Manifest = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": spec.resource.plural,
        "singular": kind.lower(),
    }
    if spec.short_names:
        names["shortNames"] = list(spec.short_names)
    if spec.categories:
        names["categories"] = list(spec.categories)
    return names


def _version(spec: CrdSpec | OtherVersion, *, storage: bool) -> Manifest:
    subresources: Manifest = {"status": {}}
    if spec.scale is not None:
        subresources["scale"] = spec.scale.manifest()
    version: Manifest = {
        "name": spec.resource.version,
        "served": True,
        "storage": storage,
        "additionalPrinterColumns": [column.manifest() for column in spec.columns],
        "schema": {"openAPIV3Schema": object_schema(spec.resource.type)},
        "subresources": subresources,
    }
    if isinstance(spec, OtherVersion):
        version["served"] = spec.served
        if spec.deprecated:
            version |= {"deprecated": True, "deprecationWarning": spec.deprecated}
    return version
