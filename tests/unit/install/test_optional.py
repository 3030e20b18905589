"""What a choice brings stands between marks; what a choice may not do is said."""

import pytest

from kubewright.install.optional import optional, shown

WHOLE = {"a": [{"b": ["x", "y", "z"]}], "c": 1}


def without(*left, c=1, **more):
    return {"a": [{"b": [*left]}], "c": c, **more}


def test_entries_that_come_by_a_choice_stand_between_marks():
    marked = optional(WHOLE, {(".V.one",): without("x"), (".V.one", ".V.two"): without("x", "z")})
    (inner,) = marked["a"]
    text = "".join(f"- {each}\n" for each in inner["b"])
    assert shown(text, "IF {}".format) == (
        "- x\nIF ['.V.one', '.V.two']\n- y\n{{- end }}\nIF ['.V.one']\n- z\n{{- end }}\n"
    )


def test_nothing_is_marked_where_nothing_comes_by_a_choice():
    assert optional(WHOLE, {(".V.one",): WHOLE}) == WHOLE
    assert optional(WHOLE, {}) == WHOLE


@pytest.mark.parametrize(
    ("left", "word"),
    [
        (without("x", "y", "z", c=2), "changes 1"),
        (without("x", "other"), "not only fewer"),
        (without("x", "y", "z", d=1), "fields a, c"),
    ],
    ids=["another value", "another entry", "another field"],
)
def test_a_choice_that_does_anything_else_is_refused(left, word):
    with pytest.raises(ValueError, match=word):
        optional(WHOLE, {(".V.one",): left})
