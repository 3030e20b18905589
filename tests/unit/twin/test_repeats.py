"""Fields said twice in a body."""

import json

import pytest

from kubewright.twin.repeats import repeated_fields


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param('{"a":{"b":1}}', [], id="nothing is said twice"),
        pytest.param('{ "a": 1, "b": {"a": 1} }', [], id="one name at two places is no repeat"),
        pytest.param('{"a":1,"a":1}', ["a"], id="the same value is a repeat too"),
        pytest.param('{"a":1,"a":2,"a":3}', ["a"], id="three times is told once"),
        pytest.param('{"a":[{"b":1},{"b":1,"b":2}]}', ["a[1].b"], id="items are counted"),
        pytest.param('{"a":{"x":1,"x":2},"a":{}}', ["a.x", "a"], id="what the last one hides is looked at"),
        pytest.param('{"a":1,"\\u0061":2}', ["a"], id="an escape names the same field"),
    ],
)
def test_a_repeat_is_told_by_its_path(body, fields):
    expected = [f'duplicate field "{name}"' for name in fields]
    assert repeated_fields(body.encode(), json.loads(body)) == expected


def test_what_is_no_json_has_none():
    assert repeated_fields(b"k8s\0\n\x02v1", {}) == []
    assert repeated_fields(b"{a: 1}", {"a": 1}) == []
