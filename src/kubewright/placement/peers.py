"""Which pods are meant by which selectors: what inter-pod affinity and topology spread count.

Pods that are alike to selectors (namespace, labels, going or not) are one `Kind`; what a selector means is a `Peers`
group: the pods that match it. Both are numbered once for a cluster and all forks of its snapshot, and each new one is
matched against the others at once, so that placing a pod only raises the counts of the groups that its kind is in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from kubewright.api.affinity import PodAffinityTerm
from kubewright.api.core import Pod
from kubewright.api.requirements import Requirement
from kubewright.api.selectors import LabelSelector

encode = msgspec.msgpack.Encoder().encode
Labels: TypeAlias = Mapping[str, str]
Namespaces: TypeAlias = Mapping[str, Labels]
"""The labels of each namespace."""
_Pair: TypeAlias = tuple[str, str]

NO_NAMESPACES: Namespaces = {}


class Wanted(msgspec.Struct, frozen=True):
    """Pods by namespace and label. No label selector matches no pod; no namespace selector no further namespace."""

    namespaces: tuple[str, ...]
    namespace_selector: LabelSelector | None
    selector: LabelSelector | None

    def matches(self, namespace: str, labels: Labels, namespaces: Namespaces) -> bool:
        """Tell whether a pod with these labels in this namespace is meant."""
        if self.selector is None:
            return False
        if namespace not in self.namespaces:
            other = self.namespace_selector
            if other is None or not other.matches(namespaces.get(namespace, {})):
                return False
        return self.selector.matches(labels)


@dataclass(frozen=True, slots=True)
class Group:
    """The pods that match all of `wanted`, with or without those that are going."""

    number: int
    wanted: tuple[Wanted, ...]
    staying: bool
    """Whether terminating pods do not count."""
    kinds: list[Kind] = field(default_factory=list["Kind"], repr=False, compare=False)
    terms: list[Term] = field(default_factory=list["Term"], repr=False, compare=False)
    """What placed pods may hold against, or for, the pods of this group."""


@dataclass(frozen=True, slots=True)
class Term:
    """What a pod says, once it is placed, about other pods that come near: stay away, or come with this weight."""

    number: int
    topology_key: str
    weight: int
    """0 for required anti-affinity, which rules out; else what it adds to, or takes from, a score."""
    group: Group


@dataclass(frozen=True, slots=True)
class Kind:
    """Pods that selectors cannot tell apart."""

    number: int
    namespace: str
    labels: Labels
    going: bool
    groups: list[Group] = field(default_factory=list[Group], repr=False, compare=False)


class Peers:
    """All kinds and groups that were heard of, each with those of the other sort that match it."""

    __slots__ = (
        "_groups",
        "_groups_by_pair",
        "_groups_without_pair",
        "_kinds",
        "_kinds_by_pair",
        "_namespaces",
        "_terms",
    )

    def __init__(self, namespaces: Namespaces = NO_NAMESPACES) -> None:
        self._namespaces = namespaces
        self._kinds: dict[bytes, Kind] = {}
        self._groups: dict[bytes, Group] = {}
        self._terms: dict[tuple[str, int, int], Term] = {}
        self._kinds_by_pair: dict[_Pair, list[Kind]] = {}
        self._groups_by_pair: dict[_Pair, list[Group]] = {}
        self._groups_without_pair: list[Group] = []

    @property
    def namespaces(self) -> Namespaces:
        """Return the namespaces whose labels selectors are asked for."""
        return self._namespaces

    def kind(self, pod: Pod) -> Kind:
        """Return the pod's kind."""
        metadata = pod.metadata
        key = encode((metadata.namespace, metadata.labels, pod.is_terminating))
        kind = self._kinds.get(key)
        if kind is None:
            kind = Kind(len(self._kinds), metadata.namespace, metadata.labels, pod.is_terminating)
            self._kinds[key] = kind
            for group in self._groups_for(kind):
                if self._match(group, kind):
                    kind.groups.append(group)
                    group.kinds.append(kind)
            for pair in kind.labels.items():
                self._kinds_by_pair.setdefault(pair, []).append(kind)
        return kind

    def group(self, wanted: Iterable[Wanted], *, staying: bool = False) -> Group:
        """Return the group of the pods that match all of these."""
        parts = tuple(wanted)
        key = encode((staying, parts))
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(len(self._groups), parts, staying)
            for kind in self._kinds_for(group):
                if self._match(group, kind):
                    kind.groups.append(group)
                    group.kinds.append(kind)
            pair = _pair(group)
            listed = self._groups_without_pair if pair is None else self._groups_by_pair.setdefault(pair, [])
            listed.append(group)
        return group

    def term(self, topology_key: str, weight: int, group: Group) -> Term:
        """Return the term that says this about the pods of the group."""
        key = (topology_key, weight, group.number)
        term = self._terms.get(key)
        if term is None:
            term = self._terms[key] = Term(len(self._terms), topology_key, weight, group)
            group.terms.append(term)
        return term

    def _match(self, group: Group, kind: Kind) -> bool:
        if kind.going and group.staying:
            return False
        return all(each.matches(kind.namespace, kind.labels, self._namespaces) for each in group.wanted)

    def _groups_for(self, kind: Kind) -> Iterator[Group]:
        yield from self._groups_without_pair
        for pair in kind.labels.items():
            yield from self._groups_by_pair.get(pair, ())

    def _kinds_for(self, group: Group) -> Iterable[Kind]:
        pair = _pair(group)
        return self._kinds.values() if pair is None else self._kinds_by_pair.get(pair, ())


def _pair(group: Group) -> _Pair | None:
    """Return a label that every pod of the group must have, to look only at pods that do."""
    for each in group.wanted:
        if each.selector is None:
            continue
        for pair in each.selector.match_labels.items():
            return pair
        for requirement in each.selector.match_expressions:
            if requirement.operator == "In" and len(requirement.values) == 1:
                return requirement.key, requirement.values[0]
    return None


def wanted_by(term: PodAffinityTerm, pod: Pod) -> Wanted:
    """Return whom an affinity term of the pod means; the API server merges the label keys in, so seldom is any left."""
    namespaces = term.namespaces
    if not namespaces and term.namespace_selector is None:
        namespaces = (pod.metadata.namespace,)
    selector = with_label_keys(term.label_selector, term.match_label_keys, pod.metadata.labels)
    selector = with_label_keys(selector, term.mismatch_label_keys, pod.metadata.labels, operator="NotIn")
    return Wanted(tuple(sorted(namespaces)), term.namespace_selector, selector)


def with_label_keys(
    selector: LabelSelector | None, keys: Iterable[str], labels: Labels, operator: str = "In"
) -> LabelSelector | None:
    """Add the pod's own values of these labels to a selector, unless they are in it already; None stays None."""
    if selector is None:
        return None
    named = {*selector.match_labels, *(each.key for each in selector.match_expressions)}
    added = tuple(Requirement(key, operator, (labels[key],)) for key in keys if key in labels and key not in named)
    if not added:
        return selector
    return LabelSelector(selector.match_labels, (*selector.match_expressions, *added))
