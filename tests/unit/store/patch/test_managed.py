"""managedFields of creates, updates and patches. Each expectation was seen on a real kube-apiserver."""

import copy

import pytest

from kubewright.store.patch.apply import server_side_apply
from kubewright.store.patch.managed import track_update
from tests.unit.store.patch.schemas import BUILT_IN, CUSTOM

EARLIER, LATER = "2030-01-01T00:00:00Z", "2030-01-01T00:00:09Z"


def thing(labels=None, /, **spec):
    metadata = {"name": "x", "namespace": "ns", "uid": "1"}
    if labels is not None:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Thing", "metadata": metadata, "spec": spec}


def track(old, new, manager="u", schema=BUILT_IN, now=LATER, **options):
    before = copy.deepcopy((old, new))
    result = track_update(old, new, schema, manager=manager, api_version="v1", now=now, **options)
    assert (old, new) == before
    return result


def change(live, **spec):
    """The live object as a client sends it back: it may leave managedFields out."""
    metadata = {name: part for name, part in live["metadata"].items() if name != "managedFields"}
    return {**live, "metadata": metadata, "spec": spec}


def entries(obj):
    return {
        (e["manager"], e["operation"], e.get("subresource", "")): e for e in obj["metadata"].get("managedFields", [])
    }


def fields(obj, manager="u", operation="Update", subresource=""):
    entry = entries(obj).get((manager, operation, subresource))
    return None if entry is None else entry["fieldsV1"]


def test_a_create_owns_all_but_what_the_typed_empty_object_has_and_the_identity():
    created = track(None, thing({"a": "b"}, replicas=1, nested={"deep": {"x": "1"}}, containers=[{"name": "c"}]))
    assert fields(created) == {
        "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
        "f:spec": {
            "f:replicas": {},
            "f:nested": {".": {}, "f:deep": {".": {}, "f:x": {}}},
            "f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}}},
        },
    }


def test_a_custom_resource_starts_from_nothing():
    created = track(None, thing(size=1, tags=["a"]), schema=CUSTOM)
    assert fields(created) == {"f:spec": {".": {}, "f:size": {}, "f:tags": {".": {}, 'v:"a"': {}}}}


def test_an_update_owns_what_it_changed_and_the_former_owner_loses_it():
    live = track(None, thing(replicas=1, text="t"), "maker", now=EARLIER)
    result = track(live, change(live, replicas=2, text="t"))
    assert fields(result) == {"f:spec": {"f:replicas": {}}}
    assert fields(result, "maker") == {"f:spec": {"f:text": {}}}
    assert {m: e["time"] for (m, _, _), e in entries(result).items()} == {"u": LATER, "maker": EARLIER}


def test_what_an_update_removes_nobody_owns():
    live = track(None, thing({"a": "1"}, replicas=1, text="t"), "maker")
    result = track(live, change(live, replicas=1))
    assert fields(result, "maker") == {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:replicas": {}}}
    assert fields(result) is None


def test_a_second_change_by_the_same_manager_adds_to_its_entry_and_moves_its_time():
    live = track(None, thing(replicas=1), now=EARLIER)
    result = track(live, change(live, replicas=1, text="t"))
    assert fields(result) == {"f:spec": {"f:replicas": {}, "f:text": {}}}
    assert entries(result)["u", "Update", ""]["time"] == LATER


def test_an_update_that_changes_nothing_returns_the_very_object():
    live = track(None, thing(replicas=1, containers=[{"name": "c"}]), now=EARLIER)
    assert track(live, change(live, **copy.deepcopy(live["spec"]))) is live
    assert track(live, copy.deepcopy(live), "someone else") is live


def test_a_change_of_what_nobody_owns_keeps_all_entries():
    live = track(None, thing(replicas=1), now=EARLIER)
    new = {**live, "metadata": {**live["metadata"], "generation": 2}}
    result = track(live, new)
    assert result["metadata"]["generation"] == 2
    assert result["metadata"]["managedFields"] == live["metadata"]["managedFields"]


def test_each_subresource_has_its_own_entry():
    live = track(None, thing(replicas=1), now=EARLIER)
    result = track(live, {**live, "status": {"ready": 1}}, subresource="status")
    assert fields(result, subresource="status") == {"f:status": {".": {}, "f:ready": {}}}
    assert fields(result) == fields(live)


def test_ignored_fields_are_not_owned():
    created = track(None, {**thing(replicas=1), "status": {"phase": "Pending"}}, ignored={"f:status": {}})
    assert fields(created) == {"f:spec": {"f:replicas": {}}}


def test_an_item_that_comes_owns_itself_and_one_that_goes_is_nobodys():
    live = track(None, thing(containers=[{"name": "a"}, {"name": "b"}]), "maker")
    result = track(live, change(live, containers=[{"name": "b"}, {"name": "c", "image": "1"}]))
    assert fields(result) == {"f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}, "f:image": {}}}}}
    assert fields(result, "maker") == {"f:spec": {"f:containers": {'k:{"name":"b"}': {".": {}, "f:name": {}}}}}


def test_reordering_items_changes_no_owner_but_the_object():
    live = track(None, thing(containers=[{"name": "a"}, {"name": "b"}]), "maker", now=EARLIER)
    result = track(live, change(live, containers=[{"name": "b"}, {"name": "a"}]))
    assert result["metadata"]["managedFields"] == live["metadata"]["managedFields"]
    assert result["spec"]["containers"] == [{"name": "b"}, {"name": "a"}]


def test_items_of_one_name_count_as_one_value():
    live = track(None, thing(containers=[{"name": "a"}]), "maker")
    result = track(live, change(live, containers=[{"name": "a"}, {"name": "a", "image": "2"}]))
    assert fields(result) == {"f:spec": {"f:containers": {'k:{"name":"a"}': {}}}}


def test_an_atomic_value_changes_hands_as_one():
    live = track(None, thing(selector={"a": "1"}), "maker")
    result = track(live, change(live, selector={"a": "1", "b": "2"}))
    assert fields(result) == {"f:spec": {"f:selector": {}}}
    assert fields(result, "maker") is None


def test_an_update_takes_over_what_was_applied():
    live = server_side_apply(None, thing(replicas=1, text="t"), BUILT_IN, manager="m", api_version="v1", now=EARLIER)
    result = track(live, change(live, replicas=2, text="t"))
    assert fields(result, "m", "Apply") == {"f:spec": {"f:text": {}}}
    assert fields(result) == {"f:spec": {"f:replicas": {}}}


CLEARING = [
    ("an empty list clears a built-in kind", BUILT_IN, [], True),
    ("an empty list says nothing of a custom resource", CUSTOM, [], False),
    ("a list with one empty entry clears a custom resource", CUSTOM, [{}], True),
]


@pytest.mark.parametrize(("schema", "sent", "cleared"), [c[1:] for c in CLEARING], ids=[c[0] for c in CLEARING])
def test_clearing_managed_fields(schema, sent, cleared):
    live = track(None, thing(nested={"other": "o"}), schema=schema, now=EARLIER)
    new = {**live, "metadata": {**live["metadata"], "managedFields": sent}}
    result = track(live, new, schema=schema)
    assert ("managedFields" not in result["metadata"]) is cleared


def test_after_clearing_updates_are_not_tracked():
    live = thing(replicas=1)
    assert "managedFields" not in track(live, change(live, replicas=2))["metadata"]


def test_a_subresource_cannot_clear_managed_fields():
    live = track(None, thing(replicas=1), now=EARLIER)
    new = {**live, "metadata": {**live["metadata"], "managedFields": [{}]}}
    assert track(live, new, subresource="status") is live


def test_a_client_may_rewrite_the_entries_but_not_with_nonsense():
    live = track(None, thing(replicas=1), "maker", now=EARLIER)
    renamed = [{**live["metadata"]["managedFields"][0], "manager": "renamed"}]
    new = {**live, "metadata": {**live["metadata"], "managedFields": renamed}}
    assert list(entries(track(live, new))) == [("renamed", "Update", "")]
    nonsense = {**live, "metadata": {**live["metadata"], "managedFields": [{"manager": "x", "operation": "No"}]}}
    assert track(live, nonsense) is live


def test_more_than_ten_updaters_are_merged_oldest_first():
    live = track(None, thing({}), "u00", now="2030-01-01T00:00:00Z")
    for count in range(1, 12):
        labels = {**live["metadata"]["labels"], f"l{count:02}": "x"}
        new = {**live, "metadata": {**live["metadata"], "labels": labels}}
        live = track(live, new, f"u{count:02}", now=f"2030-01-01T00:00:{count:02}Z")
    assert len(entries(live)) == 10
    assert fields(live, "ancient-changes") == {"f:metadata": {"f:labels": {".": {}, "f:l01": {}, "f:l02": {}}}}
    assert entries(live)["ancient-changes", "Update", ""]["time"] == "2030-01-01T00:00:02Z"
