"""The versioned store against a dict and a list of what happened."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.store.versioned import VersionedStore

BUCKETS = st.sampled_from([("", "pods"), ("apps", "deployments")])
KEYS = st.builds(ObjectKey, st.sampled_from(["a", "a-b", "b"]), st.sampled_from(["x", "x-1", "y"]))
BODIES = st.fixed_dictionaries({"spec": st.sampled_from([1, 2, True, None, [1], [True], {"k": []}])})
HISTORY = 12


def strict(value):
    """Tell true from 1, as JSON does."""
    return repr(value)


class StoreMachine(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.store = VersionedStore(history_limit=HISTORY)
        self.model = {}
        self.moments = {0: {}}
        self.log = []
        self.heard = []
        for bucket in [("", "pods"), ("apps", "deployments")]:
            self.store.subscribe(bucket, lambda change: self.heard.append(change.revision))

    def attempt(self, kind, call, *args, **kwargs):
        if kind is None:
            return call(*args, **kwargs)
        with pytest.raises(OpError) as caught:
            call(*args, **kwargs)
        assert caught.value.kind is kind
        return None

    def written(self, kind, bucket, key, record):
        assert record.revision == self.store.revision == max(self.moments) + 1
        assert record.obj["metadata"]["resourceVersion"] == str(record.revision)
        self.log.append((kind, bucket, key, record.revision))
        self.moments[record.revision] = dict(self.model)

    @rule(bucket=BUCKETS, key=KEYS, body=BODIES)
    def create(self, bucket, key, body):
        expected = ErrorKind.ALREADY_EXISTS if (bucket, key) in self.model else None
        record = self.attempt(expected, self.store.create, bucket, key, body)
        if record is not None:
            self.model[bucket, key] = (strict(body["spec"]), record.revision)
            self.written("ADDED", bucket, key, record)

    @rule(bucket=BUCKETS, key=KEYS, body=BODIES, stale=st.booleans())
    def update(self, bucket, key, body, stale):
        known = self.model.get((bucket, key))
        expected_revision = None if known is None else known[1] - stale
        expected = ErrorKind.NOT_FOUND if known is None else ErrorKind.CONFLICT if stale else None
        before = self.store.get(bucket, key)
        record = self.attempt(expected, self.store.update, bucket, key, body, expected_revision=expected_revision)
        if record is None:
            return
        if strict(body["spec"]) == known[0]:
            assert record is before
        else:
            self.model[bucket, key] = (strict(body["spec"]), record.revision)
            self.written("MODIFIED", bucket, key, record)

    @rule(bucket=BUCKETS, key=KEYS)
    def delete(self, bucket, key):
        expected = None if (bucket, key) in self.model else ErrorKind.NOT_FOUND
        record = self.attempt(expected, self.store.delete, bucket, key)
        if record is not None:
            del self.model[bucket, key]
            self.written("DELETED", bucket, key, record)

    @rule(back=st.integers(0, 20))
    def compact(self, back):
        self.store.compact(self.store.revision - back)

    @rule(bucket=BUCKETS, namespace=st.sampled_from(["", "a", "b", "c"]), back=st.integers(0, HISTORY + 3))
    def list_at(self, bucket, namespace, back):
        revision = max(0, self.store.revision - back)
        forgotten = revision < self.store.compacted_revision
        found = self.attempt(
            ErrorKind.EXPIRED if forgotten else None, self.store.list, bucket, namespace, revision=revision
        )
        if found is not None:
            records, at = found
            assert at == revision
            moment = self.moments[revision]
            wanted = sorted(key for b, key in moment if b == bucket and namespace in {"", key.namespace})
            assert [(r.key, strict(r.obj["spec"]), r.revision) for r in records] == [
                (key, *moment[bucket, key]) for key in wanted
            ]

    @rule(bucket=BUCKETS, back=st.integers(0, HISTORY + 3))
    def changes_since(self, bucket, back):
        revision = max(0, self.store.revision - back)
        forgotten = revision < self.store.compacted_revision
        found = self.attempt(ErrorKind.EXPIRED if forgotten else None, self.store.changes_since, bucket, revision)
        if found is not None:
            assert [(c.type, bucket, c.record.key, c.revision) for c in found] == [
                entry for entry in self.log if entry[1] == bucket and entry[3] > revision
            ]

    @invariant()
    def the_present_is_the_model(self):
        if hasattr(self, "model"):
            for (bucket, key), (spec, revision) in self.model.items():
                record = self.store.get(bucket, key)
                assert (strict(record.obj["spec"]), record.revision) == (spec, revision)
            assert self.heard == [entry[3] for entry in self.log]
            # The history is bounded, but holds what it promises.
            assert self.store.revision - self.store.compacted_revision <= HISTORY


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
