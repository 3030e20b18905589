"""SizePolicies as an API server checks them, and the resize that the platform asks for."""

import pytest

from kubewright.api.crds.sizepolicy import SIZE_POLICY_CRD
from tests.contract.conftest import established


@pytest.fixture
async def policies(api, namespace):
    """The kind, which the platform brings, too, and leaves."""
    crds = api.of("customresourcedefinitions")
    assert (await crds.create(SIZE_POLICY_CRD)).status in {201, 409}
    await crds.becomes(SIZE_POLICY_CRD["metadata"]["name"], established)
    found = api.of("sizepolicies", namespace, root="/apis/kubewright.dev/v1alpha1")
    await found.served()
    return found


def policy(**spec):
    spec = {"target": {"name": "web"}, **spec}
    return {"apiVersion": "kubewright.dev/v1alpha1", "kind": "SizePolicy", "metadata": {"name": "web"}, "spec": spec}


async def test_a_policy_is_taken_with_its_defaults(policies):
    made = (await policies.create(policy(max={"cpu": 4, "memory": "8Gi"}, resources=["memory"]))).ok()
    assert made["spec"]["mode"] == "recommend"
    assert made["spec"]["target"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param({"mode": "auto"}, "spec.mode", id="no such mode"),
        pytest.param({"resources": ["gpu"]}, "spec.resources", id="no such resource"),
        pytest.param({"resources": []}, "spec.resources", id="nothing to size"),
        pytest.param({"min": {"cpu": 0}}, "spec.min.cpu", id="a bound of zero"),
        pytest.param({"max": {"memory": "much"}}, "spec.max.memory", id="no quantity"),
        pytest.param({"target": {}}, "spec.target.name", id="no target"),
    ],
)
async def test_what_contradicts_itself_is_refused_at_the_field(policies, spec, field):
    refused = (await policies.create(policy(**spec))).refused
    assert field in refused.message
