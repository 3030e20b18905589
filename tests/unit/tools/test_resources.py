import pytest

from tools.kinds.resources import columns, flattened, list_path


def discovery(group, **resource):
    base = {"resource": "things", "responseKind": {"kind": "Thing"}, "scope": "Cluster", "verbs": ["get", "list"]}
    metadata = {"name": group} if group else {}
    return {"items": [{"metadata": metadata, "versions": [{"version": "v1", "resources": [base | resource]}]}]}


def only(document):
    (entry,) = flattened(document)
    return entry


def test_a_resource_without_names_beside_its_plural_gets_empty_ones():
    entry = only(discovery(""))
    assert (entry["group"], entry["singular"], entry["shortNames"], entry["categories"]) == ("", "", [], [])
    assert entry["namespaced"] is False


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        pytest.param(
            {"group": "", "version": "", "kind": "Thing"}, ("apps", "v1", "Thing"), id="its parent's own kind"
        ),
        pytest.param(
            {"group": "autoscaling", "version": "v1", "kind": "Scale"},
            ("autoscaling", "v1", "Scale"),
            id="a foreign one",
        ),
        pytest.param(
            {"group": "", "version": "v1", "kind": "Binding"}, ("", "v1", "Binding"), id="one of the core group"
        ),
    ],
)
def test_a_subresource_has_the_kind_that_discovery_means(response, expected):
    subresource = {"subresource": "s", "responseKind": response, "verbs": ["get"]}
    found = only(discovery("apps", subresources=[subresource]))["subresources"][0]
    assert (found["group"], found["version"], found["kind"]) == expected


@pytest.mark.parametrize(("group", "path"), [("", "/api/v1/things"), ("apps", "/apis/apps/v1/things")])
def test_the_core_group_is_listed_under_its_own_prefix(group, path):
    assert list_path(only(discovery(group))) == path


def test_columns_keep_name_type_format_and_priority_and_no_prose():
    definition = {"name": "Name", "type": "string", "format": "name", "priority": 1, "description": "prose"}
    table = {"/api/v1/things": {"columnDefinitions": [definition]}}
    assert columns(only(discovery("")), table.__getitem__) == [["Name", "string", "name", 1]]


def test_what_cannot_be_listed_has_no_columns_and_is_not_asked_for():
    assert columns(only(discovery("", verbs=["create"])), {}.__getitem__) == []
