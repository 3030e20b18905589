"""Complaints about JSON in the words of Go's decoder."""

import pytest

from kubewright.twin.jsonerrors import json_error

ENDS = "unexpected end of JSON input"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param('{"a": [1, -2.5e+3, "\\u00e9\\n", true, null, {}, []]}', "", id="nothing is wrong"),
        pytest.param("", ENDS, id="nothing there"),
        pytest.param('{"a"', ENDS, id="it ends within an object"),
        pytest.param('"a', ENDS, id="it ends within a string"),
        pytest.param("text", "invalid character 'e' in literal true (expecting 'r')", id="a word like a literal"),
        pytest.param("word", "invalid character 'w' looking for beginning of value", id="a word"),
        pytest.param("{no", "invalid character 'n' looking for beginning of object key string", id="a bare key"),
        pytest.param('{"a":1,}', "invalid character '}' looking for beginning of object key string", id="a last comma"),
        pytest.param('{"a" 1}', "invalid character '1' after object key", id="no colon"),
        pytest.param('{"a":1 "b"', "invalid character '\"' after object key:value pair", id="no comma in an object"),
        pytest.param("[1 2]", "invalid character '2' after array element", id="no comma in a list"),
        pytest.param("{} x", "invalid character 'x' after top-level value", id="something after it"),
        pytest.param("-x", "invalid character 'x' in numeric literal", id="a sign without a number"),
        pytest.param("1.x", "invalid character 'x' after decimal point in numeric literal", id="no decimals"),
        pytest.param("1ex", "invalid character 'x' in exponent of numeric literal", id="no exponent"),
        pytest.param('"\\x"', "invalid character 'x' in string escape code", id="an unknown escape"),
        pytest.param('"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape", id="no hex digit"),
        pytest.param('"a\nb"', "invalid character '\\n' in string literal", id="a line break in a string"),
    ],
)
def test_the_first_wrong_character_is_named(text: str, complaint: str):
    assert json_error(text.encode()) == complaint
