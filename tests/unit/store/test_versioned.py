import random

import msgspec
import pytest

from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.store.versioned import VersionedStore

PODS = ("", "pods")
NODES = ("", "nodes")
A = ObjectKey("ns", "a")
B = ObjectKey("ns", "b")


def pod(name="a", **spec):
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "ns"}, "spec": spec}


def names(records):
    return [record.key.name for record in records]


def failing(kind, call, *args, **kwargs):
    with pytest.raises(OpError) as caught:
        call(*args, **kwargs)
    assert caught.value.kind is kind
    return caught.value


def test_every_write_takes_the_next_revision_of_one_counter():
    store = VersionedStore()
    first = store.create(PODS, A, pod())
    second = store.create(NODES, ObjectKey("", "n"), {"metadata": {"name": "n"}})
    third = store.update(PODS, A, pod(x=1))
    assert [first.revision, second.revision, third.revision, store.revision] == [1, 2, 3, 3]
    assert third.obj["metadata"]["resourceVersion"] == "3"


def test_the_document_given_is_not_changed():
    given = pod()
    VersionedStore().create(PODS, A, given)
    assert given == pod()


def test_an_update_that_changes_nothing_returns_the_same_record_and_takes_no_revision():
    store = VersionedStore()
    record = store.create(PODS, A, pod(x=1))
    assert store.update(PODS, A, pod(x=1)) is record
    assert store.update(PODS, A, record.obj) is record
    assert store.revision == 1
    assert len(store.changes_since(PODS, 0)) == 1


def test_an_object_rewritten_as_json_is_a_change_like_any_other():
    store = VersionedStore()
    first = store.create(PODS, A, pod(x=1))
    told = []
    store.subscribe(PODS, told.append)
    document = pod(x=2)
    written = store.rewrite(
        PODS,
        first,
        lambda at: msgspec.json.encode({**document, "metadata": {**document["metadata"], "resourceVersion": str(at)}}),
    )
    peer = VersionedStore()
    peer.create(PODS, A, pod(x=1))
    assert written.obj == peer.update(PODS, A, document).obj
    assert store.get(PODS, A) is written
    assert [(each.type, each.record, each.previous) for each in told] == [("MODIFIED", written, first)]
    assert store.changes_since(PODS, first.revision) == told


def test_true_and_1_are_different_values():
    store = VersionedStore()
    store.create(PODS, A, pod(x=[{"y": 1}]))
    assert store.update(PODS, A, pod(x=[{"y": True}])).revision == 2
    assert store.update(PODS, A, pod(x=[{"y": True}])).revision == 2


def test_a_taken_key_a_missing_key_and_a_stale_revision_are_refused_and_change_nothing():
    store = VersionedStore()
    store.create(PODS, A, pod())
    store.update(PODS, A, pod(x=1))
    assert failing(ErrorKind.ALREADY_EXISTS, store.create, PODS, A, pod()).op == "store.create"
    assert failing(ErrorKind.NOT_FOUND, store.update, PODS, B, pod()).target == "pods/ns/b"
    failing(ErrorKind.NOT_FOUND, store.delete, PODS, B)
    failing(ErrorKind.CONFLICT, store.update, PODS, A, pod(x=2), expected_revision=1)
    failing(ErrorKind.CONFLICT, store.delete, PODS, A, expected_revision=1)
    assert store.revision == 2
    assert store.update(PODS, A, pod(x=2), expected_revision=2).revision == 3


def test_a_deletion_returns_the_last_state_at_its_own_revision():
    store = VersionedStore()
    store.create(PODS, A, pod(x=1))
    gone = store.delete(PODS, A)
    assert gone.revision == 2
    assert gone.obj["metadata"]["resourceVersion"] == "2"
    assert gone.obj["spec"] == {"x": 1}
    assert store.get(PODS, A) is None
    assert store.create(PODS, A, pod()).revision == 3


def test_a_list_is_in_key_order_and_holds_one_namespace_or_all():
    store = VersionedStore()
    for namespace, name in (("b", "z"), ("a-b", "y"), ("a", "x"), ("b", "a"), ("a", "")):
        store.create(PODS, ObjectKey(namespace, name), pod())
    everything, revision = store.list(PODS)
    assert [str(r.key) for r in everything] == ["a/", "a/x", "a-b/y", "b/a", "b/z"]
    assert revision == 5
    assert names(store.list(PODS, "b")[0]) == ["a", "z"]
    assert names(store.list(PODS, "a")[0]) == ["", "x"]
    assert store.list(PODS, "c")[0] == []
    assert store.list(NODES)[0] == []


def test_a_list_is_in_key_order_however_many_come_and_go_between_lists():
    store, rng = VersionedStore(), random.Random(7)
    expected = set()
    for _ in range(60):
        for _ in range(rng.choice((0, 1, 3, 40))):
            name = f"n-{rng.randrange(500):03d}"
            if ObjectKey("ns", name) in expected:
                store.delete(PODS, ObjectKey("ns", name))
                expected.remove(ObjectKey("ns", name))
            else:
                store.create(PODS, ObjectKey("ns", name), pod(name))
                expected.add(ObjectKey("ns", name))
        assert [record.key for record in store.list(PODS)[0]] == sorted(expected)
        assert [record.key for record in store.fork().list(PODS)[0]] == sorted(expected)


def test_a_list_at_an_older_revision_is_what_was_there_then():
    store = VersionedStore()
    store.create(PODS, A, pod(x=1))
    store.create(PODS, B, pod("b"))
    store.update(PODS, A, pod(x=2))
    store.delete(PODS, B)
    store.create(PODS, ObjectKey("other", "c"), pod("c"))
    records, revision = store.list(PODS, "ns", revision=2)
    assert revision == 2
    assert [(r.key.name, r.obj["spec"]) for r in records] == [("a", {"x": 1}), ("b", {})]
    assert names(store.list(PODS, revision=4)[0]) == ["a"]
    assert names(store.list(PODS, revision=1)[0]) == ["a"]
    assert store.list(PODS, revision=99)[1] == 5


def test_changes_say_what_was_before():
    store = VersionedStore()
    one = store.create(PODS, A, pod(x=1))
    two = store.update(PODS, A, pod(x=2))
    gone = store.delete(PODS, A)
    changes = store.changes_since(PODS, 0)
    assert [(c.type, c.record, c.previous, c.revision) for c in changes] == [
        ("ADDED", one, None, 1),
        ("MODIFIED", two, one, 2),
        ("DELETED", gone, two, 3),
    ]
    assert [c.revision for c in store.changes_since(PODS, 2)] == [3]
    assert store.changes_since(PODS, 3) == []
    assert store.changes_since(NODES, 0) == []


def test_history_is_bounded_over_all_buckets_together():
    store = VersionedStore(history_limit=3)
    store.create(NODES, A, pod())
    store.create(PODS, A, pod())
    for count in range(3):
        store.update(PODS, A, pod(x=count))
    error = failing(ErrorKind.EXPIRED, store.changes_since, PODS, 1)
    assert error.detail == "too old resource version: 1 (2)"
    failing(ErrorKind.EXPIRED, store.changes_since, NODES, 0)
    failing(ErrorKind.EXPIRED, store.list, PODS, revision=1)
    assert [c.revision for c in store.changes_since(PODS, 2)] == [3, 4, 5]
    assert names(store.list(PODS, revision=2)[0]) == ["a"]


def test_a_long_history_keeps_its_last_changes():
    store = VersionedStore(history_limit=10)
    store.create(PODS, A, pod())
    for count in range(5000):
        store.update(PODS, A, pod(x=count))
    assert [c.revision for c in store.changes_since(PODS, 4991)] == list(range(4992, 5002))
    assert store.list(PODS, revision=4995)[0][0].obj["spec"] == {"x": 4993}


def test_compaction_forgets_up_to_its_revision():
    store = VersionedStore()
    store.create(PODS, A, pod())
    store.update(PODS, A, pod(x=1))
    store.update(PODS, A, pod(x=2))
    store.compact(2)
    failing(ErrorKind.EXPIRED, store.changes_since, PODS, 1)
    assert [c.revision for c in store.changes_since(PODS, 2)] == [3]
    store.compact(99)
    assert store.compacted_revision == 3
    assert store.changes_since(PODS, 3) == []


def test_subscribers_hear_of_their_bucket_until_they_leave():
    store = VersionedStore()
    heard = []
    leave = store.subscribe(PODS, lambda change: heard.append((change.type, change.revision)))
    store.create(PODS, A, pod())
    store.create(NODES, A, pod())
    store.update(PODS, A, pod())
    store.delete(PODS, A)
    leave()
    leave()
    store.create(PODS, A, pod())
    assert heard == [("ADDED", 1), ("DELETED", 3)]


def test_a_subscriber_that_writes_keeps_the_order_for_everyone():
    store = VersionedStore()
    heard = []

    def answer(change):
        if change.type == "ADDED":
            store.update(PODS, change.record.key, pod(answered=True))

    store.subscribe(PODS, answer)
    store.subscribe(PODS, lambda change: heard.append(change.revision))
    store.create(PODS, A, pod())
    store.create(PODS, B, pod("b"))
    assert heard == [1, 2, 3, 4]


def test_a_record_encodes_its_object_once():
    record = VersionedStore().create(PODS, A, pod(x=1))
    assert msgspec.json.decode(record.encoded) == record.obj
    assert record.encoded is record.encoded
