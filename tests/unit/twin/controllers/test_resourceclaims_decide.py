"""Which claims a pod needs, and what they are called."""

import msgspec
import pytest

from kubewright.api.pods import Pod
from kubewright.twin.controllers.resourceclaims.decide import claim_of, wanted

CLAIMS = [
    {"name": "made", "resourceClaimTemplateName": "t"},
    {"name": "given", "resourceClaimName": "c"},
    {"name": "known", "resourceClaimTemplateName": "t"},
]


def pod(name="p", phase="Pending", **metadata):
    manifest = {
        "metadata": {"name": name, "namespace": "n", "uid": "u", **metadata},
        "spec": {"resourceClaims": CLAIMS},
        "status": {"phase": phase},
    }
    return msgspec.convert(manifest, Pod)


@pytest.mark.parametrize(
    ("asking", "names"),
    [
        pytest.param(pod(), ["made"], id="what comes from a template and is not there yet"),
        pytest.param(pod(phase="Succeeded"), [], id="a pod that has ended needs nothing"),
        pytest.param(pod(deletionTimestamp="2030-01-01T00:00:00Z"), [], id="nor does one that goes"),
    ],
)
def test_what_a_pod_wants(asking, names):
    assert [each.name for each in wanted(asking, {"known": "p-known-x"})] == names


def test_a_claim_bears_what_its_template_says_and_whose_it_is():
    template = {"spec": {"metadata": {"labels": {"a": "b"}}, "spec": {"devices": {}}}}
    made = claim_of(pod(), "gpu", template)
    assert made["metadata"]["generateName"] == "p-gpu-"
    assert made["metadata"]["labels"] == {"a": "b"}
    assert made["metadata"]["annotations"] == {"resource.kubernetes.io/pod-claim-name": "gpu"}
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u"
    assert made["spec"] == {"devices": {}}


def test_long_names_are_shortened_alike():
    made = claim_of(pod("p" * 60), "c" * 60, {})
    assert made["metadata"]["generateName"] == f"{'p' * 28}-{'c' * 28}"
