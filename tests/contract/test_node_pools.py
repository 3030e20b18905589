"""NodePools as an API server checks them."""

from pathlib import Path

import pytest
import yaml

from kubewright.api.crds.nodepool import NODE_POOL_CRD
from tests.contract.conftest import established

EXAMPLE = Path(__file__).parents[2] / "examples" / "node-pool.yaml"
SMALL = {"name": "small", "price": "0.1", "allocatable": {"cpu": "2", "memory": "8Gi"}}


@pytest.fixture
async def pools(api):
    """The kind, which the platform brings, too, and leaves."""
    crds = api.of("customresourcedefinitions")
    assert (await crds.create(NODE_POOL_CRD)).status in {201, 409}
    await crds.becomes(NODE_POOL_CRD["metadata"]["name"], established)
    found = api.of("nodepools", root="/apis/kubewright.dev/v1alpha1")
    await found.served()
    return found


def pool(name, **spec):
    whole = {"nodeSelector": {"pool": "none"}, "types": [SMALL], "max": 5, **spec}
    return {"apiVersion": "kubewright.dev/v1alpha1", "kind": "NodePool", "metadata": {"name": name}, "spec": whole}


async def test_the_example_is_taken_with_its_defaults(pools):
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    example["metadata"]["name"] = "example"
    made = (await pools.create({**example, "spec": {**example["spec"], "consolidation": {}}})).ok()["spec"]
    await pools.delete("example")
    assert (made["min"], made["startupSeconds"]) == (0, 900)
    assert made["types"] == example["spec"]["types"]
    assert made["consolidation"] == {
        "mode": "WhenWorthIt",
        "afterSeconds": 300,
        "minLifetimeSeconds": 600,
        "drainSeconds": 900,
        "moveCost": "10m",
        "paybackHours": 4,
    }


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        pytest.param({"min": 6}, "spec.min", "min is at most max", id="min over max"),
        pytest.param({"types": []}, "spec.types", "", id="no types"),
        pytest.param({"types": [SMALL, SMALL]}, "spec.types[1]", "Duplicate", id="a type twice"),
        pytest.param({"types": [{**SMALL, "price": 0}]}, "spec.types[0].price", "costs something", id="for nothing"),
        pytest.param({"types": [{**SMALL, "price": "dear"}]}, "spec.types[0].price", "", id="no price"),
        pytest.param(
            {"types": [{**SMALL, "allocatable": {"cpu": 1}}]},
            "spec.types[0].allocatable",
            "cpu and memory",
            id="no memory",
        ),
        pytest.param({"nodeSelector": {}}, "spec.nodeSelector", "", id="every node"),
        pytest.param(
            {"consolidation": {"budgets": [{"nodes": "5", "schedule": "0 8 * * *"}]}},
            "spec.consolidation.budgets[0]",
            "belong together",
            id="hours without an end",
        ),
        pytest.param(
            {"consolidation": {"budgets": [{"nodes": "half"}]}}, "spec.consolidation.budgets[0].nodes", "", id="a word"
        ),
        pytest.param({"taints": [{"key": "a", "effect": "Never"}]}, "spec.taints[0].effect", "", id="no effect"),
    ],
)
async def test_what_cannot_be_meant_is_refused_at_its_field(pools, spec, field, words):
    refused = (await pools.create(pool("wrong", **spec))).refused
    assert refused.code == 422
    assert field in refused.fields
    assert words in refused.message
