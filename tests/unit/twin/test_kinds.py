import pytest

from kubewright.twin.kinds import KindInfo, KindTable

TABLE = KindTable.builtin()


@pytest.mark.parametrize(
    ("group", "version", "plural", "kind", "namespaced"),
    [
        ("", "v1", "pods", "Pod", True),
        ("", "v1", "nodes", "Node", False),
        ("apps", "v1", "deployments", "Deployment", True),
        ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False),
        ("coordination.k8s.io", "v1", "leases", "Lease", True),
    ],
)
def test_a_builtin_kind_is_found_by_its_path_and_by_its_manifest(group, version, plural, kind, namespaced):
    found = TABLE.lookup(group, version, plural)
    assert found is not None
    assert (found.kind, found.namespaced) == (kind, namespaced)
    assert TABLE.by_kind(found.api_version, kind) is found


def test_a_kind_knows_its_short_names_status_and_scale():
    deployment = TABLE.lookup("apps", "v1", "deployments")
    assert deployment is not None
    assert "deploy" in deployment.short_names
    assert deployment.has_status
    scale = deployment.subresource("scale")
    assert scale is not None
    assert (scale.group, scale.kind) == ("autoscaling", "Scale")
    assert deployment.schema.properties["spec"].properties["replicas"].type == "integer"


def test_pods_can_be_selected_by_node_and_phase_and_secrets_by_type():
    pods, secrets = TABLE.lookup("", "v1", "pods"), TABLE.lookup("", "v1", "secrets")
    assert pods is not None
    assert secrets is not None
    assert {"metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"} <= set(pods.field_labels)
    assert "type" in secrets.field_labels


def test_adding_and_removing_a_kind_changes_one_table_only_and_its_generation():
    table, other = KindTable.builtin(), KindTable.builtin()
    before = table.generation
    table.add(KindInfo("x.example.com", "v1", "foos", "Foo", namespaced=True))
    assert table.lookup("x.example.com", "v1", "foos") is not None
    assert other.lookup("x.example.com", "v1", "foos") is None
    table.remove("x.example.com", "foos")
    assert table.by_kind("x.example.com/v1", "Foo") is None
    assert table.generation > before + 1


@pytest.mark.parametrize(
    ("api_version", "kind", "definition"),
    [
        ("autoscaling/v1", "Scale", "io.k8s.api.autoscaling.v1.Scale"),
        ("policy/v1", "Eviction", "io.k8s.api.policy.v1.Eviction"),
        ("authentication.k8s.io/v1", "TokenRequest", "io.k8s.api.authentication.v1.TokenRequest"),
        ("v1", "DeleteOptions", "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"),
        ("v1", "NoSuchThing", ""),
    ],
)
def test_a_kind_that_is_no_resource_still_has_a_definition(api_version, kind, definition):
    assert TABLE.definition(api_version, kind) == definition
