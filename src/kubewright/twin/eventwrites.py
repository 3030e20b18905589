"""Events that are written in the server's own process: of a pod that comes up they are half of all writes.

`Twin` hands this to the recorders of its controllers and kubelets (`runtime/events.py`), which make a request for each
Event on any other cluster. What is stored, told to watches and counted as a revision is what the request would have
made: the first Event of a form is one, and what came of it is the form of those after it, in which only values differ.
It is done here only while that is certain: nothing has a say in writes, and there is room for one more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import msgspec

from kubewright.api.core import EVENTS
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.store.versioned import Bucket, VersionedStore
from kubewright.twin.forms import Form, hole
from kubewright.twin.intervening import counted_by_quota, somebody_intervenes
from kubewright.twin.reading import dig
from kubewright.twin.validation.names import dns_subdomain

_BUCKET: Bucket = (EVENTS.group, EVENTS.plural)
_NAMESPACES: Bucket = ("", "namespaces")

Path: TypeAlias = tuple[str, ...]
Values: TypeAlias = dict[Path, Any]
_Shape: TypeAlias = tuple[str, tuple[Path, ...]]
"""The component, and which values there are: an empty one is left out of what is stored."""

_UID: Path = ("metadata", "uid")
_CREATED: Path = ("metadata", "creationTimestamp")
_REVISION: Path = ("metadata", "resourceVersion")
_WRITTEN: Path = ("managedFields", "time")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _EventForm:
    """The JSON of like Events, and which value is in which of its holes."""

    form: Form
    slots: list[Path]

    def filled(self, values: Values) -> bytes:
        return self.form.filled([_encode(values[path]) for path in self.slots])


@dataclass(frozen=True, slots=True)
class EventWrites:
    """Writes Events into one store."""

    store: VersionedStore
    new_uid: Callable[[], str]
    now: Callable[[], float]
    _asked: dict[_Shape, Values] = field(default_factory=dict[_Shape, Values])
    """Events of forms that are not known yet: a request was made for each."""
    _forms: dict[_Shape, _EventForm | None] = field(default_factory=dict[_Shape, "_EventForm | None"])
    """None for a form of which the server makes something else than was asked for."""

    def create(self, event: Manifest, component: str) -> bool:
        """Create an Event in the name of a component; False when it takes a request."""
        values = _values(event)
        shape = component, tuple([path for path, value in values.items() if value])
        form = self._form(shape, values)
        namespace, name = values["metadata", "namespace"], values["metadata", "name"]
        key = ObjectKey(namespace, name)
        if form is None or not self._may_write(key):
            return False
        stamp = rfc3339(self.now())
        values |= {_UID: self.new_uid(), _CREATED: stamp, _WRITTEN: stamp}
        self.store.create_encoded(_BUCKET, key, lambda revision: form.filled(values | {_REVISION: str(revision)}))
        return True

    def _may_write(self, key: ObjectKey) -> bool:
        """Tell whether a request would be granted, and change nothing but this."""
        place = self.store.get(_NAMESPACES, ObjectKey("", key.namespace))
        return (
            place is not None
            and "deletionTimestamp" not in place.obj["metadata"]
            and self.store.get(_BUCKET, key) is None
            and not dns_subdomain(key.name)
            and not counted_by_quota(self.store, key.namespace)
            and not somebody_intervenes(self.store)
        )

    def _form(self, shape: _Shape, values: Values) -> _EventForm | None:
        if shape in self._forms:
            return self._forms[shape]
        example = self._asked.pop(shape, None)
        key = None if example is None else ObjectKey(example["metadata", "namespace"], example["metadata", "name"])
        record = None if key is None else self.store.get(_BUCKET, key)
        if example is None or record is None:
            self._asked[shape] = values
            return None
        self._forms[shape] = form = _form_of(record.obj, example, shape[0])
        return form


def _values(event: Manifest) -> Values:
    """Return every value of an event that is no object itself, by where it stands; objects hold no further ones."""
    values: Values = {}
    for name, value in event.items():
        if isinstance(value, dict):
            for inner, part in cast("Manifest", value).items():
                values[name, inner] = part
        else:
            values[name,] = value
    return values


def _form_of(stored: Manifest, asked: Values, component: str) -> _EventForm | None:
    """Return the form of a stored Event; None unless it is what was asked for and nobody else's."""
    entries = stored["metadata"].get("managedFields", ())
    if any(dig(stored, *path) != value for path, value in asked.items() if value):
        return None
    if len(entries) != 1 or entries[0]["manager"] != component:
        return None
    slots = [*(path for path, value in asked.items() if value), _UID, _CREATED, _REVISION, _WRITTEN]
    holes = {path: msgspec.Raw(hole(number)) for number, path in enumerate(slots)}
    form = _with_slots({**stored, "managedFields": entries[0]}, holes)
    form["metadata"]["managedFields"] = [form.pop("managedFields")]
    return _EventForm(Form.of(_encode(form)), slots)


def _with_slots(obj: Manifest, slots: Mapping[Path, msgspec.Raw], above: Path = ()) -> Manifest:
    """Return an object with slots instead of values, and otherwise the same in the same order."""
    return {
        name: _with_slots(cast("Manifest", value), slots, (*above, name))
        if isinstance(value, dict)
        else slots.get((*above, name), value)
        for name, value in obj.items()
    }
