import pytest

from tools.kinds.schemas import by_kind, dangling, merged, stripped

REFERENCE = {"$ref": "#/components/schemas/io.x.Container"}
NAMED = {"$ref": "io.x.Container"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"type": "string", "description": "prose"}, {"type": "string"}, id="prose goes"),
        pytest.param(
            {"properties": {"description": {"type": "string", "description": "prose"}}},
            {"properties": {"description": {"type": "string"}}},
            id="a property called description stays",
        ),
        pytest.param(
            {"default": {"description": "kept"}, "enum": ["description"]},
            {"default": {"description": "kept"}, "enum": ["description"]},
            id="values are not schemas",
        ),
        pytest.param(
            {"allOf": [REFERENCE], "default": {}, "description": "prose"},
            {"$ref": "io.x.Container", "default": {}},
            id="a wrapped reference is written plainly beside its default",
        ),
        pytest.param(
            {"allOf": [REFERENCE], "x-kubernetes-map-type": "granular"},
            {"$ref": "io.x.Container", "x-kubernetes-map-type": "granular"},
            id="what applies to this place only stays beside the reference",
        ),
        pytest.param(
            {"items": REFERENCE, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-list-map-keys": ["name"]},
            {"items": NAMED, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-list-map-keys": ["name"]},
            id="a list keeps its merge keys",
        ),
        pytest.param(
            {"additionalProperties": {"allOf": [REFERENCE]}}, {"additionalProperties": NAMED}, id="a map's values"
        ),
        pytest.param({"additionalProperties": True}, {"additionalProperties": True}, id="a map of anything"),
        pytest.param(
            {"oneOf": [{"type": "string"}, {"type": "number"}]},
            {"oneOf": [{"type": "string"}, {"type": "number"}]},
            id="alternatives stay",
        ),
    ],
)
def test_a_schema_loses_its_prose_and_nothing_else(schema, expected):
    assert stripped(schema) == expected


def document(**schemas):
    return {"components": {"schemas": schemas}}


def kind(group, name):
    return {"group": group, "version": "v1", "kind": name}


def options(*groups):
    return {"type": "object", "x-kubernetes-group-version-kind": [kind(group, "DeleteOptions") for group in groups]}


def test_the_kinds_of_a_shared_definition_are_joined_without_repetition():
    found = merged({"a": document(Options=options("", "apps")), "b": document(Options=options("apps", "batch"))})
    assert found == {"Options": options("", "apps", "batch")}
    assert by_kind(found)["batch", "v1", "DeleteOptions"] == "Options"


def test_documents_that_disagree_are_refused():
    with pytest.raises(ValueError, match="b says something else of Pod"):
        merged({"a": document(Pod={"type": "object"}), "b": document(Pod={"type": "string"})})


def test_a_reference_to_no_definition_is_found_at_any_depth():
    definitions = merged({"a": document(Pod={"properties": {"c": {"items": {"allOf": [REFERENCE]}}}})})
    assert dangling(definitions) == {"io.x.Container"}
    assert dangling(definitions | {"io.x.Container": {}}) == set()
