import pytest

from tools.kinds.protobuf import Field, definition_name, parse

FILE = """
/* package wrong.v1; */
syntax = "proto2";
package k8s.io.api.core.v1;
import "k8s.io/apimachinery/pkg/runtime/generated.proto";

// message Commented { optional string out = 1; }
message Secret {
  // name = 9; of the secret { not a brace
  optional .k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta metadata = 1;

  map<string, bytes> data = 2;
  map<string, .k8s.io.apimachinery.pkg.api.resource.Quantity> sizes = 12;
  repeated Item items = 3;
  optional bool immutable = 4;
}

message Empty {
}
"""


@pytest.mark.parametrize(
    ("proto", "definition"),
    [
        pytest.param("k8s.io.api.core.v1.Pod", "io.k8s.api.core.v1.Pod", id="k8s.io is turned around"),
        pytest.param(".k8s.io.api.core.v1.Pod", "io.k8s.api.core.v1.Pod", id="a leading dot only says absolute"),
        pytest.param(
            "k8s.io.kube_aggregator.pkg.apis.apiregistration.v1.APIService",
            "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
            id="underscores of a package are hyphens in its import path",
        ),
    ],
)
def test_a_message_gets_the_name_that_openapi_uses(proto, definition):
    assert definition_name(proto) == definition


def test_a_file_gives_its_messages_and_not_its_comments():
    assert [message.definition for message in parse(FILE)] == ["io.k8s.api.core.v1.Secret", "io.k8s.api.core.v1.Empty"]


def test_fields_keep_number_name_type_and_label():
    secret, empty = parse(FILE)
    assert secret.fields == (
        Field(1, "metadata", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
        Field(2, "data", "map", value="bytes"),
        Field(12, "sizes", "map", value="io.k8s.apimachinery.pkg.api.resource.Quantity"),
        Field(3, "items", "io.k8s.api.core.v1.Item", repeated=True),
        Field(4, "immutable", "bool"),
    )
    assert empty.fields == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("message A {\n optional string a = 1;\n}", id="without a package no name is known"),
        pytest.param("package a;\nmessage A {\n oneof x { string a = 1; }\n}", id="nothing unknown is skipped"),
        pytest.param("package a;\nmessage A {\n map<int32, string> a = 1;\n}", id="JSON has no maps with integer keys"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(text):
    with pytest.raises(ValueError, match=r"package|understood"):
        parse(text)
