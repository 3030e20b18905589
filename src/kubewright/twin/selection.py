"""Which objects a list, a watch or a deletion of many is about: label and field selectors over manifests."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.selectors import FieldTerm, Selector, parse_field_selector, parse_label_selector
from kubewright.twin.kinds import KindInfo
from kubewright.twin.options import ListOptions, unreadable
from kubewright.twin.reading import as_dict, dig
from kubewright.twin.status import bad_request

_NO_LABELS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Selection:
    """Both selectors of a request; without terms everything is selected."""

    labels: Selector
    fields: tuple[FieldTerm, ...]

    @property
    def everything(self) -> bool:
        """Tell whether nothing is left out."""
        return not self.labels.requirements and not self.fields

    def may_match(self, key: ObjectKey) -> bool:
        """Tell whether an object of this key can be selected, ever; cheaper than to look at it."""
        for term in self.fields:
            attribute = _OF_KEYS.get(term.field)
            if attribute is not None and not term.matches(getattr(key, attribute)):
                return False
        return True

    def matches(self, obj: Manifest) -> bool:
        """Tell whether an object is selected."""
        if self.labels.requirements and not self.labels.matches(obj["metadata"].get("labels") or _NO_LABELS):
            return False
        return all(term.matches(field_text(obj, term.field)) for term in self.fields)


EVERYTHING = Selection(Selector(), ())
_OF_KEYS = {"metadata.name": "name", "metadata.namespace": "namespace"}


def select(kind: KindInfo, options: ListOptions) -> Selection:
    """Read the selectors of a request; raises 400."""
    if not options.label_selector and not options.field_selector:
        return EVERYTHING
    with unreadable():
        labels = parse_label_selector(options.label_selector.partition("\0")[0])  # where the real lexer ends
        fields = parse_field_selector(options.field_selector)
    fields = tuple(term for term in fields if term.field or term.value)
    for term in fields:
        if term.field not in kind.field_labels:
            raise bad_request(_unknown_field(kind, term.field))
    return Selection(labels, fields)


def _unknown_field(kind: KindInfo, field: str) -> str:
    # A kind with no fields of its own is answered by the API machinery's default, which words it differently.
    if not kind.custom and set(kind.field_labels) == {"metadata.name", "metadata.namespace"}:
        return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    return f"field label not supported: {field}"


def field_text(obj: Manifest, field: str) -> str:
    """Return a field as selectors compare it."""
    special = _SPECIAL.get(field)
    value: Any = special(obj) if special is not None else dig(obj, *_path(field))
    if value.__class__ is str:
        return value
    if value is None:
        return _WHEN_ABSENT.get(field, "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@functools.lru_cache(maxsize=256)
def _path(field: str) -> tuple[str, ...]:
    return tuple(field.split("."))


_WHEN_ABSENT = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0"}
_SPECIAL: Mapping[str, Callable[[Manifest], Any]] = {
    "source": lambda obj: as_dict(obj.get("source")).get("component") or obj.get("reportingComponent"),
    "reportingComponent": lambda obj: obj.get("reportingComponent"),
    "status.successful": lambda obj: dig(obj, "status", "succeeded") or 0,
}
