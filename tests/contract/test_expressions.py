"""CEL: rules of custom kinds, fields that they are selected by, and validating admission policies."""

import itertools
import os

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import config_map, crd, custom

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
AT = "spec.validation.openAPIV3Schema.properties[spec]"
RULES = "x-kubernetes-validations"
TEXT = {"type": "string", "maxLength": 10}
PROPERTIES = {
    "min": {"type": "integer"},
    "max": {"type": "integer"},
    "name": TEXT,
    "names": {"type": "array", "maxItems": 5, "items": TEXT},
}
numbers = itertools.count(1)


def ruled(schema, *rules):
    return {**schema, RULES: [{"rule": rule} if isinstance(rule, str) else rule for rule in rules]}


def with_spec(*rules, **properties):
    spec = {"type": "object", "properties": {**PROPERTIES, **properties}}
    return {"type": "object", "properties": {"spec": ruled(spec, *rules) if rules else spec}}


NAMES = {"type": "array", "maxItems": 5, "items": ruled(TEXT, "self != 'bad'")}
COUNTS = {"type": "object", "maxProperties": 5, "additionalProperties": ruled({"type": "integer"}, "self > 0")}
ITEMS = {
    "type": "array",
    "maxItems": 5,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["k"],
    "items": ruled(
        {
            "type": "object",
            "required": ["k"],
            "properties": {"k": TEXT, "v": ruled({"type": "integer"}, "self >= oldSelf")},
        },
        "!has(self.v) || self.v < 10",
    ),
}
WHOLE = with_spec(
    "!has(self.min) || !has(self.max) || self.min <= self.max",
    {"rule": "!has(self.name) || self.name != 'm'", "message": " the name is m "},
    {"rule": "!has(self.name) || self.name != 'e'", "messageExpression": "'the name is ' + self.name"},
    {
        "rule": "!has(self.name) || self.name != 'f'",
        "reason": "FieldValueForbidden",
        "fieldPath": ".name",
        "message": "no f",
    },
    {"rule": "!has(self.name) || self.name != 'r'", "reason": "FieldValueRequired", "fieldPath": ".min"},
    {"rule": "!has(self.name) || self.name != 'x'", "messageExpression": "self.names[7]", "message": "fallback"},
    {"rule": "!has(self.name) || self.name != 'o' || oldSelf.hasValue()", "optionalOldSelf": True},
    {"rule": "!has(self.min) || !has(oldSelf.min) || self.min >= oldSelf.min", "message": "min cannot shrink"},
    "!has(self.counts) || !('q' in self.counts) || self.counts['z'] == 1",
    "!has(self.size) || quantity(self.size).isLessThan(quantity('1Gi'))",
    "!has(self.name) || !self.name.find('[0-9]+').startsWith('7')",
    "!has(self.namespace) && !has(self.a__dash__b) || self.__namespace__ == self.a__dash__b",
    names=NAMES,
    counts=COUNTS,
    items=ITEMS,
    size=TEXT,
    ratio=ruled({"type": "number"}, "self <= 0.5"),
    namespace=TEXT,
    **{"a-b": TEXT},
)
WHOLE["properties"]["spec"][RULES][-1]["rule"] = "!has(self.__namespace__) || self.__namespace__ == self.a__dash__b"


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        pytest.param(
            {"min": 3, "max": 1},
            ["spec: Invalid value: failed rule: !has(self.min) || !has(self.max) || self.min <= self.max"],
            id="a rule without a message is shown",
        ),
        pytest.param({"name": "m"}, ["spec: Invalid value: the name is m"], id="a message is trimmed"),
        pytest.param({"name": "e"}, ["spec: Invalid value: the name is e"], id="a message is computed"),
        pytest.param({"name": "x"}, ["spec: Invalid value: fallback"], id="a message that has no value is replaced"),
        pytest.param({"name": "f"}, ["spec.name: Forbidden: no f"], id="a rule names its reason and field"),
        pytest.param(
            {"name": "r"},
            ["spec.min: Required value: failed rule: !has(self.name) || self.name != 'r'"],
            id="a field that is not there is required",
        ),
        pytest.param(
            {"name": "o"},
            ["spec: Invalid value: failed rule: !has(self.name) || self.name != 'o' || oldSelf.hasValue()"],
            id="an optional old value is absent from what is new",
        ),
        pytest.param(
            {"names": ["ok", "bad"]},
            ["spec.names[1]: Invalid value: \"bad\": failed rule: self != 'bad'"],
            id="an item of a list is wrong",
        ),
        pytest.param(
            {"counts": {"a": 0}},
            ["spec.counts[a]: Invalid value: 0: failed rule: self > 0"],
            id="a map's value is wrong",
        ),
        pytest.param(
            {"counts": {"q": 1}},
            [
                (
                    'spec: Invalid value: "object": no such key: z evaluating rule: '
                    "!has(self.counts) || !('q' in self.counts) || self.counts['z'] == 1"
                )
            ],
            id="a rule fails to be evaluated",
        ),
        pytest.param(
            {"items": [{"k": "a", "v": 11}]},
            ["spec.items[0]: Invalid value: failed rule: !has(self.v) || self.v < 10"],
            id="an item's own rule fails",
        ),
        pytest.param({"ratio": 1}, ["spec.ratio: Invalid value: 1: failed rule: self <= 0.5"], id="a whole number"),
        pytest.param(
            {"size": "2Gi"},
            ["spec: Invalid value: failed rule: !has(self.size) || quantity(self.size).isLessThan(quantity('1Gi'))"],
            id="quantities compare",
        ),
        pytest.param(
            {"name": "a77"},
            ["spec: Invalid value: failed rule: !has(self.name) || !self.name.find('[0-9]+').startsWith('7')"],
            id="a pattern is found",
        ),
        pytest.param(
            {"namespace": "a", "a-b": "b"},
            ["spec: Invalid value: failed rule: !has(self.__namespace__) || self.__namespace__ == self.a__dash__b"],
            id="names that are no identifiers are escaped",
        ),
        pytest.param(
            {"min": 3, "max": 1, "names": ["bad"]},
            [
                "spec: Invalid value: failed rule: !has(self.min) || !has(self.max) || self.min <= self.max",
                "spec.names[0]: Invalid value: \"bad\": failed rule: self != 'bad'",
            ],
            id="every rule that fails is told",
        ),
        pytest.param(
            {"name": "far too long", "min": 3, "max": 1},
            [
                "spec.name: Too long: may not be more than 10 bytes",
                (
                    "<nil>: Invalid value: null: some validation rules were not checked because the object was "
                    "invalid; correct the existing errors to complete validation"
                ),
            ],
            id="an object of other types is not held against rules",
        ),
    ],
)
async def test_an_object_breaks_a_rule(whole, spec, lines):
    definition, objects = whole
    refused = (await objects.create(custom(definition, "a", spec=spec), dryRun="All")).refused
    told = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    kind = definition["spec"]["names"]["kind"]
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert refused.message == f'{kind}.contract.example.com "a" is invalid: {told}'
    assert [(field, message) for field, _, message in refused.causes] == [tuple(line.split(": ", 1)) for line in lines]


@pytest.fixture
async def whole(api, namespace, define):
    definition = await define(crd(WHOLE))
    objects = api.of(definition["spec"]["names"]["plural"], namespace, root="/apis/contract.example.com/v1")
    await objects.served()
    return definition, objects


async def test_a_rule_sees_what_was_before(whole):
    definition, objects = whole
    (await objects.create(custom(definition, "a", spec={"min": 3, "items": [{"k": "a", "v": 5}]}))).ok()
    shrunk = (await objects.merge("a", {"spec": {"min": 2}})).refused
    assert shrunk.message.endswith("spec: Invalid value: min cannot shrink")
    lower = (await objects.merge("a", {"spec": {"items": [{"k": "a", "v": 4}]}})).refused
    assert lower.message.endswith("spec.items[0].v: Invalid value: 4: failed rule: self >= oldSelf")
    (await objects.merge("a", {"spec": {"items": [{"k": "b", "v": 4}]}})).ok()
    (await objects.merge("a", {"spec": {"name": "o", "min": 4}})).ok()


async def test_a_rule_about_the_name_is_about_the_whole_object(things):
    definition = crd(ruled(with_spec(), {"rule": "self.metadata.name.startsWith('a')", "message": "not an a"}))
    objects = await things(definition)
    refused = (await objects.create(custom(definition, "b", spec={}))).refused
    assert refused.message.endswith("is invalid: <nil>: Invalid value: not an a")
    (await objects.create(custom(definition, "a", spec={}))).ok()


async def test_what_was_wrong_before_a_rule_only_warns(api, things):
    definition = crd(with_spec())
    objects = await things(definition)
    (await objects.create(custom(definition, "a", spec={"name": "bad"}))).ok()
    versions = crd(with_spec(name=ruled(TEXT, "self != 'bad'")))["spec"]["versions"]
    (
        await api.of("customresourcedefinitions").merge(
            definition["metadata"]["name"], {"spec": {"versions": versions}}
        )
    ).ok()

    async def ruled_now():
        return (await objects.create(custom(definition, "b", spec={"name": "bad"}), dryRun="All")).status == 422

    await eventually(ruled_now)
    answer = await objects.merge("a", {"spec": {"min": 1}})
    assert answer.ok()["spec"] == {"name": "bad", "min": 1}
    assert answer.warnings == ["spec.name: Invalid value: \"bad\": failed rule: self != 'bad'"]


@pytest.mark.parametrize(
    ("rule", "field", "reason", "told"),
    [
        pytest.param("self.min <= ", "rule", "Invalid", "Syntax error: mismatched input '<EOF>'", id="no syntax"),
        pytest.param("self.other == 1", "rule", "Invalid", "undefined field 'other'", id="no such field"),
        pytest.param("self.min", "rule", "Invalid", "cel expression must evaluate to a bool", id="no condition"),
        pytest.param(
            "self.min == 'a'",
            "rule",
            "Invalid",
            "found no matching overload for '_==_' applied to '(int, string)'",
            id="other types",
        ),
        pytest.param("other(1)", "rule", "Invalid", "undeclared reference to 'other'", id="no such function"),
        pytest.param("self.names.all(n, n > 1)", "rule", "Invalid", "'_>_' applied to '(string, int)'", id="an item"),
        pytest.param("", "rule", "Required", "rule is not specified", id="no rule"),
        pytest.param(
            {"rule": "true", "message": "  "}, "message", "Invalid", "must be non-empty", id="a blank message"
        ),
        pytest.param({"rule": "true", "reason": "Other"}, "reason", "NotSupported", "supported values", id="a reason"),
        pytest.param(
            {"rule": "true", "fieldPath": ".other"}, "fieldPath", "Invalid", "must be a valid path", id="a path"
        ),
        pytest.param(
            {"rule": "true", "messageExpression": "self.min"},
            "messageExpression",
            "Invalid",
            "messageExpression must evaluate to a string",
            id="a message that is no text",
        ),
        pytest.param(
            {"rule": "self.min > 1", "optionalOldSelf": True},
            "optionalOldSelf",
            "Invalid",
            "may not be set if oldSelf is not used in rule",
            id="nothing old to be optional",
        ),
    ],
)
async def test_a_definition_is_refused_for_a_rule(api, rule, field, reason, told):
    refused = (await api.of("customresourcedefinitions").create(crd(with_spec(rule)), dryRun="All")).refused
    assert refused.fields == {f"{AT}.{RULES}[0].{field}": f"FieldValue{reason}"}
    assert told in refused.message


async def test_items_without_identity_have_no_past(api):
    names = {"type": "array", "maxItems": 5, "items": ruled(TEXT, "self == oldSelf")}
    refused = (await api.of("customresourcedefinitions").create(crd(with_spec(names=names)), dryRun="All")).refused
    where = f"{AT}.properties[names]"
    assert refused.causes == (
        (
            f"{where}.items.{RULES}[0].rule",
            "FieldValueInvalid",
            (
                'Invalid value: "self == oldSelf": '
                f"oldSelf cannot be used on the uncorrelatable portion of the schema within {where}"
            ),
        ),
    )


@pytest.mark.parametrize(
    ("paths", "index", "reason", "told"),
    [
        pytest.param(
            [".spec.other"], 0, "Invalid", "is an invalid path: does not refer to a valid field", id="no field"
        ),
        pytest.param([""], 0, "Required", "Required value", id="no path"),
        pytest.param([".spec.names"], 0, "Invalid", "must point to a field of type string", id="a list"),
        pytest.param([".spec.name", ".spec.name"], 1, "Duplicate", 'Duplicate value: ".spec.name"', id="twice"),
        pytest.param(["spec.name"], 0, "Invalid", "expected [ or . but got: spec", id="no dot"),
        pytest.param([".spec['name']"], 0, "Invalid", "array notation is not allowed", id="brackets"),
    ],
)
async def test_a_definition_is_refused_for_a_selectable_field(api, paths, index, reason, told):
    definition = crd(with_spec(), selectableFields=[{"jsonPath": path} for path in paths])
    refused = (await api.of("customresourcedefinitions").create(definition, dryRun="All")).refused
    assert refused.fields == {f"spec.selectableFields[{index}].jsonPath": f"FieldValue{reason}"}
    assert told in refused.message


async def test_objects_are_listed_and_watched_by_their_fields(things):
    definition = crd(with_spec(), selectableFields=[{"jsonPath": ".spec.name"}, {"jsonPath": ".spec.min"}])
    objects = await things(definition)
    (await objects.create(custom(definition, "a", spec={"name": "x", "min": 1}))).ok()
    made = (await objects.create(custom(definition, "b", spec={"name": "y", "min": 1}))).ok()
    assert await objects.names(fieldSelector="spec.name=x") == ["a"]
    assert await objects.names(fieldSelector="spec.min=1,spec.name!=x") == ["b"]
    assert (await objects.list(fieldSelector="spec.max=1")).refused.message == "field label not supported: spec.max"
    (await objects.merge("b", {"spec": {"name": "x"}})).ok()
    (await objects.merge("b", {"spec": {"name": "z"}})).ok()
    version = made["metadata"]["resourceVersion"]
    events = await objects.watched(lambda seen: len(seen) == 2, resourceVersion=version, fieldSelector="spec.name=x")
    assert [(kind, event["metadata"]["name"]) for kind, event in events] == [("ADDED", "b"), ("DELETED", "b")]


@pytest.fixture
async def enforce(api, namespace):
    """Bind a policy to the ConfigMaps of the case's namespace; gives the prefix of its refusals."""
    policies = api.of("validatingadmissionpolicies", root=ADMISSION)
    bindings = api.of("validatingadmissionpolicybindings", root=ADMISSION)
    made = []

    async def enforce(*validations, actions=("Deny",), reference=None, **spec):
        name = f"expressions-{os.getpid()}-{next(numbers)}.example.com"
        (await policies.create(policy(name, namespace, *validations, **spec))).ok()
        made.append(name)
        bound = {"policyName": name, "validationActions": list(actions)}
        if reference is not None:
            bound["paramRef"] = reference
        kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding"}
        (await bindings.create({**kind, "metadata": {"name": name}, "spec": bound})).ok()
        return f"ValidatingAdmissionPolicy '{name}' with binding '{name}'"

    yield enforce
    for name in made:
        await bindings.delete(name)
        await policies.delete(name)


def policy(name, namespace, *validations, **spec):
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE", "DELETE"],
        "resources": ["configmaps"],
    }
    match = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}, "resourceRules": [rule]}
    checks = [{"expression": each} if isinstance(each, str) else each for each in validations]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": match, "validations": checks, **spec},
    }


async def test_a_policy_denies_with_its_expression(api, namespace, enforce):
    maps = api.of("configmaps", namespace)
    who = await enforce("!has(object.data) || !('bad' in object.data)")
    refused = await maps.refuses(config_map("a", {"bad": "1"}))
    told = f"{who} denied request: failed expression: !has(object.data) || !('bad' in object.data)"
    assert (refused.code, refused.reason, refused.message) == (422, "Invalid", f'configmaps "a" is forbidden: {told}')
    assert refused.causes == (("", "", told),)
    (await maps.create(config_map("a"))).ok()
    assert told in (await maps.merge("a", {"data": {"bad": "1"}})).refused.message


async def test_a_policy_has_variables_conditions_messages_and_reasons(api, namespace, enforce):
    maps = api.of("configmaps", namespace)
    who = await enforce(
        {
            "expression": "variables.twice == 'xx'",
            "messageExpression": "request.operation + ' ' + namespaceObject.metadata.name + ' ' + variables.twice",
            "reason": "Forbidden",
        },
        matchConditions=[{"name": "not-exempt", "expression": "object.metadata.name != 'exempt'"}],
        variables=[
            {"name": "v", "expression": "object.data['v']"},
            {"name": "twice", "expression": "variables.v + variables.v"},
        ],
    )
    refused = await maps.refuses(config_map("a", {"v": "y"}))
    assert (refused.code, refused.reason) == (403, "Forbidden")
    assert refused.message.endswith(f"{who} denied request: CREATE {namespace} yy")
    (await maps.create(config_map("a", {"v": "x"}))).ok()
    (await maps.create(config_map("exempt", {"v": "y"}))).ok()


async def test_a_policy_that_fails_denies_or_is_ignored(api, namespace, enforce):
    maps = api.of("configmaps", namespace)
    await enforce("object.data['other'] == 'x'", failurePolicy="Ignore")
    who = await enforce("object.data['missing'] == 'x'")
    refused = await maps.refuses(config_map("a", {"b": "c"}))
    error = "expression 'object.data['missing'] == 'x'' resulted in error: no such key: missing"
    assert refused.message.endswith(f"{who} denied request: {error}")


async def test_a_policy_may_only_warn(api, namespace, enforce):
    maps = api.of("configmaps", namespace)
    who = await enforce({"expression": "false", "message": "never"}, actions=("Warn", "Audit"))

    async def warned():
        return (await maps.create(config_map("a"), dryRun="All")).warnings

    assert await eventually(warned) == [f"Validation failed for {who}: never"]


async def test_a_policy_reads_parameters(api, namespace, enforce):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("limits", {"max": "2"}))).ok()
    who = await enforce(
        {
            "expression": "object.data.size() <= int(params.data.max)",
            "messageExpression": "'at most ' + params.data.max",
        },
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        reference={"name": "limits", "namespace": namespace, "parameterNotFoundAction": "Deny"},
    )
    # Until the server has heard of all that is named it refuses in other words.
    refused = await maps.refuses(config_map("a", {"a": "1", "b": "1", "c": "1"}), says="at most 2")
    assert refused.message.endswith(f"{who} denied request: at most 2")
    (await maps.create(config_map("a", {"a": "1"}))).ok()


async def test_a_policy_without_its_parameters_denies(api, namespace, enforce):
    who = await enforce(
        "true",
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        reference={"name": "none", "namespace": namespace, "parameterNotFoundAction": "Deny"},
    )
    problem = "no params found for policy binding with `Deny` parameterNotFoundAction"
    refused = await api.of("configmaps", namespace).refuses(config_map("a"), says=problem)
    assert refused.message.endswith(f"{who} denied request: failed to configure binding: {problem}")


async def test_a_policy_keeps_from_deleting(api, namespace, enforce):
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("a"))).ok()
    await enforce({"expression": "request.operation != 'DELETE' || oldObject.metadata.name != 'a'", "message": "kept"})

    async def kept():
        answer = await maps.delete("a", dryRun="All")
        return answer if answer.status >= 400 else None

    assert (await eventually(kept)).refused.message.endswith("denied request: kept")


@pytest.mark.parametrize(
    ("validations", "spec", "fields", "told"),
    [
        pytest.param(
            ["other == 1"], {}, ["spec.validations[0].expression"], "undeclared reference to 'other'", id="a name"
        ),
        pytest.param(
            ["'a'"], {}, ["spec.validations[0].expression"], "must evaluate to bool but got string", id="text"
        ),
        pytest.param(
            ["variables.a == 1"],
            {"variables": [{"name": "b", "expression": "1"}]},
            ["spec.validations[0].expression"],
            "undefined field 'a'",
            id="a variable",
        ),
        pytest.param(
            [], {}, ["spec.validations", "spec.auditAnnotations"], "must contain at least one item", id="no checks"
        ),
        pytest.param(["true"], {"matchConstraints": {}}, ["spec.matchConstraints.resourceRules"], "", id="no rules"),
        pytest.param(["true"], {"failurePolicy": "Other"}, ["spec.failurePolicy"], "", id="another failure policy"),
    ],
)
async def test_a_policy_is_refused(api, validations, spec, fields, told):
    document = policy(f"expressions-{os.getpid()}", "none", *validations, **spec)
    refused = (await api.of("validatingadmissionpolicies", root=ADMISSION).create(document, dryRun="All")).refused
    assert list(refused.fields) == fields
    assert told in refused.message
