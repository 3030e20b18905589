import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubewright.twin.kinds import KindTable
from kubewright.twin.protobuf import decode_protobuf
from tests.unit.twin.protobuf_writer import chunk, encode, varint

TABLE = KindTable.builtin()

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}, "creationTimestamp": "2026-01-02T03:04:05Z"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "nginx",
                        "command": ["a", "b"],
                        "resources": {"limits": {"cpu": "500m"}},
                        "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 7},
                    }
                ],
                "volumes": [{"name": "cache", "emptyDir": {}}],
            },
        },
    },
}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(DEPLOYMENT, id="a deployment with quantities, ports by name or number, inlined structs"),
        pytest.param({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}, id="a namespace"),
        pytest.param(
            {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": "n"}},
            id="an eviction",
        ),
        pytest.param(
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "metadata": {},
                "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
                "status": {"allowed": True},
            },
            id="an access review",
        ),
        pytest.param(
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "metadata": {},
                "spec": {"audiences": ["a", "b"], "expirationSeconds": 600},
            },
            id="a token request with a repeated string",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "AP8="}},
            id="a secret with bytes in a map",
        ),
    ],
)
def test_what_a_client_wrote_is_read_back(document):
    assert decode_protobuf(encode(document), TABLE) == document


def test_empty_fields_that_go_always_writes_are_left_out_and_pointers_to_zero_are_kept():
    body = encode(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "a", "generateName": "", "namespace": ""},
            "spec": {"replicas": 0, "paused": False, "minReadySeconds": 0},
        }
    )
    assert decode_protobuf(body, TABLE) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"replicas": 0},
    }


def test_packed_numbers_and_unknown_fields_are_read():
    group = chunk(1, chunk(1, b"v1") + chunk(2, b"Pod"))
    context = chunk(4, varint(1) + varint(2))  # PodSecurityContext.supplementalGroups, packed
    unknown = chunk(999, b"later") + varint(998 << 3 | 5) + b"1234"
    body = b"k8s\0" + group + chunk(2, chunk(2, chunk(14, context)) + unknown)
    assert decode_protobuf(body, TABLE)["spec"]["securityContext"] == {"supplementalGroups": [1, 2]}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{}", "does not start with"),
        (b"k8s\0\x0a\xff", "cut short"),
        (b"k8s\0\x0a\x05ab", "longer than its message"),
        (b"k8s\0\x0b", "wire type 3"),
        (b"k8s\0\x00\x00", "field number 0"),
        (b"k8s\0" + chunk(1, chunk(1, b"v1") + chunk(2, b"Nope")), 'no kind "Nope"'),
        (b"k8s\0" + chunk(1, chunk(1, b"\xff")), "not UTF-8"),
        (b"k8s\0" + b"\x0a" + b"\xff" * 11, "longer than 64 bits"),
    ],
)
def test_a_malformed_body_is_a_value_error_that_says_why(body, problem):
    with pytest.raises(ValueError, match=problem):
        decode_protobuf(body, TABLE)


@given(st.binary(max_size=300), st.integers(0, 2000), st.integers(0, 255))
def test_no_body_makes_it_fail_otherwise(noise, at, byte):
    mutated = bytearray(encode(DEPLOYMENT))
    mutated[at % len(mutated)] = byte
    for body in (b"k8s\0" + noise, bytes(mutated), bytes(mutated[: at % len(mutated)])):
        try:
            document = decode_protobuf(body, TABLE)
        except ValueError as error:
            assert str(error)  # noqa: PT017  either outcome is right; a crash is not
        else:
            assert set(document) >= {"apiVersion", "kind"}
