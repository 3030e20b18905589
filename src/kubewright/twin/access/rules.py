"""The rules of roles: what one allows, and whether some cover others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.twin.access.attributes import Attributes

ALL = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a role (`PolicyRule`)."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def allows(self, wanted: Attributes) -> bool:
        """Tell whether the rule allows a request."""
        if ALL not in self.verbs and wanted.verb not in self.verbs:
            return False
        if wanted.path:
            return any(url_covers(url, wanted.path) for url in self.urls)
        return (
            (ALL in self.groups or wanted.group in self.groups)
            and self._names_resource(wanted)
            and (not self.names or wanted.name in self.names)
        )

    def _names_resource(self, wanted: Attributes) -> bool:
        resources = self.resources
        if ALL in resources or wanted.whole_resource in resources:
            return True
        return bool(wanted.subresource) and f"*/{wanted.subresource}" in resources

    def manifest(self) -> Manifest:
        """Return the rule as reviews show it."""
        parts = {
            "verbs": self.verbs,
            "apiGroups": self.groups,
            "resources": self.resources,
            "resourceNames": self.names,
            "nonResourceURLs": self.urls,
        }
        return {name: list(values) for name, values in parts.items() if values}

    def compact(self) -> str:
        """Write the rule as refusals show it (`CompactString`)."""
        parts = {
            "NonResourceURLs": self.urls,
            "APIGroups": self.groups,
            "Resources": self.resources,
            "ResourceNames": self.names,
            "Verbs": self.verbs,
        }
        return "{" + ", ".join(f"{name}:{quoted(values)}" for name, values in parts.items() if values) + "}"


def parse_rules(rules: Any) -> tuple[Rule, ...]:
    """Read a role's rules."""
    return tuple(
        Rule(
            _texts(rule, "verbs"),
            _texts(rule, "apiGroups"),
            _texts(rule, "resources"),
            _texts(rule, "resourceNames"),
            _texts(rule, "nonResourceURLs"),
        )
        for rule in rules or ()
    )


def _texts(rule: Manifest, name: str) -> tuple[str, ...]:
    return tuple(rule.get(name) or ())


def quoted(texts: Iterable[str]) -> str:
    """Write texts as Go's `%q` writes a slice."""
    return "[" + " ".join(msgspec.json.encode(each).decode() for each in texts) + "]"


def url_covers(url: str, path: str) -> bool:
    """Tell whether a rule's path, which may end in `*`, is or begins another."""
    return url in {ALL, path} or (url.endswith(ALL) and path.startswith(url.rstrip(ALL)))


def missing(owned: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """Return the smallest rules of `wanted` that no rule of `owned` covers (`validation.Covers`)."""
    atoms = (atom for rule in wanted for atom in _atoms(rule))
    return [atom for atom in atoms if not any(_covers(rule, atom) for rule in owned)]


def compacted(rules: Iterable[Rule]) -> list[Rule]:
    """Join the verbs of rules that are otherwise the same (`CompactRules`)."""
    joined: dict[Rule, list[str]] = {}
    for rule in rules:
        # Paths are not joined: the verb stays part of what tells them apart.
        joined.setdefault(rule if rule.urls else replace(rule, verbs=()), []).extend(rule.verbs)
    return [replace(rule, verbs=tuple(verbs)) for rule, verbs in joined.items()]


def _atoms(rule: Rule) -> Iterator[Rule]:
    for group in rule.groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                for name in rule.names or (None,):
                    yield Rule((verb,), (group,), (resource,), () if name is None else (name,))
    for url in rule.urls:
        for verb in rule.verbs:
            yield Rule((verb,), urls=(url,))


def _covers(owner: Rule, atom: Rule) -> bool:
    if ALL not in owner.verbs and atom.verbs[0] not in owner.verbs:
        return False
    if atom.urls:
        return any(url_covers(url, atom.urls[0]) for url in owner.urls)
    resource = atom.resources[0]
    _, slash, subresource = resource.partition("/")
    covering = {ALL, resource, f"*/{subresource}"} if slash else {ALL, resource}
    return (
        (ALL in owner.groups or atom.groups[0] in owner.groups)
        and not covering.isdisjoint(owner.resources)
        and (not owner.names or (bool(atom.names) and atom.names[0] in owner.names))
    )
