import pytest

from kubewright.api.schema import MISSING, parse_schema

DEFINITIONS = {
    "Tree": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/x/Tree"}}}},
    "Meta": {
        "type": "object",
        "properties": {"labels": {"type": "object", "additionalProperties": {"type": "string"}}},
    },
    "Port": {
        "type": "object",
        "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}},
    },
    "Inner": {"type": "object", "required": ["items"], "properties": {"items": {"type": "array"}, "extra": {}}},
    "Thing": {
        "type": "object",
        "required": ["selector"],
        "properties": {
            "metadata": {"default": {}, "allOf": [{"$ref": "#/x/Meta"}]},
            "inner": {"$ref": "Inner", "default": {}},
            "pointer": {"$ref": "Inner"},
            "selector": {"type": "object"},
        },
    },
}


def define(document):
    return parse_schema(document, resolve)


_known = {}


def resolve(name):
    if name not in _known:
        _known[name] = parse_schema(DEFINITIONS[name], resolve)
    return _known[name]


def test_a_definition_may_refer_to_itself():
    tree = define({"$ref": "#/x/Tree"})
    assert tree.definition == "Tree"
    assert tree.child("children").items.child("children").items.type == "object"


def test_what_stands_beside_a_reference_wins_and_the_definition_stays_as_it_is():
    beside = define({"$ref": "Meta", "default": {}, "x-kubernetes-map-type": "atomic", "nullable": True})
    assert beside.default == {}
    assert beside.atomic_map
    assert beside.nullable
    assert resolve("Meta").default is MISSING
    assert not resolve("Meta").atomic_map


def test_null_is_a_default_and_none_is_missing():
    assert define({"default": None}).default is None
    assert define({}).default is MISSING
    assert not MISSING


def test_fields_and_map_entries_have_their_schemas_and_the_undeclared_has_none():
    meta = resolve("Meta")
    assert meta.child("labels").child("anything").type == "string"
    assert meta.child("other") is None


LISTS = [
    ("a list type of map is told apart by its keys in order", {"x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["protocol", "port"]}, ("map", ("port", "protocol"))),
    ("a set is told apart by value", {"x-kubernetes-list-type": "set"}, ("set", ())),
    ("an atomic list is one value, whatever its patch strategy",
        {"x-kubernetes-list-type": "atomic", "x-kubernetes-patch-strategy": "merge"}, ("", ())),
    ("a patch strategy of merge stands in for the list type",
        {"x-kubernetes-patch-strategy": "merge,retainKeys", "x-kubernetes-patch-merge-key": "name"},
        ("map", ("name",))),
    ("merge without a key is a set", {"x-kubernetes-patch-strategy": "merge"}, ("set", ())),
    ("nothing said means one value", {}, ("", ())),
]  # fmt: skip


@pytest.mark.parametrize(("extensions", "expected"), [c[1:] for c in LISTS], ids=[c[0] for c in LISTS])
def test_how_items_are_told_apart(extensions, expected):
    schema = define({"type": "array", "items": {"$ref": "Port"}, **extensions})
    assert (schema.associative, schema.item_keys) == expected


def test_a_key_that_an_item_leaves_out_has_the_default_of_its_field():
    schema = define(
        {
            "type": "array",
            "items": {"$ref": "Port"},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port", "protocol"],
        }
    )
    assert schema.key_defaults == {"protocol": "TCP"}


def test_the_typed_empty_object_has_its_structs_and_nulls_for_what_is_required():
    assert resolve("Thing").blank == {"metadata": {}, "inner": {"items": None}, "selector": None}


def test_validation_and_cel_rules_are_kept():
    schema = define(
        {
            "type": "string",
            "enum": ["a", "b"],
            "minLength": 1,
            "maxLength": 3,
            "pattern": "^[ab]",
            "anyOf": [{"minLength": 2}],
            "not": {"pattern": "c"},
            "x-kubernetes-validations": [{"rule": "self != ''"}],
        }
    )
    assert (schema.enum, schema.min_length, schema.max_length, schema.pattern) == (("a", "b"), 1, 3, "^[ab]")
    assert schema.any_of[0].min_length == 2
    assert schema.not_.pattern == "c"
    assert schema.validations[0]["rule"] == "self != ''"


KINDS = [
    ("int-or-string is a scalar", {"x-kubernetes-int-or-string": True}, (True, False, False)),
    ("the definition's format says so too", {"type": "string", "format": "int-or-string"}, (True, False, False)),
    ("a schema that says nothing takes anything", {}, (False, True, True)),
    ("an object holds a map only", {"type": "object"}, (False, True, False)),
]


@pytest.mark.parametrize(("document", "expected"), [c[1:] for c in KINDS], ids=[c[0] for c in KINDS])
def test_what_a_schema_can_hold(document, expected):
    schema = define(document)
    assert (schema.int_or_string, schema.holds_map, schema.holds_list) == expected


def test_undeclared_fields_are_kept_only_where_the_schema_is_open():
    assert define({"type": "object"}).open
    assert define({"type": "object", "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True}).open
    assert not define({"type": "object", "properties": {"a": {}}}).open


def test_a_schema_does_not_change():
    with pytest.raises(AttributeError):
        define({}).type = "string"


def test_an_attribute_that_does_not_exist_is_an_error():
    with pytest.raises(AttributeError):
        define({}).colour  # noqa: B018
