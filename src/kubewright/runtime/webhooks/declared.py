"""What an operator declares: which of its kinds are validated, defaulted and converted, and by which functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from kubewright.api.meta import KubeObject, Manifest, Resource

T = TypeVar("T", bound=KubeObject)

Validate: TypeAlias = Callable[[T | None, T | None], Iterable[str]]
"""The object before (None: created) and after (None: deleted) -> what is wrong, a sentence each."""
Default: TypeAlias = Callable[[Manifest], Manifest]
"""The document that was sent -> the document with what it leaves out; metadata but labels and annotations stays."""
Convert: TypeAlias = Callable[[Manifest], Manifest]
"""A document of one version -> of another, without its `apiVersion`; metadata stays."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a kind's versions become each other: all by way of `hub`, the one that knows every field."""

    hub: str
    to_hub: Mapping[str, Convert]
    from_hub: Mapping[str, Convert]

    def __post_init__(self) -> None:
        """Refuse a version that can only be converted one way."""
        if set(self.to_hub) != set(self.from_hub) or self.hub in self.to_hub:
            raise ValueError("each version but the hub needs a way to it and a way back")

    def convert(self, document: Manifest, version: str) -> Manifest:
        """Return a document in another version; raises LookupError for a version that is not known."""
        group, _, old = document["apiVersion"].rpartition("/")
        if old == version:
            return document
        if old != self.hub:
            document = self.to_hub[old](document)
        if version != self.hub:
            document = self.from_hub[version](document)
        return {**document, "apiVersion": f"{group}/{version}"}


@dataclass(frozen=True, slots=True)
class Hook:
    """One path that the API server asks at."""

    resource: Resource[Any]
    answer: Validate[Any] | Default

    @property
    def path(self) -> str:
        """Return the last part of its path."""
        return f"{self.resource.group}-{self.resource.version}-{self.resource.plural}"


@dataclass(frozen=True, slots=True)
class Webhooks:
    """All webhooks of an operator; an empty one needs no server."""

    validating: list[Hook] = field(default_factory=list[Hook])
    defaulting: list[Hook] = field(default_factory=list[Hook])
    converting: dict[str, Conversion] = field(default_factory=dict[str, Conversion])
    """By the name of the definition: `caches.example.com`."""

    def validate(self, resource: Resource[T], validate: Validate[T]) -> None:
        """Refuse objects of a kind that a function finds something wrong with.

        Rules that look at one object alone belong in its schema (`described`), which needs no server.
        """
        self.validating.append(Hook(resource, validate))

    def default(self, resource: Resource[Any], default: Default) -> None:
        """Fill in what objects of a kind leave out, where a constant in the schema cannot say it."""
        self.defaulting.append(Hook(resource, default))

    def convert(self, resource: Resource[Any], conversion: Conversion) -> None:
        """Convert objects of a kind between its versions."""
        self.converting[f"{resource.plural}.{resource.group}"] = conversion

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return not (self.validating or self.defaulting or self.converting)
