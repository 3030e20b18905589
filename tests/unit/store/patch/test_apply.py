"""Server-side apply, case by case. Each expectation was seen on a real kube-apiserver."""

import copy

import msgspec
import pytest

from kubewright.errors import ErrorKind, OpError
from kubewright.store.patch.apply import LAST_APPLIED, server_side_apply
from kubewright.store.patch.errors import ApplyConflictError
from kubewright.store.patch.managed import track_update
from tests.unit.store.patch.schemas import BUILT_IN, CUSTOM

EARLIER, LATER = "2030-01-01T00:00:00Z", "2030-01-01T00:00:09Z"


def thing(labels=None, /, **spec):
    metadata = {"name": "x", "namespace": "ns"}
    if labels is not None:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Thing", "metadata": metadata, "spec": spec}


def apply(live, applied, manager="m1", schema=BUILT_IN, now=LATER, **options):
    before = copy.deepcopy((live, applied))
    result = server_side_apply(live, applied, schema, manager=manager, api_version="v1", now=now, **options)
    assert (live, applied) == before
    return result


def update(old, new, manager="u", schema=BUILT_IN, now=LATER, **options):
    return track_update(old, new, schema, manager=manager, api_version="v1", now=now, **options)


def spec_fields(obj, manager, operation="Apply"):
    for entry in obj["metadata"].get("managedFields", ()):
        if (entry["manager"], entry["operation"]) == (manager, operation):
            return entry["fieldsV1"].get("f:spec")
    return None


def conflicts(live, applied, manager="m2", **options):
    with pytest.raises(ApplyConflictError) as caught:
        apply(live, applied, manager, **options)
    assert caught.value.kind is ErrorKind.CONFLICT
    return caught.value


WEB = {"name": "web", "image": "1", "ports": [{"port": 80}]}
OWNED = [
    ("a scalar", {"replicas": 1}, {"f:replicas": {}}),
    ("an empty map", {"labels": {}}, {"f:labels": {}}),
    ("the entries of a map, not the map", {"labels": {"a": "b"}}, {"f:labels": {"f:a": {}}}),
    ("an atomic map as one", {"selector": {"a": "b"}}, {"f:selector": {}}),
    ("not the structs on the way", {"nested": {"deep": {"x": "1"}}}, {"f:nested": {"f:deep": {"f:x": {}}}}),
    ("items and their fields; a key left out counts with its default", {"containers": [WEB]},
        {"f:containers": {'k:{"name":"web"}': {".": {}, "f:name": {}, "f:image": {}, "f:ports": {
            'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}}}),
    ("an atomic list as one", {"containers": [{"name": "w", "args": ["1"]}]},
        {"f:containers": {'k:{"name":"w"}': {".": {}, "f:name": {}, "f:args": {}}}}),
    ("nothing of an empty list of items", {"containers": []}, None),
    ("what Go's JSON escapes", {"containers": [{"name": "<&>"}]},
        {"f:containers": {'k:{"name":"\\u003c\\u0026\\u003e"}': {".": {}, "f:name": {}}}}),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "fields"), [c[1:] for c in OWNED], ids=[c[0] for c in OWNED])
def test_who_applies_owns(spec, fields):
    assert spec_fields(apply(None, thing(**spec)), "m1") == fields


CUSTOM_OWNED = [
    ("the values of a set", {"tags": ["a", "b"]}, {"f:tags": {'v:"a"': {}, 'v:"b"': {}}}),
    ("a list of no kind as one", {"plain": [{"a": "1"}]}, {"f:plain": {}}),
    ("each level of a free map", {"free": {"a": {"b": 1, "c": [1]}}},
        {"f:free": {"f:a": {".": {}, "f:b": {}, "f:c": {}}}}),
    ("the entries of a map of structs", {"mapped": {"m": {"p": "1"}}}, {"f:mapped": {"f:m": {".": {}, "f:p": {}}}}),
    ("an item by two keys", {"ports": [{"port": 1, "protocol": "UDP"}]},
        {"f:ports": {'k:{"port":1,"protocol":"UDP"}': {".": {}, "f:port": {}, "f:protocol": {}}}}),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "fields"), [c[1:] for c in CUSTOM_OWNED], ids=[c[0] for c in CUSTOM_OWNED])
def test_who_applies_a_custom_resource_owns(spec, fields):
    assert spec_fields(apply(None, thing(**spec), schema=CUSTOM), "m1") == fields


def test_a_create_by_apply_is_the_configuration_with_one_entry():
    result = apply(None, thing({"a": "b"}, replicas=1))
    assert result["spec"] == {"replicas": 1}
    assert result["metadata"]["managedFields"] == [
        {
            "manager": "m1",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": LATER,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:replicas": {}}},
        }
    ]


def test_applying_the_same_again_returns_the_very_object():
    live = apply(None, thing(containers=[WEB], replicas=2), now=EARLIER)
    live = {**live, "spec": {**live["spec"], "text": "a default that nobody owns"}}
    assert apply(live, thing(containers=[WEB], replicas=2)) is live


def test_values_that_only_look_alike_are_a_change():
    live = apply(None, thing(free={"a": 1}), schema=CUSTOM)
    assert apply(live, thing(free={"a": True}), schema=CUSTOM)["spec"]["free"]["a"] is True


def test_a_second_manager_with_equal_values_owns_them_too_and_has_no_time():
    live = apply(None, thing(replicas=1), now=EARLIER)
    result = apply(live, thing(replicas=1), "m2")
    assert spec_fields(result, "m1") == spec_fields(result, "m2") == {"f:replicas": {}}
    assert [entry.get("time") for entry in result["metadata"]["managedFields"]] == [None, EARLIER]


def test_a_changed_value_moves_the_time_of_its_manager_only():
    live = apply(apply(None, thing(replicas=1), now=EARLIER), thing(text="t"), "m2", now=EARLIER)
    result = apply(live, thing(replicas=2))
    assert result["spec"] == {"replicas": 2, "text": "t"}
    assert {e["manager"]: e["time"] for e in result["metadata"]["managedFields"]} == {"m1": LATER, "m2": EARLIER}


def test_changing_what_another_manager_applied_is_a_conflict():
    live = apply(None, thing(containers=[WEB], replicas=1))
    error = conflicts(live, thing(containers=[{"name": "web", "image": "2"}]))
    assert error.detail == ('Apply failed with 1 conflict: conflict with "m1": .spec.containers[name="web"].image')
    assert [(c.field, c.reason, c.message) for c in error.causes] == [
        ('.spec.containers[name="web"].image', "FieldManagerConflict", 'conflict with "m1"')
    ]


def test_a_conflict_with_an_update_names_its_version_and_subresource():
    live = update(None, thing(replicas=1), "u1")
    live = update(live, {**live, "spec": {"replicas": 1, "text": "t"}}, "u2", subresource="scale")
    error = conflicts(live, thing(replicas=2, text="s"))
    assert error.detail == (
        'Apply failed with 2 conflicts: conflicts with "u1" using v1:\n- .spec.replicas\n'
        'conflicts with "u2" with subresource "scale" using v1:\n- .spec.text'
    )


def test_force_takes_the_field_and_leaves_the_rest():
    live = apply(None, thing(replicas=1, text="t"))
    result = apply(live, thing(replicas=2), "m2", force=True)
    assert result["spec"] == {"replicas": 2, "text": "t"}
    assert spec_fields(result, "m1") == {"f:text": {}}
    assert spec_fields(result, "m2") == {"f:replicas": {}}


def test_force_drops_a_manager_that_has_nothing_left():
    live = apply(None, thing(replicas=1))
    assert spec_fields(apply(live, thing(replicas=2), "m2", force=True), "m1") is None


DROPPED = [
    ("a field goes", {"replicas": 1, "text": "t"}, {"text": "t"}, {"text": "t"}),
    ("a map entry goes", {"labels": {"a": "1", "b": "2"}}, {"labels": {"a": "1"}}, {"labels": {"a": "1"}}),
    ("an item goes", {"containers": [{"name": "a"}, {"name": "b"}]}, {"containers": [{"name": "b"}]},
        {"containers": [{"name": "b"}]}),
    ("an item's field goes", {"containers": [{"name": "a", "image": "1"}]}, {"containers": [{"name": "a"}]},
        {"containers": [{"name": "a"}]}),
    ("a struct goes with the last of it", {"replicas": 1, "nested": {"deep": {"x": "1"}}}, {"replicas": 1},
        {"replicas": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "expected"), [c[1:] for c in DROPPED], ids=[c[0] for c in DROPPED])
def test_what_a_manager_no_longer_applies(first, second, expected):
    result = apply(apply(None, thing(**first)), thing(**second))
    assert result["spec"] == expected


def test_what_somebody_else_owns_stays():
    live = apply(None, thing(replicas=1, containers=[{"name": "a", "image": "1"}]))
    live = apply(live, thing(containers=[{"name": "a", "args": ["1"]}]), "m2")
    result = apply(live, thing(replicas=1))
    assert result["spec"] == {"replicas": 1, "containers": [{"name": "a", "args": ["1"]}]}


def test_what_an_update_owns_stays():
    live = apply(None, thing(replicas=1, text="t"))
    live = update(live, {**live, "spec": {"replicas": 5, "text": "t"}})
    assert apply(live, thing(text="t"))["spec"] == {"replicas": 5, "text": "t"}


def test_an_items_unowned_defaults_go_with_the_item_but_not_with_a_field():
    live = apply(None, thing(containers=[{"name": "a", "image": "1"}, {"name": "b"}]))
    live["spec"]["containers"][0]["args"] = ["default"]
    live["spec"]["containers"][1]["args"] = ["default"]
    result = apply(live, thing(containers=[{"name": "a"}]))
    assert result["spec"]["containers"] == [{"name": "a", "args": ["default"]}]


def test_a_map_that_loses_its_last_entry_is_gone_but_its_owner_keeps_it():
    live = apply(None, thing({}), "owner", schema=CUSTOM)
    live = apply(live, thing({"a": "b"}), schema=CUSTOM)
    result = apply(live, thing(), schema=CUSTOM)
    assert "labels" not in result["metadata"]
    owner = next(e for e in result["metadata"]["managedFields"] if e["manager"] == "owner")
    assert owner["fieldsV1"]["f:metadata"] == {"f:labels": {}}


def test_a_struct_of_a_custom_resource_that_loses_its_last_field_is_null_which_validation_then_refuses():
    live = apply(None, thing(size=1, nested={"deep": {"x": "1"}}), schema=CUSTOM)
    assert apply(live, thing(size=1, nested={"deep": {}}), schema=CUSTOM)["spec"] == {
        "size": 1,
        "nested": {"deep": None},
    }


def test_the_same_struct_of_a_built_in_kind_is_gone():
    live = apply(None, thing(replicas=1, nested={"deep": {"x": "1"}}))
    assert apply(live, thing(replicas=1, nested={"deep": {}}))["spec"] == {"replicas": 1, "nested": {}}


def test_applying_nothing_leaves_no_entry():
    nothing = {name: part for name, part in thing().items() if name != "spec"}
    result = apply(apply(None, thing(replicas=1)), nothing)
    assert "managedFields" not in result["metadata"]


ORDERS = [
    ("the applied order wins over the live one", "abc", "cb", "acb"),
    ("a new item stands after what it was applied after", "ab", "acb", "acb"),
    ("items of the live list keep their place", "axb", "ab", "axb"),
    ("a new item at the end", "ab", "abc", "abc"),
    ("what is not applied comes before what is new", "ab", "cd", "abcd"),
]


@pytest.mark.parametrize(("live", "applied", "expected"), [c[1:] for c in ORDERS], ids=[c[0] for c in ORDERS])
def test_the_order_of_items(live, applied, expected):
    stored = apply(None, thing(containers=[{"name": n} for n in live]), "other")
    result = apply(stored, thing(containers=[{"name": n} for n in applied]))
    assert "".join(c["name"] for c in result["spec"]["containers"]) == expected


def test_ports_that_differ_by_protocol_are_different_items():
    live = apply(None, thing(ports=[{"port": 1}]), schema=CUSTOM)
    result = apply(live, thing(ports=[{"port": 1, "protocol": "UDP"}]), "m2", schema=CUSTOM)
    assert result["spec"]["ports"] == [{"port": 1}, {"port": 1, "protocol": "UDP"}]


def test_an_object_from_before_tracking_is_owned_by_what_was_before():
    result = apply(thing(replicas=1, text="t"), thing(replicas=1))
    assert spec_fields(result, "before-first-apply", "Update") == {"f:replicas": {}, "f:text": {}}


def test_ignored_fields_are_not_owned_and_do_not_conflict():
    live = update(None, {**thing(), "status": {"ready": 1}}, subresource="status")
    result = apply(live, {**thing(replicas=1), "status": {"ready": 1}}, ignored={"f:status": {}})
    entry = next(e for e in result["metadata"]["managedFields"] if e["operation"] == "Apply")
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}


REFUSED = [
    ("an undeclared field", thing(nope=1), ".spec.nope: field not declared in schema"),
    ("a number for a text", thing(text=1), ".spec.text: expected string, got &value.valueUnstructured{Value:1}"),
    ("a text for a number", thing(replicas="x"), ".spec.replicas: expected numeric (int or float), got string"),
    ("a text for a boolean", thing(paused="x"), ".spec.paused: expected boolean, got &{x}"),
    ("a map for a list", thing(containers={"a": [1]}), ".spec.containers: expected list, got &{map[a:[1]]}"),
    ("a number for a map", thing(nested=3), ".spec.nested: expected map, got &{3}"),
    ("the same item twice", thing(containers=[{"name": "a"}, {"name": "a"}]),
        '.spec.containers: duplicate entries for key [name="a"]'),
    ("an item that is no map", thing(containers=[3]),
        ".spec.containers: element 0: associative list with keys may not have non-map elements"),
    ("an undeclared field in an item", thing(containers=[{"name": "a", "no": 1}]),
        '.spec.containers[name="a"].no: field not declared in schema'),
]  # fmt: skip


@pytest.mark.parametrize(("applied", "problem"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_not_of_the_schema_is_refused_in_the_api_servers_words(applied, problem):
    with pytest.raises(OpError) as caught:
        apply(None, applied)
    assert caught.value.kind is ErrorKind.INVALID
    assert caught.value.detail == f"failed to create typed patch object (ns/x; /v1, Kind=Thing): {problem}"


def test_several_problems_are_listed():
    with pytest.raises(OpError, match=r"errors:\n  \.spec\.a: .*\n  \.spec\.b: "):
        apply(None, thing(a=1, b=2))


def test_a_quantity_may_be_a_number():
    assert apply(None, thing(quantity=1))["spec"] == {"quantity": 1}


def test_a_configuration_with_managed_fields_is_refused():
    applied = thing()
    applied["metadata"]["managedFields"] = []
    with pytest.raises(OpError, match="managedFields must be nil"):
        apply(None, applied)


def client_side(**spec):
    text = msgspec.json.encode(thing(**spec)).decode()
    made = thing(**spec)
    made["metadata"]["annotations"] = {LAST_APPLIED: text}
    return update(None, made, "kubectl-client-side-apply")


def test_kubectl_takes_over_what_its_client_side_apply_set_and_keeps_the_annotation_in_step():
    live = client_side(replicas=1, text="t")
    conflicts(live, thing(replicas=2, text="t"))
    result = apply(live, thing(replicas=2, text="t"), "kubectl")
    assert result["spec"]["replicas"] == 2
    assert msgspec.json.decode(result["metadata"]["annotations"][LAST_APPLIED]) == thing(replicas=2, text="t")


def test_kubectl_does_not_take_over_what_somebody_changed_since():
    live = client_side(replicas=1, text="t")
    live = update(live, {**live, "spec": {"replicas": 5, "text": "t"}}, "someone")
    error = conflicts(live, thing(replicas=2, text="s"), "kubectl")
    assert error.conflicts == (('"someone" using v1', ".spec.replicas"),)
