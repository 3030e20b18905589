"""Answers as YAML: who gets them, and how they are laid out."""

import pytest

from kubewright.twin.answers import document, plain
from kubewright.twin.yamlform import in_yaml, wants_yaml


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        pytest.param("application/yaml", True, id="YAML alone"),
        pytest.param("application/yaml;as=Table;v=v1;g=meta.k8s.io", True, id="a table in YAML"),
        pytest.param("text/html, application/yaml", True, id="YAML after what is not written"),
        pytest.param("application/json, application/yaml", False, id="JSON first"),
        pytest.param("", False, id="nothing said"),
    ],
)
def test_the_first_written_type_is_chosen(accept: str, wanted: bool):
    assert wants_yaml(accept) is wanted


def test_keys_are_sorted_and_ambiguous_text_is_quoted():
    answer = in_yaml(document({"kind": "A", "data": {"n": "1", "t": "true", "l": "a\nb\n", "w": "word"}, "none": None}))
    assert answer.headers["content-type"] == "application/yaml"
    assert answer.body.decode() == (
        'data:\n  l: |\n    a\n    b\n  n: "1"\n  t: "true"\n  w: word\nkind: A\nnone: null\n'
    )


def test_text_stays_as_it_is():
    assert in_yaml(plain("ok")) == plain("ok")
