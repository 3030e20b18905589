import copy

import pytest

from kubewright.errors import ErrorKind, OpError
from kubewright.store.patch.json_patch import apply_json_patch

DOC = {"a": {"b": "1", "x/y": "2", "m~n": "3"}, "list": ["p", "q"], "kept": {"z": 1}}

WORKING = [
    ("add sets a field", [{"op": "add", "path": "/a/c", "value": 1}], {"a": {**DOC["a"], "c": 1}}),
    ("add replaces a field", [{"op": "add", "path": "/a/b", "value": "9"}], {"a": {**DOC["a"], "b": "9"}}),
    ("add inserts before an item", [{"op": "add", "path": "/list/1", "value": "n"}], {"list": ["p", "n", "q"]}),
    ("add with a dash appends", [{"op": "add", "path": "/list/-", "value": "n"}], {"list": ["p", "q", "n"]}),
    ("remove takes an item out", [{"op": "remove", "path": "/list/0"}], {"list": ["q"]}),
    ("a negative index counts from the end", [{"op": "remove", "path": "/list/-1"}], {"list": ["p"]}),
    ("replace changes an item", [{"op": "replace", "path": "/list/1", "value": "n"}], {"list": ["p", "n"]}),
    ("replace may add a field, unlike the RFC", [{"op": "replace", "path": "/new", "value": 1}], {"new": 1}),
    ("a slash in a name is ~1", [{"op": "replace", "path": "/a/x~1y", "value": 1}], {"a": {**DOC["a"], "x/y": 1}}),
    ("a tilde in a name is ~0", [{"op": "replace", "path": "/a/m~0n", "value": 1}], {"a": {**DOC["a"], "m~n": 1}}),
    ("move takes the value along", [{"op": "move", "from": "/a/b", "path": "/c"}],
        {"a": {"x/y": "2", "m~n": "3"}, "c": "1"}),
    ("copy leaves it", [{"op": "copy", "from": "/a/b", "path": "/c"}], {"c": "1"}),
    ("a test that holds changes nothing", [{"op": "test", "path": "/a/b", "value": "1"}], {}),
    ("a test for null holds where nothing is", [{"op": "test", "path": "/a/none", "value": None}], {}),
    ("operations see what came before", [{"op": "add", "path": "/a", "value": {}},
        {"op": "add", "path": "/a/k", "value": 1}], {"a": {"k": 1}}),
]  # fmt: skip


@pytest.mark.parametrize(("ops", "changed"), [c[1:] for c in WORKING], ids=[c[0] for c in WORKING])
def test_operations(ops, changed):
    before = copy.deepcopy(DOC)
    result = apply_json_patch(DOC, ops)
    assert result == DOC | changed
    assert before == DOC


REFUSED = [
    ("a test that fails", [{"op": "test", "path": "/a/b", "value": "2"}], "patch.apply"),
    ("a test of true for 1", [{"op": "test", "path": "/kept/z", "value": True}], "patch.apply"),
    ("a test below nothing", [{"op": "test", "path": "/no/b", "value": None}], "patch.apply"),
    ("remove of nothing", [{"op": "remove", "path": "/a/none"}], "patch.apply"),
    ("remove of the whole", [{"op": "remove", "path": ""}], "patch.apply"),
    ("add below nothing", [{"op": "add", "path": "/no/b", "value": 1}], "patch.apply"),
    ("add past the end", [{"op": "add", "path": "/list/5", "value": 1}], "patch.apply"),
    ("replace past the end", [{"op": "replace", "path": "/list/2", "value": 1}], "patch.apply"),
    ("an index with a leading zero", [{"op": "replace", "path": "/list/01", "value": 1}], "patch.apply"),
    ("move of nothing", [{"op": "move", "from": "/a/none", "path": "/c"}], "patch.apply"),
    ("an operation that does not exist", [{"op": "bogus", "path": "/a"}], "patch.apply"),
    ("no path", [{"op": "add", "value": 1}], "patch.apply"),
    ("an object instead of a list", {"op": "add"}, "patch.decode"),
    ("a number instead of an operation", [3], "patch.decode"),
    ("too many operations", [{"op": "test", "path": "/a/b", "value": "1"}] * 10_001, "patch.decode"),
]


@pytest.mark.parametrize(("ops", "op"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_is_refused(ops, op):
    before = copy.deepcopy(DOC)
    with pytest.raises(OpError) as caught:
        apply_json_patch(DOC, ops)
    assert caught.value.kind is ErrorKind.INVALID
    assert caught.value.op == op
    assert before == DOC


def test_what_is_beside_the_path_is_shared():
    result = apply_json_patch(DOC, [{"op": "add", "path": "/a/c", "value": 1}])
    assert result["kept"] is DOC["kept"]
    assert result["list"] is DOC["list"]
