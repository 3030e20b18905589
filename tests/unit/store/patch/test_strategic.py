import copy

import pytest

from kubewright.errors import OpError
from kubewright.store.patch.strategic import apply_strategic_patch
from tests.unit.store.patch.schemas import BUILT_IN


def containers(*items):
    return {"spec": {"containers": list(items)}}


def names(*given):
    return [{"name": name} for name in given]


A, B, C = ({"name": n, "image": "1"} for n in "abc")

CASES = [
    ("items merge by their key", containers(A, B), containers({"name": "b", "image": "2"}),
        containers(A, {"name": "b", "image": "2"})),
    ("a new item goes first, where nothing says otherwise", containers(A), containers(B), containers(B, A)),
    ("an item is deleted by its key", containers(A, B), containers({"name": "a", "$patch": "delete"}), containers(B)),
    ("deleting what is not there does nothing", containers(A), containers({"name": "x", "$patch": "delete"}),
        containers(A)),
    ("a list is replaced on request", containers(A, B), containers({"$patch": "replace"}, C), containers(C)),
    ("the stated order wins over the live one", containers(A, B, C), {"spec": {
        "$setElementOrder/containers": names("c", "a")}}, containers(B, C, A)),
    ("a new item stands where the stated order has it", containers(A, B), {"spec": {"containers": [C],
        "$setElementOrder/containers": names("a", "c", "b")}}, containers(A, C, B)),
    ("null removes a field", {"spec": {"replicas": 1, "text": "t"}}, {"spec": {"replicas": None}},
        {"spec": {"text": "t"}}),
    ("null below something new is dropped", {}, {"spec": {"nested": {"other": None, "deep": {}}}},
        {"spec": {"nested": {"deep": {}}}}),
    ("a map is replaced on request", {"spec": {"nested": {"other": "o"}}},
        {"spec": {"nested": {"$patch": "replace", "deep": {"x": "1"}}}}, {"spec": {"nested": {"deep": {"x": "1"}}}}),
    ("a map is emptied on request", {"spec": {"nested": {"other": "o"}}}, {"spec": {"nested": {"$patch": "delete"}}},
        {"spec": {"nested": {}}}),
    ("a deletion of what is not there leaves no trace", {"spec": {}}, {"spec": {"nested": {"$patch": "delete"}}},
        {"spec": {}}),
    ("retainKeys clears the other member of a union",
        {"spec": {"volumes": [{"name": "v", "emptyDir": {"medium": "m"}}]}},
        {"spec": {"volumes": [{"name": "v", "configMap": {"name": "c"}, "$retainKeys": ["name", "configMap"]}]}},
        {"spec": {"volumes": [{"name": "v", "configMap": {"name": "c"}}]}}),
    ("primitives merge without repeats", {"metadata": {"finalizers": ["a", "b"]}},
        {"metadata": {"finalizers": ["c", "a"]}}, {"metadata": {"finalizers": ["c", "a", "b"]}}),
    ("primitives are deleted by a list beside", {"metadata": {"finalizers": ["a", "b", "c"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a", "c", "x"]}}, {"metadata": {"finalizers": ["b"]}}),
    ("a list without a strategy is replaced", containers({"name": "a", "args": ["1"]}),
        containers({"name": "a", "args": ["2"]}), containers({"name": "a", "args": ["2"]})),
    ("directives in a new item mean nothing", containers(), containers(
        {"name": "a", "env": [{"name": "E", "$patch": "delete"}], "$setElementOrder/env": names("E")}),
        containers({"name": "a", "env": []})),
    ("items merge at depth", containers({"name": "a", "env": [{"name": "E", "value": "1"}]}),
        containers({"name": "a", "env": [{"name": "F", "value": "2"}, {"name": "E", "value": "3"}]}),
        containers({"name": "a", "env": [{"name": "F", "value": "2"}, {"name": "E", "value": "3"}]})),
]  # fmt: skip


@pytest.mark.parametrize(("doc", "patch", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_merging(doc, patch, expected):
    before = copy.deepcopy((doc, patch))
    assert apply_strategic_patch(doc, patch, BUILT_IN) == expected
    assert (doc, patch) == before


def test_without_a_schema_lists_are_replaced_and_maps_merged():
    assert apply_strategic_patch({"a": [1], "m": {"x": 1}}, {"a": [2], "m": {"y": 2}}, None) == {
        "a": [2],
        "m": {"x": 1, "y": 2},
    }


REFUSED = [
    ("an unknown directive", {"spec": {"nested": {"$patch": "bogus"}}}, "unknown patch type"),
    ("an item without its merge key", containers({"image": "1"}), "merge key"),
    ("retainKeys that leave out a key of the patch", {"spec": {"text": "t", "$retainKeys": ["replicas"]}},
        "retainKeys"),
    ("an order that is not a list", {"metadata": {"$setElementOrder/finalizers": 3}}, "setElementOrder"),
    ("an order that contradicts the patch", {"spec": {"containers": [A, B],
        "$setElementOrder/containers": names("b", "a")}}, "doesn't match"),
    ("a patch that is no object", [], "cannot unmarshal array"),
]  # fmt: skip


@pytest.mark.parametrize(("patch", "message"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_refused(patch, message):
    doc = {"metadata": {}, "spec": {"nested": {"other": "o"}, "containers": [A]}}
    with pytest.raises(OpError, match=message):
        apply_strategic_patch(doc, patch, BUILT_IN)
