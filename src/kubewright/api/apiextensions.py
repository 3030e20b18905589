"""The `apiextensions.k8s.io` group: custom resource definitions, as far as making and replacing them needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from kubewright.api.conditions import Condition, is_true
from kubewright.api.meta import KubeObject, Leaf, Manifest, Resource

T = TypeVar("T", bound=KubeObject)


class CrdNames(Leaf, frozen=True):
    """What the new kind is called."""

    plural: str = ""
    kind: str = ""
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class CrdSubresources(Leaf, frozen=True):
    """Which parts of an object have a path of their own; an empty document means yes."""

    status: dict[str, str] | None = None


class CrdVersion(Leaf, frozen=True):
    """One version; its schema is not read here."""

    name: str = ""
    served: bool = False
    storage: bool = False
    subresources: CrdSubresources = CrdSubresources()


class CrdSpecification(Leaf, frozen=True):
    """The definition's `spec`."""

    group: str = ""
    names: CrdNames = CrdNames()
    scope: str = "Namespaced"
    versions: tuple[CrdVersion, ...] = ()


class CrdStatus(Leaf, frozen=True):
    """What the API server made of it. It writes an empty list of conditions as null."""

    conditions: tuple[Condition, ...] | None = ()
    stored_versions: tuple[str, ...] | None = ()


class CustomResourceDefinition(KubeObject, frozen=True, kw_only=True):
    """A custom resource definition."""

    spec: CrdSpecification = CrdSpecification()
    status: CrdStatus = CrdStatus()

    @property
    def is_established(self) -> bool:
        """Whether objects of the kind are served."""
        return is_true(self.status.conditions or (), "Established")


CRDS: Resource[CustomResourceDefinition] = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    CustomResourceDefinition,
    namespaced=False,
)


def defined(spec: Mapping[str, Any], as_: type[T], version: str = "") -> Resource[T]:
    """Return the kind of a definition's `spec`, in a version or the stored one, its objects to be read as `as_`."""
    stored = next(each["name"] for each in spec["versions"] if each["storage"])
    names, namespaced = spec["names"], spec["scope"] == "Namespaced"
    return Resource(spec["group"], version or stored, names["plural"], names["kind"], as_, namespaced=namespaced)


def forgotten(status: Mapping[str, Any], definition: Manifest) -> list[str]:
    """Return the versions in which objects may be stored, by a live definition's status, that another does not know."""
    known = {each["name"] for each in definition["spec"]["versions"]}
    return [each for each in status.get("storedVersions") or () if each not in known]
