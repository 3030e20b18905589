"""Defaults of custom objects that were stored before their schema had them."""

import pytest

from kubewright.api.schema import parse_schema
from kubewright.twin.stored_defaults import stored_defaults

COLOR = {"type": "object", "properties": {"color": {"type": "string", "default": "blue"}}}


def defaults_of(**properties):
    return stored_defaults(parse_schema({"type": "object", "properties": properties}))


@pytest.mark.parametrize(
    ("spec", "given", "read"),
    [
        pytest.param(COLOR, {}, {"color": "blue"}, id="what is absent is filled in"),
        pytest.param(COLOR, {"size": 1}, {"size": 1, "color": "blue"}, id="beside what is there"),
        pytest.param({**COLOR, "default": {}}, None, {"color": "blue"}, id="a default is completed by those below it"),
        pytest.param({"type": "array", "items": COLOR}, [{}], [{"color": "blue"}], id="in a list's items"),
        pytest.param(
            {"type": "object", "additionalProperties": COLOR},
            {"a": {}},
            {"a": {"color": "blue"}},
            id="in a map's values",
        ),
    ],
)
def test_an_object_reads_with_what_it_lacks(spec, given, read):
    stored = {"metadata": {}} if given is None else {"metadata": {}, "spec": given}
    before = repr(stored)
    assert defaults_of(spec=spec).filled(stored) == {"metadata": {}, "spec": read}
    assert repr(stored) == before


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param({"spec": {"color": "red"}}, id="a value of its own"),
        pytest.param({}, id="no parent, and none by default"),
        pytest.param({"spec": "text"}, id="a parent of another type"),
        pytest.param({"spec": {"color": "red"}, "list": [{"color": "red"}]}, id="a list that is complete"),
    ],
)
def test_an_object_that_lacks_nothing_is_the_same_object(stored):
    assert defaults_of(spec=COLOR, list={"type": "array", "items": COLOR}).filled(stored) is stored


def test_a_schema_without_defaults_has_none():
    assert defaults_of(spec={"type": "object"}, metadata=COLOR) is None
