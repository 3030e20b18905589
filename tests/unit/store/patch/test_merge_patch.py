import copy

import pytest

from kubewright.errors import OpError
from kubewright.store.patch.merge_patch import apply_merge_patch

CASES = [
    ("a value replaces", {"a": "b"}, {"a": "c"}, {"a": "c"}),
    ("a new field is added", {"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ("null removes", {"a": "b", "c": 1}, {"a": None}, {"c": 1}),
    ("null for nothing does nothing", {"a": 1}, {"b": None}, {"a": 1}),
    ("a list replaces", {"a": ["b"]}, {"a": [1, None]}, {"a": [1, None]}),
    ("objects merge", {"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}, {"a": {"c": 2, "d": 3}}),
    ("an object replaces a list", {"a": [1]}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ("nulls below something new go", {}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
]


@pytest.mark.parametrize(("doc", "patch", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_merging(doc, patch, expected):
    before = copy.deepcopy((doc, patch))
    assert apply_merge_patch(doc, patch) == expected
    assert (doc, patch) == before


def test_a_patch_that_is_no_object_is_refused():
    with pytest.raises(OpError, match="cannot unmarshal array"):
        apply_merge_patch({}, [])


def test_what_is_not_touched_is_shared():
    doc = {"a": {"x": 1}, "b": {}}
    assert apply_merge_patch(doc, {"b": {"y": 1}})["a"] is doc["a"]
