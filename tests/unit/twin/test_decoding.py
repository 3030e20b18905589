import copy

import pytest

from kubewright.twin.kinds import KindTable
from kubewright.twin.validation.decoding import decode_error, prune_unknown, refused_as, unknown_fields

TABLE = KindTable.builtin()
DEPLOYMENT = TABLE.by_kind("apps/v1", "Deployment")
POD = TABLE.by_kind("v1", "Pod")


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        ({"spec": {"replicas": 1}}, ""),
        ({"spec": {"replicas": None}}, ""),
        (
            {"spec": {"replicas": "x"}},
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            {"spec": {"replicas": 1.5}},
            "cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            {"spec": {"paused": "x"}},
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool",
        ),
        (
            {"spec": {"template": []}},
            "cannot unmarshal array into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec",
        ),
        (
            {"spec": {"template": {"spec": {"containers": {}}}}},
            "cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
        ),
        (
            {"metadata": {"labels": {"a": 1}}},
            "cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        ({"metadata": "x"}, "cannot unmarshal string into Go struct field Deployment.metadata of type v1.ObjectMeta"),
    ],
)
def test_a_wrong_type_is_told_as_gos_decoder_tells_it(obj, expected):
    assert decode_error(DEPLOYMENT, obj) == (f"json: {expected}" if expected else "")


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"resources": {"limits": {"cpu": "x"}}}, "quantities must match the regular expression"),
        ({"resources": {"limits": {"cpu": 0.5, "memory": "1Gi"}}}, ""),
        (
            {"livenessProbe": {"httpGet": {"port": True}}},
            "HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32",
        ),
    ],
)
def test_quantities_and_ports_by_number_or_name_are_decoded(container, expected):
    found = decode_error(POD, {"spec": {"containers": [container]}})
    assert expected in found
    assert bool(found) == bool(expected)


def test_unknown_fields_are_named_with_their_indices_and_pruned():
    obj = {"spec": {"bar": 1, "template": {"spec": {"containers": [{"name": "a", "zzz": 1}]}}}, "metadata": {"foo": 1}}
    assert unknown_fields(DEPLOYMENT, obj) == [
        'unknown field "spec.bar"',
        'unknown field "spec.template.spec.containers[0].zzz"',
        'unknown field "metadata.foo"',
    ]
    pruned = copy.deepcopy(obj)
    prune_unknown(DEPLOYMENT, pruned)
    assert pruned == {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}, "metadata": {}}


def test_the_answer_names_the_kind_and_version():
    assert refused_as(DEPLOYMENT, "x") == 'Deployment in version "v1" cannot be handled as a Deployment: x'


@pytest.mark.parametrize(
    "obj",
    [
        {"metadata": {"creationTimestamp": "x"}},
        {"spec": {"replicas": True}},
        {"spec": {"replicas": 2**31}},
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1.5}}}},
        {"spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "1i"}}}]}}}},
        {"spec": {"template": {"spec": {"containers": [{"command": [1]}]}}}},
        {"spec": {"template": {"spec": {"volumes": "x"}}}},
    ],
)
def test_the_quick_look_never_passes_what_does_not_decode(obj):
    assert decode_error(DEPLOYMENT, obj) != ""
