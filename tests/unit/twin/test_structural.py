import copy

import pytest

from kubewright.twin.defaults import apply_defaults
from kubewright.twin.validation import validate
from kubewright.twin.validation.decoding import decode_error
from kubewright.twin.validation.structural import prune, unknown_custom_fields
from tests.unit.twin.foo_crd import FOO, foo

SHORT = "spec.image in body should be at least 2 chars long"
CASES = {
    "what is right passes": ({"image": "abc"}, set()),
    "a required field is missing": ({}, {("spec.image", "Required value")}),
    "a null where none is allowed counts as missing": ({"image": None}, {("spec.image", "Required value")}),
    "a null is kept where it is allowed": ({"image": "abc", "maybe": None}, set()),
    "a string is too short": ({"image": "a"}, {("spec.image", f'Invalid value: "a": {SHORT}')}),
    "a string is too long": ({"image": "abcdef"}, {("spec.image", "Too long: may not be more than 5 bytes")}),
    "a string does not match": (
        {"image": "A9"},
        {("spec.image", "Invalid value: \"A9\": spec.image in body should match '^[a-z]*$'")},
    ),
    "a number where a string belongs": (
        {"image": 1},
        {("spec.image", 'Invalid value: "integer": spec.image in body must be of type string: "integer"')},
    ),
    "a string where an integer belongs": (
        {"image": "abc", "replicas": "x"},
        {("spec.replicas", 'Invalid value: "string": spec.replicas in body must be of type integer: "string"')},
    ),
    "a fraction where an integer belongs": (
        {"image": "abc", "replicas": 1.5},
        {
            ("spec.replicas", 'Invalid value: "number": spec.replicas in body must be of type integer: "number"'),
            ("<nil>", 'Invalid value: "": Checked value must be of type integer (default format) in spec.replicas'),
        },
    ),
    "a number is too small": (
        {"image": "abc", "replicas": -1},
        {("spec.replicas", "Invalid value: -1: spec.replicas in body should be greater than or equal to 0")},
    ),
    "a number is too large": (
        {"image": "abc", "replicas": 6},
        {("spec.replicas", "Invalid value: 6: spec.replicas in body should be less than or equal to 5")},
    ),
    "a number does not fit its format": (
        {"image": "abc", "limit": 3_000_000_000},
        {("<nil>", 'Invalid value: "": Checked value must be of type integer with format int32 in spec.limit')},
    ),
    "a value is not one of the set": (
        {"image": "abc", "size": "C"},
        {("spec.size", 'Unsupported value: "C": supported values: "A", "B"')},
    ),
    "a set has no duplicates": (
        {"image": "abc", "names": ["a", "a"]},
        {("spec.names[1]", 'Duplicate value: "a"')},
    ),
    "a list map's keys are unique": (
        {"image": "abc", "ports": [{"name": "a"}, {"name": "a", "port": 1}]},
        {("spec.ports[1]", 'Duplicate value: {"name":"a"}')},
    ),
    "a list is too long": (
        {"image": "abc", "names": ["a", "b", "c", "d"]},
        {("spec.names", "Too many: 4: must have at most 3 items")},
    ),
    "an item has its own path": (
        {"image": "abc", "names": [1]},
        {("spec.names[0]", 'Invalid value: "integer": spec.names[0] in body must be of type string: "integer"')},
    ),
    "an int or string is neither": (
        {"image": "abc", "surge": True},
        {("spec.surge", 'Invalid value: "boolean": spec.surge in body must be of type integer,string: "boolean"')},
    ),
    "a time is no time": (
        {"image": "abc", "at": "x"},
        {("spec.at", 'Invalid value: "x": spec.at in body must be of type date-time: "x"')},
    ),
    "an embedded object says what it is": (
        {"image": "abc", "child": {}},
        {("spec.child.apiVersion", "Required value"), ("spec.child.kind", "Required value")},
    ),
}


def found(spec, old=None):
    obj = foo(copy.deepcopy(spec))
    apply_defaults(FOO, obj)
    return {(error.field, error.message) for error in validate(FOO, obj, old)}


@pytest.mark.parametrize(("spec", "expected"), CASES.values(), ids=CASES.keys())
def test_a_custom_resource_is_refused_in_the_servers_words(spec, expected):
    assert found(spec) == expected


def test_one_of_two_is_neither_none_nor_both():
    assert any("(oneOf). Found none valid" in message for _, message in found({"image": "abc", "either": {}}))
    both = found({"image": "abc", "either": {"a": "1", "b": "2"}})
    assert any("(oneOf). Found 2 valid alternatives" in message for _, message in both)


def test_what_was_already_wrong_does_not_hinder_other_changes():
    old = foo({"image": "A9", "replicas": 1})
    assert found({"image": "A9", "replicas": 2}, old) == set()
    assert len(found({"image": "B9", "replicas": 2}, old)) == 1


def test_unknown_fields_are_found_and_pruned_but_not_where_they_are_welcome():
    obj = foo({"image": "abc", "foo": 1, "ports": [{"name": "a", "zz": 1}], "open": {"q": {"r": 1}}})
    obj["metadata"]["extra"] = 1
    assert unknown_custom_fields(FOO, obj) == [
        'unknown field "metadata.extra"',
        'unknown field "spec.foo"',
        'unknown field "spec.ports[0].zz"',
    ]
    prune(FOO.schema, obj)
    assert obj == foo({"image": "abc", "ports": [{"name": "a"}], "open": {"q": {"r": 1}}})


def test_defaults_reach_into_lists_and_a_whole_float_is_an_integer():
    obj = foo({"image": "abc", "ports": [{"name": "a"}], "limit": 2.0})
    apply_defaults(FOO, obj)
    assert obj["spec"] == {"image": "abc", "replicas": 1, "ports": [{"name": "a", "port": 80}], "limit": 2}
    assert isinstance(obj["spec"]["limit"], int)


def test_a_custom_resources_labels_are_decoded_as_strings():
    obj = foo({"image": "abc"})
    obj["metadata"]["labels"] = {"a": 1}
    expected = "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"
    assert decode_error(FOO, obj) == expected
