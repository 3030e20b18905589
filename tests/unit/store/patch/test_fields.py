import pytest

from kubewright.store.patch.fields import LEAF, as_member, difference, intersection, paths, union, without

A = {"f:a": LEAF}
CASES = [
    ("the union has both", union, {"f:a": {"f:x": LEAF}}, {"f:a": {"f:y": LEAF}}, {"f:a": {"f:x": LEAF, "f:y": LEAF}}),
    ("a member stays one when it gets children", union, A, {"f:a": {"f:x": LEAF}}, {"f:a": {".": LEAF, "f:x": LEAF}}),
    ("the union with nothing", union, None, A, A),
    ("the difference takes the member, not its children", difference, {"f:a": {".": LEAF, "f:x": LEAF}}, A,
        {"f:a": {"f:x": LEAF}}),
    ("the difference takes a child, not the member", difference, {"f:a": {".": LEAF, "f:x": LEAF}},
        {"f:a": {"f:x": LEAF}}, A),
    ("the difference takes what has nothing left", difference, {"f:a": {"f:x": LEAF}, "f:b": LEAF},
        {"f:a": {"f:x": LEAF}}, {"f:b": LEAF}),
    ("the difference with itself is empty", difference, A, A, None),
    ("the intersection has the common paths", intersection, {"f:a": {".": LEAF, "f:x": LEAF}, "f:b": LEAF},
        {"f:a": {"f:x": LEAF, "f:y": LEAF}}, {"f:a": {"f:x": LEAF}}),
    ("a member and its child have nothing in common", intersection, A, {"f:a": {"f:x": LEAF}}, None),
    ("what is ignored goes with all below it", without, {"f:a": {"f:x": {"f:y": LEAF}}, "f:b": LEAF}, A,
        {"f:b": LEAF}),
    ("what is ignored below leaves the rest", without, {"f:a": {"f:x": LEAF, "f:y": LEAF}}, {"f:a": {"f:x": LEAF}},
        {"f:a": {"f:y": LEAF}}),
]  # fmt: skip


@pytest.mark.parametrize(("do", "one", "other", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_sets(do, one, other, expected):
    assert do(one, other) == expected


def test_a_difference_that_takes_nothing_returns_the_same_set():
    one = {"f:a": {"f:x": LEAF}, "f:b": LEAF}
    assert difference(one, {"f:c": LEAF, "f:a": {"f:z": LEAF}}) is one


def test_as_member_of_nothing_is_a_leaf():
    assert as_member(None) == LEAF
    assert as_member({"f:a": LEAF}) == {".": LEAF, "f:a": LEAF}


def test_paths_are_shown_as_messages_do():
    fields = {
        "f:spec": {
            "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": LEAF, "f:name": LEAF}},
            "f:tags": {'v:"a"': LEAF, "v:3": LEAF},
        }
    }
    assert list(paths(fields)) == [
        '.spec.ports[port=80,protocol="TCP"]',
        '.spec.ports[port=80,protocol="TCP"].name',
        '.spec.tags[="a"]',
        ".spec.tags[=3]",
    ]
