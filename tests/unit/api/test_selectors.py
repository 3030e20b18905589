"""Label and field selectors, checked against `labels.Parse` and `fields.ParseSelector` of Kubernetes 1.37."""

from __future__ import annotations

import pytest

from kubewright.api.selectors import (
    FieldTerm,
    LabelSelector,
    Requirement,
    parse_field_selector,
    parse_label_selector,
    selector_of,
)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        pytest.param("", {}, True, id="the empty selector matches everything"),
        pytest.param("a=x", {"a": "x"}, True, id="one equals sign"),
        pytest.param("a==x", {"a": "y"}, False, id="two equals signs"),
        pytest.param("a!=x", {}, True, id="unequal holds where the label is absent"),
        pytest.param("a", {"a": ""}, True, id="a bare key asks for the label with any value"),
        pytest.param("!a", {"a": ""}, False, id="a negated key asks for its absence"),
        pytest.param("a in (x, y)", {"a": "y"}, True, id="in a set"),
        pytest.param("a notin (x,y)", {"a": "y"}, False, id="not in a set"),
        pytest.param("a notin (x,y)", {}, True, id="notin holds where the label is absent"),
        pytest.param("a in ()", {"a": ""}, True, id="an empty set stands for the empty value"),
        pytest.param("a in (x,)", {"a": ""}, True, id="a trailing comma adds the empty value"),
        pytest.param("a in (in,notin)", {"a": "notin"}, True, id="keywords may be values"),
        pytest.param("in in (x)", {"in": "x"}, True, id="a keyword may be a key"),
        pytest.param("a=", {"a": ""}, True, id="an empty value"),
        pytest.param("n>5", {"n": "6"}, True, id="greater than"),
        pytest.param("n<5", {"n": "5"}, False, id="less than"),
        pytest.param("n>5", {"n": "many"}, False, id="a label that is no number is not greater"),
        pytest.param("a=x,b=y", {"a": "x"}, False, id="all must hold"),
        pytest.param("example.com/a=x", {"example.com/a": "x"}, True, id="a prefixed key"),
    ],
)
def test_text_form(text, labels, matches):
    assert parse_label_selector(text).matches(labels) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a in", r"found '' expected: '\('"),
        ("a,", "identifier after ','"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("a b", "found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in (x", r"expected: ',' or '\)'"),
        ("!a=x", "found '=', expected: ',' or 'end of string'"),
        ("a>x", "the value must be an integer"),
        ("-a=x", "name part must consist of alphanumeric characters"),
        ("a/b/c", "a valid label key must consist"),
        ("a=x/y", "a valid label must be an empty string or consist"),
        (f"a={'x' * 64}", "must be no more than 63 bytes"),
    ],
)
def test_broken_text_is_refused_in_the_api_servers_words(text, message):
    with pytest.raises(ValueError, match=message):
        parse_label_selector(text)


def test_structured_selector_needs_labels_and_expressions():
    selector = LabelSelector({"app": "web"}, (Requirement("tier", "NotIn", ("cache",)),))
    assert selector.matches({"app": "web"})
    assert not selector.matches({"app": "web", "tier": "cache"})
    assert not selector.matches({})
    assert str(selector) == "app=web,tier!=cache"


def test_an_unknown_operator_matches_nothing():
    assert not Requirement("a", "Near", ("x",)).matches({"a": "x"})


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("metadata.name=a", (FieldTerm("metadata.name", "=", "a"),)),
        ("a==b,c!=d", (FieldTerm("a", "=", "b"), FieldTerm("c", "!=", "d"))),
        ("a=", (FieldTerm("a", "=", ""),)),
        (r"a=b\,c\=d\\", (FieldTerm("a", "=", r"b,c=d" + "\\"),)),
    ],
)
def test_field_selectors(text, terms):
    assert parse_field_selector(text) == terms


@pytest.mark.parametrize("text", ["a", r"a=b\x", "a=b=c", "a=b\\"])
def test_broken_field_selectors_are_refused(text):
    with pytest.raises(ValueError, match="invalid"):
        parse_field_selector(text)


def test_field_terms_compare_text():
    assert FieldTerm("a", "!=", "x").matches("y")
    assert not FieldTerm("a", "=", "x").matches("y")


def test_selector_of_is_sorted():
    assert selector_of({"b": "2", "a": "1"}) == "a=1,b=2"
