"""A twin's store out of a saved cluster: every object as it was, its name, uid, version and status included.

Nothing passes through admission or validation, since it did so once already. What the twin does not serve is left out,
and the caller is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.store.versioned import Bucket, VersionedStore
from kubewright.twin.conversion import bucket_of, stored_form
from kubewright.twin.crds import kinds_of
from kubewright.twin.kinds import KindTable
from kubewright.twin.reading import as_dict, text
from kubewright.twin.savefile import Header, read
from kubewright.twin.server import modelled_kinds

_DEFINITION = "CustomResourceDefinition"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A store to build a twin on, and what of the file is not in it."""

    header: Header
    store: VersionedStore
    left_out: Mapping[str, int]
    """How many objects of which `apiVersion kind` the twin does not serve."""
    unconverted: tuple[str, ...]
    """CRDs whose conversion webhook the twin does not call: their versions differ by name only."""


def load(path: Path) -> Loaded:
    """Read a file that `twin save` wrote; raises OpError for one that is no such file."""
    header, objects = read(path)
    return _loaded(header, objects)


def store_of(objects: list[Manifest]) -> VersionedStore:
    """Return a store of objects that were read one kind after the other, as of their newest version."""
    return _loaded(Header("0", ""), objects).store


def _loaded(header: Header, objects: list[Manifest]) -> Loaded:
    definitions = [obj for obj in objects if obj["kind"] == _DEFINITION]
    unconverted = tuple(obj["metadata"]["name"] for obj in definitions if _has_webhook(obj))
    kinds = _kinds(definitions)
    left_out: Counter[str] = Counter()
    stored = _stored(map(_without_webhook, objects), kinds, left_out)
    return Loaded(header, VersionedStore.holding(stored, int(header.resource_version)), left_out, unconverted)


def _kinds(definitions: Iterable[Manifest]) -> KindTable:
    kinds = KindTable(modelled_kinds(KindTable.builtin()))
    for definition in definitions:
        for kind in kinds_of(definition, kinds.schema):
            kinds.add(kind)
    return kinds


def _stored(
    objects: Iterable[Manifest], kinds: KindTable, left_out: Counter[str]
) -> Iterator[tuple[Bucket, ObjectKey, Manifest]]:
    for obj in objects:
        kind = kinds.by_kind(obj["apiVersion"], obj["kind"])
        if kind is None:
            left_out[f"{obj['apiVersion']} {obj['kind']}"] += 1
            continue
        metadata = obj["metadata"]
        key = ObjectKey(metadata.get("namespace", "") if kind.namespaced else "", metadata["name"])
        yield bucket_of(kind), key, stored_form(kind, obj, kinds)


def _has_webhook(definition: Manifest) -> bool:
    return text(definition, "spec", "conversion", "strategy") == "Webhook"


def _without_webhook(obj: Manifest) -> Manifest:
    if obj["kind"] != _DEFINITION or not _has_webhook(obj):
        return obj
    return {**obj, "spec": {**as_dict(obj["spec"]), "conversion": {"strategy": "None"}}}
