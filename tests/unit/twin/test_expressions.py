"""CEL on the twin: what expressions give, and what is wrong with them."""

import pytest

from kubewright.expressions.program import CompileError, EvaluationError, Language, NotModelledError
from kubewright.expressions.types import optional_of
from kubewright.twin.validation.schema_rules import compiled_rules
from kubewright.twin.validation.schema_types import declared, escape
from kubewright.twin.validation.schema_values import converter

SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "half": {"type": "number"},
        "s": {"type": "string"},
        "l": {"type": "array", "items": {"type": "string"}},
        "m": {"type": "object", "additionalProperties": {"type": "integer"}},
        "when": {"type": "string", "format": "date-time"},
        "a-b": {"type": "string"},
    },
}
KIND = declared(SCHEMA)
SELF = {"n": 1, "half": 0.5, "s": "x", "l": ["a", "b"], "m": {"a": 1}}


def language():
    return Language({"self": KIND, "oldSelf": KIND})


@pytest.mark.parametrize(
    ("source", "value"),
    [
        pytest.param("self.l.all(x, x != 'c')", True, id="all of a list"),
        pytest.param("self.m.exists(k, self.m[k] == 1)", True, id="a map's keys"),
        pytest.param("self.half > 0", True, id="numbers of two types compare"),
        pytest.param("1 < 2.0", True, id="literals of two types compare"),
        pytest.param("self.?s.orValue('')", "x", id="an optional field"),
        pytest.param("'%s-%d'.format([self.s, self.n])", "x-1", id="a format"),
        pytest.param("[1, 3, 2].max()", 3, id="the largest"),
        pytest.param("semver('1.10.0').isGreaterThan(semver('1.9.0'))", True, id="versions by number"),
        pytest.param("semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))", True, id="a version before its release"),
        pytest.param("semver('1.0.0-2').compareTo(semver('1.0.0-10'))", -1, id="numbers in a pre-release"),
        pytest.param("semver('v1.02', true).minor()", 2, id="a sloppy version"),
        pytest.param("isSemver('1.02.0') || isSemver('1.0.0-01')", False, id="no versions"),
        pytest.param("semver('1.0.0+a') == semver('1.0.0+b')", True, id="builds of one version"),
        pytest.param("[1, 3, 2].isSorted()", False, id="an order"),
        pytest.param("self.l.map(x, size(x)).sum()", 2, id="a sum"),
        pytest.param("'a1b22'.findAll('[0-9]+')", ["1", "22"], id="all that match"),
        pytest.param("quantity('1Gi').isGreaterThan(quantity('1G'))", True, id="quantities"),
        pytest.param("quantity('1') == quantity('1000m')", True, id="equal quantities"),
        pytest.param("cidr('10.0.0.0/8').containsIP('10.1.2.3')", True, id="a network"),
        pytest.param("cidr('10.0.0.0/8').containsCIDR('10.0.0.0/7')", False, id="a larger network"),
        pytest.param("isIP('1.2.3') || ip('::1').family() == 4", False, id="addresses"),
        pytest.param("url('https://a.b:80/c?d=e').getPort()", "80", id="a port"),
        pytest.param("sets.contains(self.l, ['b'])", True, id="sets"),
    ],
)
def test_an_expression_has_a_value(source, value):
    assert language().compile(source).run({"self": SELF}) == value


@pytest.mark.parametrize(
    ("source", "error"),
    [
        pytest.param("self.n / 0 == 1", "division by zero", id="a division"),
        pytest.param("self.m['z'] == 1", "no such key: z", id="a key"),
        pytest.param("self.l[7] == ''", "index out of bounds: 7", id="an index"),
        pytest.param("dyn(self.n).startsWith('a')", "no such overload", id="another type"),
        pytest.param("[].min() == 1", "min called on empty list", id="nothing is least"),
    ],
)
def test_an_expression_has_no_value(source, error):
    with pytest.raises(EvaluationError, match=error):
        language().compile(source).run({"self": SELF})


@pytest.mark.parametrize(
    ("source", "error"),
    [
        pytest.param("self.other", "ERROR: <input>:1:5: undefined field 'other'", id="a field"),
        pytest.param("self.n + self.s == ''", "'_\\+_' applied to '\\(int, string\\)'", id="types"),
        pytest.param("self.n.startsWith('')", "'startsWith' applied to 'int.\\(string\\)'", id="a member"),
        pytest.param("has(self.s.x)", "type 'string' does not support field selection", id="no object"),
        pytest.param("other(1)", "undeclared reference to 'other'", id="a function"),
    ],
)
def test_an_expression_is_wrong(source, error):
    with pytest.raises(CompileError, match=error):
        language().compile(source)


@pytest.mark.parametrize(
    "source",
    [
        "[1].all(i, v, v > i)",
        "format.dns1123Label().validate('x').hasValue()",
        "self.l.indexOf('a') == 0",
        "self.when > timestamp('2020-01-01T00:00:00Z')",
        "string(ip('1.2.3.4')) == ''",
    ],
)
def test_what_is_not_modelled_is_refused(source):
    with pytest.raises(NotModelledError):
        language().compile(source)


def test_an_optional_old_value():
    optional = Language({"self": KIND, "oldSelf": optional_of(KIND)}, binding="oldSelf")
    program = optional.compile("oldSelf.hasValue() && oldSelf.value().n == self.n")
    assert program.mentions("oldSelf")
    assert not optional.compile("self.n == 1").mentions("oldSelf")
    assert program.run({"self": SELF, "oldSelf__list": [SELF]}) is True
    assert program.run({"self": SELF, "oldSelf__list": []}) is False
    with pytest.raises(CompileError, match="<input>:1:5: undefined field"):
        optional.compile("self.other == 1")


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("plain", "plain"),
        ("a-b", "a__dash__b"),
        ("namespace", "__namespace__"),
        ("a__b", "a__underscores__b"),
        ("1", None),
    ],
)
def test_names_are_escaped(name, escaped):
    assert escape(name) == escaped


def test_values_are_brought_into_the_form_of_their_schema():
    assert converter(SCHEMA)({"half": 1, "a-b": "x"}) == {"half": 1.0, "a__dash__b": "x"}
    assert isinstance(converter(SCHEMA)({"half": 1})["half"], float)
    assert converter({"type": "object", "properties": {"n": {"type": "integer"}}}) is None


def test_a_schema_without_rules_costs_nothing():
    assert compiled_rules(SCHEMA).root is None


def test_the_same_rules_are_compiled_once():
    ruled = {**SCHEMA, "x-kubernetes-validations": [{"rule": "self.n > 0"}]}
    assert compiled_rules(ruled) is compiled_rules(dict(ruled))
