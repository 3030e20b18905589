"""The state of a world, freed of what differs between any two lives: uids, versions, times, drawn addresses.

Two snapshots are equal when a user would call the two states the same. Owner references stay, as the name of the object
that they lead to, or as dangling; so do finalizers. Names that the server drew (`generateName`) are numbered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from kubewright.api.apiextensions import CRDS
from kubewright.api.drift import FINGERPRINT
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.revisions import REVISION
from kubewright.twin.server import ApiServer

Place: TypeAlias = tuple[str, str, str, str]
"""Group, plural, namespace and name (a drawn one as `prefix*number`)."""
OTHER = "harness.kubewright.dev/other"
"""Annotation that somebody else writes, and that the operator must leave where it is."""
READY = frozenset({"Ready", "Available"})
"""Conditions by which an object says that it is as its owner wants it."""
SURROUNDINGS = "harness.kubewright.dev/surroundings"
"""Annotation of what is neither the operator's nor a user's: pods of Deployments. It is in no snapshot."""

_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHORTEST_DRAWN, _UID_LENGTH = len("2030-01-01T00:00:00"), 36
_LEFT_OUT = frozenset({("", "events"), ("events.k8s.io", "events"), ("coordination.k8s.io", "leases")})
_OWN_OF_SERVICES = frozenset({"clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort"})
_COUNTED = frozenset({REVISION, FINGERPRINT, OTHER})
"""Annotations that count, that speak of an owner by its uid, or that are looked at apart."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Objects by place."""

    objects: Mapping[Place, Manifest]

    def without(self, places: frozenset[Place]) -> Snapshot:
        """Return it without some objects."""
        return Snapshot({place: obj for place, obj in self.objects.items() if place not in places})


def place_of(bucket: tuple[str, str], key: ObjectKey) -> Place:
    """Return where an object of that name is."""
    return (bucket[0], bucket[1], key.namespace, key.name)


def take(server: ApiServer, ignored: frozenset[str] = frozenset()) -> Snapshot:
    """Return the present state; `ignored` are paths of fields to leave out (`status.history`)."""
    stored = list(stored_objects(server))
    names = {obj["metadata"]["uid"]: f"{obj['kind']} {obj['metadata']['name']}" for _, obj in stored}
    numbers: dict[tuple[str, str, str, str], int] = {}
    objects: dict[Place, Manifest] = {}
    for (group, plural), obj in stored:
        metadata = obj["metadata"]
        name, prefix = metadata["name"], metadata.get("generateName", "")
        if prefix:
            series = (group, plural, metadata.get("namespace", ""), prefix)
            numbers[series] = numbers.get(series, 0) + 1
            name = f"{prefix}*{numbers[series]}"
        place = (group, plural, metadata.get("namespace", ""), name)
        objects[place] = _definition(obj) if obj["kind"] == CRDS.kind else normalised(obj, names, ignored)
    return Snapshot(objects)


_definitions: dict[int, tuple[Manifest, Manifest]] = {}
"""By identity: definitions as they are stored, which lives share and seldom change, and without what is drawn."""
_MOST_DEFINITIONS = 64


def _definition(obj: Manifest) -> Manifest:
    found = _definitions.get(id(obj))
    if found is None:
        if len(_definitions) >= _MOST_DEFINITIONS:
            _definitions.clear()
        found = _definitions[id(obj)] = (obj, normalised(obj, {}))
    return found[1]


def stored_objects(server: ApiServer) -> Iterator[tuple[tuple[str, str], Manifest]]:
    """Yield every object but those that come and go by themselves or by others, with group and plural."""
    for bucket in dict.fromkeys((kind.group, kind.plural) for kind in server.kinds.all()):
        if bucket not in _LEFT_OUT:
            for record in server.store.list(bucket)[0]:
                if SURROUNDINGS not in (record.obj["metadata"].get("annotations") or ()):
                    yield bucket, record.obj


def normalised(obj: Manifest, names: Mapping[str, str], ignored: frozenset[str] = frozenset()) -> Manifest:
    """Return an object without what a life draws or counts; `names` says what a uid is."""
    generation = obj["metadata"].get("generation")
    rest = {name: value for name, value in obj.items() if name != "metadata"}
    result = {"metadata": _metadata(obj["metadata"], names)}
    for name, value in rest.items():
        if name not in ignored:
            result[name] = _plain(value, generation, obj["kind"], name, ignored)
    return result


def _metadata(metadata: Manifest, names: Mapping[str, str]) -> Manifest:
    written_on: Manifest = metadata.get("annotations") or {}
    annotations = {name: value for name, value in written_on.items() if name not in _COUNTED}
    owners = [
        {"kind": ref["kind"], "controller": ref.get("controller", False), "is": names.get(ref["uid"], "dangling")}
        for ref in metadata.get("ownerReferences") or ()
    ]
    found: Manifest = {
        "labels": metadata.get("labels") or {},
        "annotations": _plain(annotations, None, "", "", frozenset()),
        "finalizers": [name for name in metadata.get("finalizers") or () if name != OTHER],
        "ownerReferences": owners,
    }
    return found | ({"deleting": True} if "deletionTimestamp" in metadata else {})


def _plain(value: Any, generation: int | None, kind: str, path: str, ignored: frozenset[str]) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {
            name: ("current" if part == generation else "stale")
            if name == "observedGeneration" and generation is not None
            else _plain(part, generation, kind, f"{path}.{name}", ignored)
            for name, part in fields.items()
            if not (kind == "Service" and name in _OWN_OF_SERVICES) and f"{path}.{name}" not in ignored
        }
    if isinstance(value, list):
        return [_plain(part, generation, kind, path, ignored) for part in cast("list[Any]", value)]
    if isinstance(value, str):
        if len(value) < _SHORTEST_DRAWN:
            return value
        return "<time>" if _TIME.match(value) else _UID.sub("<uid>", value) if len(value) >= _UID_LENGTH else value
    return value


def differences(expected: Snapshot, found: Snapshot) -> list[str]:
    """Say what differs, an object or a field each."""
    said: list[str] = []
    for place in sorted({*expected.objects, *found.objects}):
        before, after = expected.objects.get(place), found.objects.get(place)
        if before is None:
            said.append(f"{written(place)} is there and should not be")
        elif after is None:
            said.append(f"{written(place)} is missing")
        elif before != after:
            said += [f"{written(place)} {each}" for each in _fields(before, after, "")]
    return said


def _fields(expected: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        one, other = cast("dict[str, Any]", expected), cast("dict[str, Any]", found)
        for name in dict.fromkeys((*one, *other)):
            yield from _fields(one.get(name), other.get(name), f"{path}.{name}".removeprefix("."))
    elif expected != found:
        yield f"{path}: {_short(found)} instead of {_short(expected)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004  a line's worth


def written(place: Place) -> str:
    """Name an object in messages: `configmaps default/x`."""
    _, plural, namespace, name = place
    return f"{plural} {ObjectKey(namespace, name)}"
