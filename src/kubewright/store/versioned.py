"""Objects under one global revision, as etcd keeps them for an API server; the twin's only state.

Contract
- Every write takes the next revision and writes it into the object's `metadata.resourceVersion`; a write that changes
  nothing takes none and returns the Record that is there.
- Objects are never changed after they are stored: callers build a new document that shares what is unchanged.
- A list is one consistent moment, also an older one as long as history reaches back.
- Subscribers are called inside the write, in revision order. A subscriber that writes is told of its own write after
  all have been told of the one at hand.

Failures are OpErrors with op `store.<verb>`; the server turns them into Status documents.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.store.equality import same_json
from kubewright.store.history import Bucket, Change, History, Record

__all__ = ["Bucket", "Change", "Record", "VersionedStore"]

Subscriber = Callable[[Change], None]


_WORTH_SORTING = 200
"""To sort all keys takes about as long as to put one into its place so many times for each that there is."""


class _Objects:
    """One bucket's present objects, and their keys in order, so that a namespace is a slice of them.

    Keys that came since are put into order when somebody asks for it: in a crowd of objects each is a move of all.
    """

    __slots__ = ("_came", "_keys", "records")

    def __init__(self) -> None:
        self.records: dict[ObjectKey, Record] = {}
        self._keys: list[ObjectKey] = []
        self._came: list[ObjectKey] = []

    def put(self, record: Record) -> None:
        if record.key not in self.records:
            self._came.append(record.key)
        self.records[record.key] = record

    def fork(self) -> _Objects:
        twin = _Objects()
        twin.records, twin._keys, twin._came = self.records.copy(), self._keys.copy(), self._came.copy()
        return twin

    def remove(self, key: ObjectKey) -> None:
        keys = self._sorted()
        del self.records[key]
        del keys[bisect_left(keys, key)]

    def _sorted(self) -> list[ObjectKey]:
        keys, came = self._keys, self._came
        if len(came) * _WORTH_SORTING > len(keys):
            keys += came
            keys.sort()
        else:
            for key in came:
                insort(keys, key)
        came.clear()
        return keys

    def in_order(self, namespace: str) -> list[Record]:
        keys = self._sorted()
        if namespace:
            # No name sorts before "" and no namespace sits between "ns" and "ns\0".
            first = bisect_left(keys, ObjectKey(namespace, ""))
            last = bisect_left(keys, ObjectKey(namespace + "\0", ""), lo=first)
            keys = keys[first:last]
        records = self.records
        return [records[key] for key in keys]


class VersionedStore:
    """Buckets of objects, one revision for all, and the last `history_limit` changes."""

    def __init__(self, history_limit: int = 100_000) -> None:
        self.revision = 0
        self._buckets: dict[Bucket, _Objects] = {}
        self._history = History(history_limit)
        self._subscribers: dict[Bucket, tuple[Subscriber, ...]] = {}
        self._untold: deque[Change] = deque()
        self._telling = False

    @classmethod
    def holding(cls, objects: Iterable[tuple[Bucket, ObjectKey, Manifest]], revision: int) -> VersionedStore:
        """Return a store that holds saved objects at the versions that they name, without a history."""
        store = cls()
        store.revision = revision
        for bucket, key, obj in objects:
            version = int(obj["metadata"]["resourceVersion"])
            store._buckets.setdefault(bucket, _Objects()).put(Record(key, obj, version))
            store.revision = max(store.revision, version)
        store._history.compact(store.revision)
        return store

    def fork(self) -> VersionedStore:
        """Return an independent store in the same state, history included and subscribers not.

        Records never change, so both share them: what is copied are the containers.
        """
        forked = VersionedStore()
        forked.revision = self.revision
        forked._buckets = {bucket: objects.fork() for bucket, objects in self._buckets.items()}
        forked._history = self._history.fork()
        return forked

    @property
    def compacted_revision(self) -> int:
        """The newest revision whose change is forgotten: watches and lists may still start from it."""
        return self._history.compacted

    def get(self, bucket: Bucket, key: ObjectKey) -> Record | None:
        """Return the present record, or None."""
        objects = self._buckets.get(bucket)
        return None if objects is None else objects.records.get(key)

    def create(self, bucket: Bucket, key: ObjectKey, obj: Manifest) -> Record:
        """Store a new object; raises ALREADY_EXISTS."""
        return self._add(bucket, self._next_record(key, obj))

    def create_encoded(self, bucket: Bucket, key: ObjectKey, encoded_at: Callable[[int], bytes]) -> Record:
        """Store a new object, given as its JSON at a revision; raises ALREADY_EXISTS."""
        revision = self.revision + 1
        return self._add(bucket, Record(key, None, revision, encoded_at(revision)))

    def _add(self, bucket: Bucket, record: Record) -> Record:
        if self.get(bucket, record.key) is not None:
            raise OpError("store.create", ErrorKind.ALREADY_EXISTS, _target(bucket, record.key), "the key is taken")
        self._commit(Change("ADDED", record, None, record.revision, bucket))
        return record

    def update(self, bucket: Bucket, key: ObjectKey, obj: Manifest, *, expected_revision: int | None = None) -> Record:
        """Replace an object; raises NOT_FOUND, or CONFLICT when it is no longer at `expected_revision`."""
        present = self._present("store.update", bucket, key, expected_revision)
        if same_json(_at_revision(obj, present.revision), present.obj):
            return present
        record = self._next_record(key, obj)
        self._commit(Change("MODIFIED", record, present, record.revision, bucket))
        return record

    def rewrite(self, bucket: Bucket, present: Record, encoded_at: Callable[[int], bytes]) -> Record:
        """Replace the object that `present` is by another one, given as its JSON at a revision."""
        revision = self.revision + 1
        record = Record(present.key, None, revision, encoded_at(revision))
        self._commit(Change("MODIFIED", record, present, revision, bucket))
        return record

    def delete(self, bucket: Bucket, key: ObjectKey, *, expected_revision: int | None = None) -> Record:
        """Remove an object and return its last state at the deletion's revision; raises NOT_FOUND, CONFLICT."""
        present = self._present("store.delete", bucket, key, expected_revision)
        record = self._next_record(key, present.obj)
        self._commit(Change("DELETED", record, present, record.revision, bucket))
        return record

    def list(self, bucket: Bucket, namespace: str = "", *, revision: int | None = None) -> tuple[list[Record], int]:
        """Return records in key order, and the revision they are of; raises EXPIRED when that is forgotten."""
        if revision is None or revision >= self.revision:
            objects = self._buckets.get(bucket)
            return ([] if objects is None else objects.in_order(namespace)), self.revision
        return self._list_past(bucket, namespace, revision), revision

    def holds_any(self, *buckets: Bucket) -> bool:
        """Tell whether there is an object in one of the buckets."""
        for bucket in buckets:
            objects = self._buckets.get(bucket)
            if objects is not None and objects.records:
                return True
        return False

    def changes_since(self, bucket: Bucket, revision: int) -> list[Change]:
        """Return the changes after `revision`, oldest first; raises EXPIRED when some of them are forgotten."""
        self._check_remembered("store.changes_since", bucket, revision)
        return self._history.since(bucket, revision)

    def subscribe(self, bucket: Bucket, callback: Subscriber) -> Callable[[], None]:
        """Call `callback` with every later change of the bucket; returns what ends it."""
        self._subscribers[bucket] = (*self._subscribers.get(bucket, ()), callback)

        def unsubscribe() -> None:
            remaining = list(self._subscribers.get(bucket, ()))
            if callback in remaining:
                remaining.remove(callback)
            self._subscribers[bucket] = tuple(remaining)

        return unsubscribe

    def compact(self, revision: int) -> None:
        """Forget changes up to and including `revision`; lists and watches from before it are EXPIRED."""
        self._history.compact(min(revision, self.revision))

    def _list_past(self, bucket: Bucket, namespace: str, revision: int) -> list[Record]:
        """Undo the changes after `revision`, newest first."""
        self._check_remembered("store.list", bucket, revision)
        objects = self._buckets.get(bucket)
        records = {} if objects is None else {record.key: record for record in objects.in_order(namespace)}
        for change in reversed(self._history.since(bucket, revision)):
            key = change.record.key
            if namespace and key.namespace != namespace:
                continue
            if change.previous is None:
                del records[key]
            else:
                records[key] = change.previous
        return [records[key] for key in sorted(records)]

    def _check_remembered(self, op: str, bucket: Bucket, revision: int) -> None:
        compacted = self._history.compacted
        if revision < compacted:
            detail = f"too old resource version: {revision} ({compacted})"
            raise OpError(op, ErrorKind.EXPIRED, _target(bucket), detail)

    def _present(self, op: str, bucket: Bucket, key: ObjectKey, expected_revision: int | None) -> Record:
        record = self.get(bucket, key)
        if record is None:
            raise OpError(op, ErrorKind.NOT_FOUND, _target(bucket, key), "no such object")
        if expected_revision is not None and record.revision != expected_revision:
            detail = f"expected revision {expected_revision}, is at {record.revision}"
            raise OpError(op, ErrorKind.CONFLICT, _target(bucket, key), detail)
        return record

    def _next_record(self, key: ObjectKey, obj: Manifest) -> Record:
        revision = self.revision + 1
        return Record(key, _at_revision(obj, revision), revision)

    def _commit(self, change: Change) -> None:
        self.revision = change.revision
        objects = self._buckets.get(change.bucket)
        if objects is None:
            objects = self._buckets[change.bucket] = _Objects()
        if change.type == "DELETED":
            objects.remove(change.record.key)
        else:
            objects.put(change.record)
        self._history.append(change)
        self._untold.append(change)
        if not self._telling:
            self._tell()

    def _tell(self) -> None:
        self._telling = True
        try:
            while self._untold:
                change = self._untold.popleft()
                for subscriber in self._subscribers.get(change.bucket, ()):
                    subscriber(change)
        finally:
            self._telling = False


def _at_revision(obj: Manifest, revision: int) -> Manifest:
    """Return the object with its resourceVersion set, sharing everything else."""
    return {**obj, "metadata": {**obj.get("metadata", {}), "resourceVersion": str(revision)}}


def _target(bucket: Bucket, key: ObjectKey | None = None) -> str:
    group, plural = bucket
    resource = f"{plural}.{group}" if group else plural
    return resource if key is None else f"{resource}/{key}"
