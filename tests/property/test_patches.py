"""Patches and apply on random documents: what must hold whatever the documents are."""

import copy
import json

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kubewright.store.patch.apply import server_side_apply
from kubewright.store.patch.errors import ApplyConflictError
from kubewright.store.patch.json_patch import apply_json_patch
from kubewright.store.patch.managed import track_update
from kubewright.store.patch.merge_patch import apply_merge_patch
from kubewright.store.patch.strategic import apply_strategic_patch
from tests.unit.store.patch.schemas import BUILT_IN, CUSTOM

TEXTS = st.sampled_from(["x", "y", "<z>"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), TEXTS)
JSON = st.recursive(
    LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from("abc"), part, max_size=3)
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)
DEEP = st.fixed_dictionaries({}, optional={"x": TEXTS, "y": TEXTS})
NESTED = st.fixed_dictionaries({}, optional={"deep": DEEP, "other": TEXTS})
PORTS = st.lists(
    st.fixed_dictionaries(
        {"port": st.integers(1, 3)}, optional={"protocol": st.sampled_from(["TCP", "UDP"]), "name": TEXTS}
    ),
    max_size=3,
    unique_by=lambda port: (port["port"], port.get("protocol", "TCP")),
)


def one_protocol_each(ports):
    return len({port["port"] for port in ports}) == len(ports)


# A manager that owns nothing is not tracked; so each configuration has a field of its own.
CUSTOM_SPECS = st.fixed_dictionaries(
    {"size": st.integers(0, 2)},
    optional={
        "tags": st.lists(TEXTS, unique=True),
        "ports": PORTS,
        "plain": st.lists(st.fixed_dictionaries({"a": TEXTS}), max_size=2),
        "free": OBJECTS.filter(lambda value: "null" not in json.dumps(value)),
        "mapped": st.dictionaries(TEXTS, st.fixed_dictionaries({}, optional={"p": TEXTS, "q": TEXTS})),
        "nested": NESTED,
    },
)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abcd")},
        # Strategic merge knows ports by number alone, so that two protocols of one port get mixed up: as in Kubernetes.
        optional={"image": TEXTS, "args": st.lists(TEXTS, max_size=2), "ports": PORTS.filter(one_protocol_each)},
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda container: container["name"],
)


def thing(spec):
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec}


def apply(live, spec, manager, **options):
    before = copy.deepcopy((live, spec))
    result = server_side_apply(live, thing(spec), CUSTOM, manager=manager, api_version="v1", now="T", **options)
    assert (live, spec) == before
    return result


def covers(whole, part):
    """Whether all of a configuration is in the object; items of associative lists are looked up by what they say."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(covers(whole.get(name), value) for name, value in part.items())
    if isinstance(part, list) and part:
        return isinstance(whole, list) and all(any(covers(item, one) for item in whole) for one in part)
    return part in ({}, []) or (whole == part and isinstance(whole, bool) == isinstance(part, bool))


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_applied_twice_is_applied_once(doc, patch):
    once = apply_merge_patch(doc, patch)
    assert apply_merge_patch(once, patch) == once


@given(OBJECTS, JSON)
def test_an_added_value_passes_its_test_and_can_be_removed(doc, value):
    doc.pop("new", None)
    added = apply_json_patch(doc, [{"op": "add", "path": "/new", "value": value}])
    again = apply_json_patch(added, [{"op": "test", "path": "/new", "value": value}, {"op": "remove", "path": "/new"}])
    assert again == doc


@given(CONTAINERS, CONTAINERS)
def test_a_strategic_patch_applied_twice_is_applied_once_and_leaves_the_others(live, patch):
    doc = {"spec": {"containers": live}}
    once = apply_strategic_patch(doc, {"spec": {"containers": patch}}, BUILT_IN)
    assert apply_strategic_patch(once, {"spec": {"containers": patch}}, BUILT_IN) == once
    names = [container["name"] for container in once["spec"]["containers"]]
    assert sorted(names) == sorted({c["name"] for c in (*live, *patch)})
    untouched = {c["name"] for c in live} - {c["name"] for c in patch}
    assert [c for c in once["spec"]["containers"] if c["name"] in untouched] == [
        c for c in live if c["name"] in untouched
    ]


@given(CUSTOM_SPECS, CUSTOM_SPECS, CUSTOM_SPECS)
@settings(deadline=None)
def test_a_forced_apply_makes_it_so_and_repeated_changes_nothing(first, second, third):
    live = apply(apply(None, first, "m1"), second, "m2", force=True)
    result = apply(live, third, "m1", force=True)
    # A container that lost everything is null, which a custom resource's validation refuses.
    assume("null" not in json.dumps(result))
    assert covers(result["spec"], third)
    # As on a real server, a list that lost its last item is gone, and only the next apply leaves it there, empty.
    again = apply(result, third, "m1", force=True)
    assert apply(again, third, "m1", force=True) is again


@given(CUSTOM_SPECS, CUSTOM_SPECS)
@settings(deadline=None)
def test_a_sole_manager_gets_exactly_what_it_applies(first, second):
    result = apply(apply(None, first, "m1"), second, "m1")
    wanted = apply(None, second, "m1")
    assume("null" not in json.dumps(result))
    assert covers(result["spec"], second)
    assert covers(second, without_empty(result["spec"]))
    assert result["metadata"].get("managedFields") == wanted["metadata"].get("managedFields")


def without_empty(value):
    """Drop empty containers, which an apply leaves behind where nobody owns them."""
    if isinstance(value, dict):
        parts = {name: without_empty(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part not in ({}, [])}
    return [without_empty(part) for part in value] if isinstance(value, list) else value


@given(CUSTOM_SPECS, CUSTOM_SPECS)
@settings(deadline=None)
def test_an_apply_conflicts_or_leaves_what_the_other_applied(first, second):
    live = apply(None, first, "m1")
    try:
        result = apply(live, second, "m2")
    except ApplyConflictError as error:
        disputed = error.conflicts
    else:
        disputed = ()
    if disputed:
        # Forced, the same apply takes over exactly what was disputed.
        result = apply(live, second, "m2", force=True)
        assert covers(result["spec"], second)
        return
    assert covers(result["spec"], first)
    assert covers(result["spec"], second)


@given(CUSTOM_SPECS, CUSTOM_SPECS)
@settings(deadline=None)
def test_after_an_update_every_entry_names_fields_that_are_there(first, second):
    live = apply(None, first, "m1")
    new = {**thing(second), "metadata": live["metadata"]}
    result = track_update(live, new, CUSTOM, manager="u", api_version="v1", now="T")
    everything = track_update(None, thing(second), CUSTOM, manager="u", api_version="v1", now="T")
    present = everything["metadata"]["managedFields"][0]["fieldsV1"]
    for entry in result["metadata"].get("managedFields", ()):
        assert_within(entry["fieldsV1"], present)


def assert_within(fields, present):
    for name, node in fields.items():
        assert name in present or name == "."
        if name != ".":
            assert_within(node, present[name])
