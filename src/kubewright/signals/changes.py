"""What was changed of late, and what it was before: where a change may be the cause, and going back the remedy.

Bounded: the newest 2,000 changes, for half an hour. It is lost with the process; whoever needs a longer memory asks the
objects themselves (the ReplicaSets of a Deployment, the revisions of a set).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey, Resource
from kubewright.signals.signal import Fault, Signal, Witness, fingerprint_of

KEPT_SECONDS = 1800.0
MOST_CHANGES = 2000
_PROVED_SECONDS = 120.0
"""What has stayed for so long is something to go back to."""
SUSPECT_SECONDS = 600.0
"""A change so long ago is hardly why something is wrong now."""


@dataclass(frozen=True, slots=True)
class Changed:
    """An object's last change; `before` is None for one that was made, `after` for one that was deleted."""

    resource: Resource[Any]
    key: ObjectKey
    at: float
    before: LiveObject | None
    after: LiveObject | None


@dataclass(slots=True)
class Changes:
    """The changes of some kinds, each object's last one."""

    _known: OrderedDict[tuple[str, ObjectKey], Changed] = field(
        default_factory=OrderedDict[tuple[str, ObjectKey], Changed]
    )

    def note(
        self, resource: Resource[Any], old: LiveObject | None, new: LiveObject | None, now: float
    ) -> Signal | None:
        """Take a change in; return the suspicion that it is, if what is wanted of the object has changed."""
        subject = new or old
        if subject is None or (old is not None and new is not None and content_of(old) == content_of(new)):
            return None
        place = resource.plural, subject.key
        before = self._known.pop(place, None)
        # What was good stays what to go back to, however often somebody tries something else.
        tried = before is not None and before.before is not None and now - before.at < _PROVED_SECONDS
        good = before.before if before is not None and tried else old
        self._known[place] = Changed(resource, subject.key, now, good, new)
        self._forget(now)
        return _signal(self._known[place], subject.metadata.uid)

    def of(self, resource: Resource[Any], key: ObjectKey) -> Changed | None:
        """Return an object's last change."""
        return self._known.get((resource.plural, key))

    def since(self, moment: float, namespace: str = "") -> Iterator[Changed]:
        """Yield what was changed since a moment, the newest first, in one namespace or everywhere."""
        for each in reversed(self._known.values()):
            if each.at < moment:
                return
            if not namespace or each.key.namespace in {namespace, ""}:
                yield each

    def _forget(self, now: float) -> None:
        while self._known:
            place, oldest = next(iter(self._known.items()))
            if len(self._known) <= MOST_CHANGES and now - oldest.at < KEPT_SECONDS:
                return
            del self._known[place]


def content_of(live: LiveObject) -> Mapping[str, Any]:
    """Return what is wanted of an object: all but its metadata and its status."""
    return {"spec": live.spec, "data": live.data, "rules": live.rules}


def _signal(changed: Changed, uid: str) -> Signal:
    what = "made" if changed.before is None else "deleted" if changed.after is None else "changed"
    about = changed.resource, changed.key
    fingerprint = fingerprint_of(Fault.CHANGED, about, uid)
    return Signal(fingerprint, Fault.CHANGED, about, f"it was {what}", changed.at, Witness.CHANGE)
