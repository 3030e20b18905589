"""Label and field selectors: the structured form in objects, and the text form in queries and on command lines.

Informers and the twin's lists filter with them, controllers and placement match pods by them. The text forms follow
`labels.Parse` and `fields.ParseSelector` of Kubernetes, their oddities included (`a in ()` selects the empty value).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from kubewright.api.meta import EMPTY, Leaf
from kubewright.api.requirements import Requirement
from kubewright.api.selector_text import parse_requirements


class LabelSelector(Leaf, frozen=True):
    """`metav1.LabelSelector`. An empty one matches everything; an absent one, in most fields, nothing: callers say."""

    match_labels: Mapping[str, str] = EMPTY
    match_expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet all conditions."""
        return all(labels.get(key) == wanted for key, wanted in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )

    def __str__(self) -> str:
        equalities = (Requirement(key, "In", (wanted,)) for key, wanted in self.match_labels.items())
        return str(Selector(tuple(sorted((*equalities, *self.match_expressions), key=lambda each: each.key))))


class Selector(NamedTuple):
    """A parsed label selector: all requirements must hold; none means everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet all requirements."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


class FieldTerm(NamedTuple):
    """One condition of a field selector; which fields exist is for the reader's kind to say."""

    field: str
    op: Literal["=", "!="]
    value: str

    def matches(self, found: str) -> bool:
        """Whether the field's text meets the condition."""
        return (found == self.value) == (self.op == "=")


def parse_label_selector(text: str) -> Selector:
    """Parse a selector; the empty text selects everything; raises ValueError with the API server's words."""
    return Selector(tuple(sorted(parse_requirements(text), key=lambda each: each.key)))


def parse_field_selector(text: str) -> tuple[FieldTerm, ...]:
    r"""Parse `status.phase!=Failed,spec.nodeName=a`; `\` escapes commas, equals signs and itself; raises ValueError."""
    return tuple(_parse_field_term(text, term) for term in re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.DOTALL))


def _parse_field_term(text: str, term: str) -> FieldTerm:
    split = re.fullmatch(r"(.*?)(!=|==|=)(.*)", term, re.DOTALL)
    if split is None:
        raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
    return FieldTerm(split[1], "!=" if split[2] == "!=" else "=", _unescape(split[3]))


def _unescape(value: str) -> str:
    if re.fullmatch(r"(?:\\[\\,=]|[^\\,=])*", value, re.DOTALL) is None:
        raise ValueError(f"invalid field selector: unescaped character or unknown escape in value: {value}")
    return re.sub(r"\\(.)", r"\1", value)


def selector_of(labels: Mapping[str, str]) -> str:
    """Write the selector text that matches exactly these labels."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels))
