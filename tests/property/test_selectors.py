from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubewright.api.requirements import Requirement
from kubewright.api.selectors import (
    LabelSelector,
    Selector,
    parse_field_selector,
    parse_label_selector,
    selector_of,
)

keys = st.sampled_from(["a", "b", "in", "notin", "example.com/c"])
values = st.sampled_from(["", "x", "y", "in", "3", "10"])
labels = st.dictionaries(keys, values)
several = st.lists(values, min_size=1, max_size=3, unique=True).map(lambda each: tuple(sorted(each)))
requirements = st.one_of(
    st.builds(Requirement, keys, st.sampled_from(["In", "NotIn"]), several),
    st.builds(Requirement, keys, st.sampled_from(["Exists", "DoesNotExist"])),
    st.builds(Requirement, keys, st.sampled_from(["Gt", "Lt"]), st.sampled_from([("3",), ("10",)])),
)
many = st.lists(requirements, max_size=4).map(tuple)


@given(many, labels)
def test_a_selector_written_and_parsed_matches_the_same(parts, found):
    selector = Selector(parts)
    assert parse_label_selector(str(selector)).matches(found) == selector.matches(found)


@given(labels, many, labels)
def test_the_structured_form_and_its_text_agree(equal, parts, found):
    selector = LabelSelector(equal, parts)
    assert parse_label_selector(str(selector)).matches(found) == selector.matches(found)


@given(labels, labels)
def test_selector_of_labels_matches_exactly_their_supersets(wanted, found):
    assert parse_label_selector(selector_of(wanted)).matches(found) == (wanted.items() <= found.items())


@given(requirements, labels)
def test_opposites_never_agree(requirement, found):
    opposite = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}.get(
        requirement.operator
    )
    if opposite is not None:
        negated = Requirement(requirement.key, opposite, requirement.values)
        assert negated.matches(found) != requirement.matches(found)


@given(st.text(max_size=20))
def test_any_field_value_survives_escaping(value):
    escaped = value.replace("\\", r"\\").replace(",", r"\,").replace("=", r"\=")
    ((field, op, parsed),) = parse_field_selector(f"metadata.name={escaped}")
    assert (field, op, parsed) == ("metadata.name", "=", value)


@given(st.text(alphabet="ab=!(),<> in", max_size=12))
def test_no_text_does_anything_but_parse_or_raise_value_error(text):
    try:
        parsed = parse_label_selector(text)
    except ValueError:
        return
    assert parse_label_selector(str(parsed)) == parsed
