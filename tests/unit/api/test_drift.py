import pytest

from kubewright.api.drift import covers


@pytest.mark.parametrize(
    ("live", "desired", "expected"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1}, True, id="others may add fields"),
        pytest.param({"a": 1}, {"a": 2}, False, id="a value differs"),
        pytest.param({}, {"a": 1}, False, id="a field is missing"),
        pytest.param({}, {"a": 0, "b": False, "c": "", "d": [], "e": {}}, True, id="zero values are not stored"),
        pytest.param({"a": 3}, {"a": 0}, False, id="but a stored value that should be zero differs"),
        pytest.param({"a": True}, {"a": False}, False, id="true is not false"),
        pytest.param([{"name": "x"}, {"name": "y", "v": 1}], [{"name": "y"}], True, id="items among others"),
        pytest.param([{"name": "x"}], [{"name": "y"}], False, id="an item is missing"),
        pytest.param(["a", "b"], ["b", "a"], False, id="the order of words counts"),
        pytest.param(["a"], ["a"], True, id="equal words"),
        pytest.param("abc", ["a"], False, id="a text is no list"),
        pytest.param({"a": {"b": [{"c": 1, "d": 2}]}}, {"a": {"b": [{"c": 1}]}}, True, id="deep down"),
    ],
)
def test_covers(live, desired, expected):
    assert covers(live, desired) is expected
