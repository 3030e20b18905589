"""Objects of a custom kind: defaults, pruning, and what its schema refuses, in the server's words."""

import json

import pytest

from tests.contract.asking import Refusal, invalid
from tests.contract.manifests import GROUP, ROOT, crd, schema
from tests.contract.test_validation import SUBDOMAIN

SCHEMA = schema(
    count={"type": "integer", "minimum": 0, "maximum": 10, "default": 1},
    image={"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]*$"},
    mode={"type": "string", "enum": ["A", "B"]},
    tags={"type": "array", "items": {"type": "string"}, "maxItems": 2, "x-kubernetes-list-type": "set"},
    when={"type": "string", "format": "date-time"},
    step={"type": "number", "multipleOf": 0.5},
    above={"type": "integer", "minimum": 0, "exclusiveMinimum": True},
    port={"x-kubernetes-int-or-string": True},
    empty={"type": "string", "nullable": True},
    given={"type": "string", "default": "given"},
    numbers={"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
    free={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    one={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    nested={"type": "object", "default": {}, "properties": {"x": {"type": "integer", "default": 7}}},
    items={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        "items": {
            "type": "object",
            "required": ["k"],
            "properties": {"k": {"type": "string"}, "v": {"type": "integer", "default": 3}},
        },
    },
    small={"type": "integer", "format": "int32"},
)
SCHEMA["required"] = ["spec"]
SCHEMA["properties"]["spec"]["required"] = ["image"]
DEFAULTS = {"image": "abc", "count": 1, "given": "given", "nested": {"x": 7}}


@pytest.fixture(scope="module")
def kind(cluster):
    definition = crd(SCHEMA)
    name = definition["metadata"]["name"]
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(definition))
    cluster.established(name)
    yield definition["spec"]["names"]
    cluster.kubectl("delete", "crd", name, "--wait=false")


@pytest.fixture
async def objects(api, namespace, kind):
    objects = api.of(kind["plural"], namespace, root=ROOT)
    await objects.served()
    return objects


def custom(kind, **fields):
    return {"apiVersion": f"{GROUP}/v1", "kind": kind["kind"], "metadata": {"name": "a"}, **fields}


@pytest.mark.parametrize(
    ("spec", "stored"),
    [
        pytest.param({"image": "abc"}, DEFAULTS, id="defaults are filled in"),
        pytest.param({"image": "abc", "count": 0}, {**DEFAULTS, "count": 0}, id="zero is a value"),
        pytest.param({"image": "abc", "unknown": 1}, DEFAULTS, id="unknown fields are pruned"),
        pytest.param({"image": "abc", "nested": {"y": 1}}, DEFAULTS, id="nested unknown fields are pruned"),
        pytest.param(
            {"image": "abc", "free": {"any": {"thing": [1]}}},
            {**DEFAULTS, "free": {"any": {"thing": [1]}}},
            id="what is preserved is not pruned",
        ),
        pytest.param({"image": "abc", "given": None}, DEFAULTS, id="null becomes the default"),
        pytest.param({"image": "abc", "empty": None}, {**DEFAULTS, "empty": None}, id="null stays where it may"),
        pytest.param({"image": "abc", "port": "http"}, {**DEFAULTS, "port": "http"}, id="a port may be text"),
        pytest.param({"image": "abc", "port": 80}, {**DEFAULTS, "port": 80}, id="a port may be a number"),
        pytest.param(
            {"image": "abc", "items": [{"k": "a"}]},
            {**DEFAULTS, "items": [{"k": "a", "v": 3}]},
            id="elements of lists have defaults",
        ),
        pytest.param({"image": "abc", "count": 2.0}, {**DEFAULTS, "count": 2}, id="a whole float is an integer"),
    ],
)
async def test_a_custom_object_is_completed(objects, kind, spec, stored):
    made = (await objects.create(custom(kind, spec=spec))).ok()
    assert made["spec"] == stored
    assert (await objects.get("a")).ok() == made


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        pytest.param({"image": None}, ["spec.image: Required value"], id="null where a value is required"),
        pytest.param(
            {"image": 5},
            ['spec.image: Invalid value: "integer": spec.image in body must be of type string: "integer"'],
            id="a number where text belongs",
        ),
        pytest.param(
            {"image": "x"},
            ['spec.image: Invalid value: "x": spec.image in body should be at least 2 chars long'],
            id="too short",
        ),
        pytest.param(
            {"image": "abcdefg"},
            ["spec.image: Too long: may not be more than 5 bytes"],
            id="too long",
        ),
        pytest.param(
            {"image": "ABC"},
            ["spec.image: Invalid value: \"ABC\": spec.image in body should match '^[a-z]*$'"],
            id="another pattern",
        ),
        pytest.param(
            {"count": -1},
            ["spec.count: Invalid value: -1: spec.count in body should be greater than or equal to 0"],
            id="below the minimum",
        ),
        pytest.param(
            {"count": 11},
            ["spec.count: Invalid value: 11: spec.count in body should be less than or equal to 10"],
            id="above the maximum",
        ),
        pytest.param(
            {"count": "two"},
            ['spec.count: Invalid value: "string": spec.count in body must be of type integer: "string"'],
            id="text where a number belongs",
        ),
        pytest.param(
            {"above": 0},
            ["spec.above: Invalid value: 0: spec.above in body should be greater than 0"],
            id="at an exclusive minimum",
        ),
        pytest.param(
            {"mode": "C"}, ['spec.mode: Unsupported value: "C": supported values: "A", "B"'], id="not in the enum"
        ),
        pytest.param({"tags": ["a", "a"]}, ['spec.tags[1]: Duplicate value: "a"'], id="a set with a duplicate"),
        pytest.param(
            {"tags": ["a", "b", "c"]}, ["spec.tags: Too many: 3: must have at most 2 items"], id="too many items"
        ),
        pytest.param(
            {"tags": "a"},
            ['spec.tags: Invalid value: "string": spec.tags in body must be of type array: "string"'],
            id="text where a list belongs",
        ),
        pytest.param(
            {"when": "yesterday"},
            ['spec.when: Invalid value: "yesterday": spec.when in body must be of type date-time: "yesterday"'],
            id="not a date",
        ),
        pytest.param(
            {"step": 0.3},
            ["spec.step: Invalid value: 0.3: spec.step in body should be a multiple of 0.5"],
            id="a part step",
        ),
        pytest.param(
            {"numbers": {"a": "x"}},
            ['spec.numbers.a: Invalid value: "string": spec.numbers.a in body must be of type integer: "string"'],
            id="a map's value of another type",
        ),
        pytest.param(
            {"numbers": {"a": 1, "b": 2, "c": 3}},
            ["spec.numbers: Too many: 3: must have at most 2 items"],
            id="too many properties",
        ),
        pytest.param(
            {"one": {"a": 1, "b": 2}},
            [
                (
                    '<nil>: Invalid value: "": "spec.one" must validate one and only one schema (oneOf). '
                    "Found 2 valid alternatives"
                )
            ],
            id="two of one",
        ),
        pytest.param(
            {"items": [{"k": "a"}, {"k": "a"}]}, ['spec.items[1]: Duplicate value: {"k":"a"}'], id="a list key twice"
        ),
        pytest.param({"items": [{"v": 1}]}, ["spec.items[0].k: Required value"], id="an element without its key"),
        pytest.param(
            {"small": 3_000_000_000},
            ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.small'],
            id="too large for its format",
        ),
    ],
)
async def test_a_custom_object_is_refused(objects, kind, change, lines):
    refused = (await objects.create(custom(kind, spec={"image": "abc", **change}))).refused
    assert refused == invalid(f'{kind["kind"]}.{GROUP} "a"', *lines)
    assert await objects.names() == []


async def test_a_required_part_is_missed(objects, kind):
    what = f'{kind["kind"]}.{GROUP} "a"'
    assert (await objects.create(custom(kind))).refused == invalid(what, "spec: Required value")
    assert (await objects.create(custom(kind, spec={}))).refused == invalid(what, "spec.image: Required value")


async def test_an_update_is_checked_like_a_creation(objects, kind):
    made = (await objects.create(custom(kind, spec={"image": "abc"}))).ok()
    line = "spec.count: Invalid value: 11: spec.count in body should be less than or equal to 10"
    expected = invalid(f'{kind["kind"]}.{GROUP} "a"', line)
    assert (await objects.merge("a", {"spec": {"count": 11}})).refused == expected
    assert (await objects.update({**made, "spec": {"image": "abc", "count": 11}})).refused == expected
    assert (await objects.apply(custom(kind, spec={"count": 11}), "me", force=True)).refused == expected
    assert (await objects.get("a")).ok() == made


async def test_an_update_needs_the_version(objects, kind):
    (await objects.create(custom(kind, spec={"image": "abc"}))).ok()
    refused = (await objects.update(custom(kind, spec={"image": "xyz"}))).refused
    line = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    assert refused == invalid(f'{kind["plural"]}.{GROUP} "a"', line)


async def test_unknown_fields_are_refused_when_validation_is_strict(objects, kind):
    given = custom(kind, spec={"image": "abc", "bogus": 1, "nested": {"y": 1}})
    refused = (await objects.create(given, fieldValidation="Strict")).refused
    assert refused == Refusal(
        400,
        "BadRequest",
        f'{kind["kind"]} in version "v1" cannot be handled as a {kind["kind"]}: strict decoding error: '
        'unknown field "spec.bogus", unknown field "spec.nested.y"',
    )
    assert await objects.names() == []


async def test_unknown_fields_are_warned_of_by_default(objects, kind):
    given = custom(kind, spec={"image": "abc", "bogus": 1})
    assert (await objects.create(given, dryRun="All")).warnings == ['unknown field "spec.bogus"']
    assert (await objects.create(given, dryRun="All", fieldValidation="Warn")).warnings == [
        'unknown field "spec.bogus"'
    ]
    assert (await objects.create(given, dryRun="All", fieldValidation="Ignore")).warnings == []


async def test_the_envelope_is_checked(objects, kind):
    given = custom(kind, spec={"image": "abc"})
    refused = (await objects.create({**given, "apiVersion": f"{GROUP}/v2"})).refused
    assert refused == Refusal(
        400,
        "BadRequest",
        f"the API version in the data ({GROUP}/v2) does not match the expected API version ({GROUP}/v1)",
    )
    refused = (await objects.create({**given, "kind": "Other"})).refused
    assert refused == invalid(f'Other.{GROUP} "a"', f'kind: Invalid value: "Other": must be {kind["kind"]}')
    refused = (await objects.create({**given, "metadata": {"name": "A_b"}})).refused
    assert refused == invalid(f'{kind["kind"]}.{GROUP} "A_b"', f'metadata.name: Invalid value: "A_b": {SUBDOMAIN}')


async def test_a_custom_objects_kind_must_be_said(objects, kind):
    refused = (await objects.create({"metadata": {"name": "a"}, "spec": {"image": "abc"}})).refused
    assert (refused.code, refused.reason) == (400, "BadRequest")
    assert refused.message.startswith(
        f"the object provided is unrecognized (must be of type {kind['kind']}): Object 'Kind' is missing in "
    )
