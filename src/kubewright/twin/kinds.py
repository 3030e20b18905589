"""The kinds an API server serves: names, verbs, subresources, columns, schemas and wire tables.

The built-in kinds come from `kinds.json.xz`, facts of one Kubernetes release; custom ones are added while the server
runs. The file is decoded once per process and its schemas stay raw bytes until a kind is first used.
"""

from __future__ import annotations

import functools
import lzma
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kubewright.api.meta import KubeObject, Manifest, Resource
from kubewright.api.schema import Schema, parse_schema
from kubewright.twin.fieldlabels import selectable_fields
from kubewright.twin.reading import as_dict

if TYPE_CHECKING:
    from kubewright.twin.stored_defaults import Defaults
    from kubewright.twin.validation.schema_rules import Level

__all__ = ["Column", "KindInfo", "KindTable", "Subresource", "WireField", "as_dict"]

_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis."
_EVENT_GROUPS = ("", "events.k8s.io")
_META_DEFINITIONS = "io.k8s.apimachinery.pkg.apis.meta.v1."


T = TypeVar("T", bound=KubeObject)


class Subresource(msgspec.Struct, frozen=True):
    """A subresource and the kind that it speaks (`scale` speaks autoscaling/v1 Scale)."""

    name: str
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...]


class Column(msgspec.Struct, frozen=True, array_like=True):
    """One column of a Table; priority 1 is shown by `-o wide` only. `json_path` is for custom resources."""

    name: str
    type: str
    format: str
    priority: int
    json_path: str = ""
    description: str = ""


class WireField(msgspec.Struct, frozen=True, array_like=True):
    """One protobuf field: its JSON name, scalar or definition name, and the value type if it is a map."""

    name: str
    type: str
    repeated: bool
    map_value: str | None


@dataclass(frozen=True, slots=True)
class KindInfo:
    """One served resource of one version; `definition` names its schema, and a CRD's kind has its source in `crd`."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    columns: tuple[Column, ...] = ()
    definition: str = ""
    field_labels: tuple[str, ...] = ("metadata.name", "metadata.namespace")
    crd: Manifest | None = field(default=None, compare=False)
    served: Manifest | None = field(default=None, compare=False)
    resolve: Callable[[str], Schema] | None = field(default=None, repr=False, compare=False)
    rules: Callable[[], Level | None] | None = field(default=None, repr=False, compare=False)
    """Compiles the CEL rules of a custom kind's schema; they are compiled once."""
    defaults: Callable[[], Defaults | None] | None = field(default=None, repr=False, compare=False)
    """Finds what a custom kind's stored objects read as having when they lack it; it is found once."""
    storage: bool = True
    """Whether this is the version that objects are stored in."""
    deprecation: str = ""
    """What every request for this version is warned of; empty: nothing."""
    has_status: bool = field(init=False, repr=False, compare=False)
    """Whether status is written through its own subresource."""

    def __post_init__(self) -> None:
        """Work out what every write asks."""
        object.__setattr__(self, "has_status", self.subresource("status") is not None)

    @property
    def api_version(self) -> str:
        """Return `v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def resource(self, type_: type[T]) -> Resource[T]:
        """Return the kind for clients, its objects to be read as these."""
        return Resource(self.group, self.version, self.plural, self.kind, type_, namespaced=self.namespaced)

    @property
    def schema(self) -> Schema:
        """Return the structural schema, parsed when first asked for."""
        if self.resolve is None:
            raise LookupError(f"{self.api_version} {self.kind} has no schema")
        return self.resolve(self.definition)

    @property
    def custom(self) -> bool:
        """Tell whether a CustomResourceDefinition made this kind."""
        return self.crd is not None

    @property
    def has_generation(self) -> bool:
        """Tell whether metadata.generation counts the changes of the spec."""
        return self.custom or self.kind in _WITH_GENERATION

    def subresource(self, name: str) -> Subresource | None:
        """Find a subresource by name."""
        return next((sub for sub in self.subresources if sub.name == name), None)


_WITH_GENERATION = frozenset(
    {
        "Pod", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "ReplicationController", "Job", "CronJob",
        "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "Ingress", "IngressClass", "EndpointSlice",
        "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "FlowSchema", "PriorityLevelConfiguration",
        "PriorityClass", "ResourceSlice", "DeviceClass",
    }
)  # fmt: skip


_DEPRECATIONS = {("", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"}


class _Resource(msgspec.Struct, rename="camel"):
    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    schema: str
    shortNames: tuple[str, ...] = ()  # noqa: N815  the data file's own spelling
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    columns: tuple[Column, ...] = ()


class _Data(msgspec.Struct):
    version: str
    resources: list[_Resource]
    schemas: dict[str, msgspec.Raw]
    protobuf: dict[str, msgspec.Raw]


@functools.cache
def _data() -> _Data:
    packed = resources.files("kubewright.twin").joinpath("kinds.json.xz").read_bytes()
    return msgspec.json.decode(lzma.decompress(packed), type=_Data)


@functools.cache
def _document(name: str) -> Manifest:
    raw = _data().schemas.get(name)
    return {} if raw is None else msgspec.json.decode(raw)


@functools.cache
def _schema(name: str) -> Schema:
    return parse_schema(_document(name), _schema)


@functools.cache
def _message(name: str) -> Mapping[int, WireField]:
    raw = _data().protobuf.get(name)
    return {} if raw is None else msgspec.json.decode(raw, type=dict[int, WireField], strict=False)


@functools.cache
def _builtin_kinds() -> tuple[KindInfo, ...]:
    return tuple(_builtin(resource) for resource in _data().resources if resource.plural)


def _builtin(resource: _Resource) -> KindInfo:
    return KindInfo(
        group=resource.group,
        version=resource.version,
        plural=resource.plural,
        kind=resource.kind,
        namespaced=resource.namespaced,
        singular=resource.singular,
        list_kind=f"{resource.kind}List",
        short_names=resource.shortNames,
        categories=resource.categories,
        verbs=resource.verbs,
        subresources=resource.subresources,
        columns=resource.columns,
        definition=resource.schema,
        field_labels=selectable_fields(resource.group, resource.kind, namespaced=resource.namespaced),
        resolve=_schema,
        deprecation=_DEPRECATIONS.get((resource.group, resource.plural), ""),
    )


class KindTable:
    """All served kinds; `generation` grows with every change, so that derived documents know when they are stale."""

    def __init__(self, kinds: Sequence[KindInfo] = ()) -> None:
        self._by_resource: dict[tuple[str, str, str], KindInfo] = {}
        self._by_kind: dict[tuple[str, str, str], KindInfo] = {}
        self.generation = 0
        for kind in kinds:
            self.add(kind)

    @classmethod
    def builtin(cls) -> KindTable:
        """Return a table of its own with the built-in kinds."""
        return cls(_builtin_kinds())

    @property
    def release(self) -> str:
        """Return the Kubernetes release that the facts are of, as `v1.37.2`."""
        return _data().version

    def add(self, kind: KindInfo) -> None:
        """Serve a kind, or serve it differently from now on."""
        self._by_resource[kind.group, kind.version, kind.plural] = kind
        self._by_kind[kind.group, kind.version, kind.kind] = kind
        self.generation += 1

    def remove(self, group: str, plural: str) -> None:
        """Stop serving a resource in all its versions."""
        for key in [key for key in self._by_resource if key[0] == group and key[2] == plural]:
            kind = self._by_resource.pop(key)
            self._by_kind.pop((kind.group, kind.version, kind.kind), None)
        self.generation += 1

    def lookup(self, group: str, version: str, plural: str) -> KindInfo | None:
        """Find a kind by the names of its path."""
        return self._by_resource.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> KindInfo | None:
        """Find a kind by what a manifest says of itself."""
        group, _, version = api_version.rpartition("/")
        return self._by_kind.get((group, version, kind))

    def all(self) -> tuple[KindInfo, ...]:
        """Return every kind, in the order in which they were added."""
        return tuple(self._by_resource.values())

    def versions(self, group: str, plural: str) -> tuple[KindInfo, ...]:
        """Return a resource in each version that serves it."""
        return tuple(kind for key, kind in self._by_resource.items() if key[0] == group and key[2] == plural)

    def equivalents(self, kind: KindInfo) -> tuple[KindInfo, ...]:
        """Return the same objects as other versions or groups serve them."""
        pairs = [(kind.group, kind.plural)]
        if kind.plural == "events" and kind.group in _EVENT_GROUPS:
            pairs = [(group, kind.plural) for group in _EVENT_GROUPS]
        return tuple(other for pair in pairs for other in self.versions(*pair) if other is not kind)

    def schema(self, definition: str) -> Schema:
        """Return a built-in definition's schema, such as `io.k8s.api.autoscaling.v1.Scale`."""
        return _schema(definition)

    def document(self, definition: str) -> Manifest:
        """Return a built-in definition as the release's OpenAPI has it; empty when there is none."""
        return _document(definition)

    def message(self, definition: str) -> Mapping[int, WireField]:
        """Return a definition's protobuf fields by number; empty when there are none."""
        return _message(definition)

    def definition(self, api_version: str, kind: str) -> str:
        """Name the definition of a kind that need not be a resource (Scale, Eviction, DeleteOptions); "" if unknown."""
        return _definition(api_version, kind)


@functools.cache
def _definition(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    served = next((k for k in _builtin_kinds() if (k.group, k.version, k.kind) == (group, version, kind)), None)
    if served is not None and served.definition:
        return served.definition
    known = _data().protobuf
    short = group.partition(".")[0] or "core"
    names = (
        f"io.k8s.api.{short}.{version}.{kind}",
        f"{_EXTENSIONS}{short}.{version}.{kind}",
        f"{_META_DEFINITIONS}{kind}",
    )
    return next((name for name in names if name in known or name in _data().schemas), "")
