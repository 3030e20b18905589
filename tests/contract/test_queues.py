"""Queues as an API server checks them, and the scheduler with a queue and a gang."""

import pytest

from kubewright.api.crds.queue import QUEUE_CRD, QUEUE_LABEL
from kubewright.scheduler.groups.reading import COSCHEDULING_LABEL, MIN_AVAILABLE
from tests.contract.asking import eventually
from tests.contract.conftest import OUR_SCHEDULER, established, scheduler_on
from tests.contract.manifests import pod


@pytest.fixture
async def queues(api):
    """The kind, which the platform brings, too, and leaves."""
    crds = api.of("customresourcedefinitions")
    assert (await crds.create(QUEUE_CRD)).status in {201, 409}
    await crds.becomes(QUEUE_CRD["metadata"]["name"], established)
    found = api.of("queues", root="/apis/kubewright.dev/v1alpha1")
    await found.served()
    return found


@pytest.fixture
def scheduler(cluster, queues):
    """The scheduler, started when the kind is served."""
    with scheduler_on(cluster) as process:
        yield process


def queue(name, **spec):
    metadata = {"name": name}
    return {"apiVersion": "kubewright.dev/v1alpha1", "kind": "Queue", "metadata": metadata, "spec": spec}


def quota(resource="cpu", nominal="4", **limits):
    return {"resource": resource, "nominal": nominal, **limits}


async def test_a_queue_is_taken_with_its_defaults(queues):
    await queues.create(queue("all", quotas=[quota(nominal=8), quota("nvidia.com/gpu", "4", model="L4")]))
    made = (await queues.create(queue("team", parent="all", quotas=[quota(borrowingLimit="1500m")]))).ok()
    assert made["spec"] == {
        "parent": "all",
        "quotas": [{"resource": "cpu", "model": "", "nominal": "4", "borrowingLimit": "1500m"}],
        "weight": 1,
        "halfLifeSeconds": 0,
        "reclaim": "Any",
        "preemption": "LowerPriority",
        "minimumRuntimeSeconds": 0,
        "backoffSeconds": 60,
    }
    for name in ("all", "team"):
        await queues.delete(name)


@pytest.mark.parametrize(
    ("name", "spec", "field", "words"),
    [
        ("own", {"parent": "own"}, "spec.parent", "a queue is not its own parent"),
        ("a" * 64, {}, "<nil>", "metadata.name is the value of a label: at most 63 characters"),
        ("bad", {"weight": 0}, "spec.weight", "spec.weight in body should be greater than or equal to 1"),
        ("bad", {"quotas": [{"resource": "cpu"}]}, "spec.quotas[0].nominal", "Required value"),
        ("bad", {"quotas": [quota(nominal="-1")]}, "spec.quotas[0].nominal", "should match"),
        ("bad", {"quotas": [quota(nominal=-1)]}, "spec.quotas[0].nominal", "nominal is not below 0"),
        ("bad", {"quotas": [quota(nominal="many")]}, "spec.quotas[0].nominal", "should match"),
        ("bad", {"quotas": [quota(), quota()]}, "spec.quotas[1]", "Duplicate value"),
        ("bad", {"quotas": [quota(model="A100")]}, "spec.quotas[0].model", "a model is one of GPUs"),
        ("bad", {"quotas": [quota(lendingLimit="1")]}, "spec.quotas", "a queue without a parent has nobody"),
        ("bad", {"reclaim": "Everything"}, "spec.reclaim", "Unsupported value"),
    ],
    ids=str,
)
async def test_a_queue_that_contradicts_itself_is_refused_at_the_field(queues, name, spec, field, words):
    refused = (await queues.create(queue(name, **spec))).refused
    assert refused.code == 422
    assert words in refused.message
    if field != "<nil>":
        assert field in refused.fields


async def test_a_gang_runs_within_its_teams_quota_or_says_why_not(api, namespace, queues, scheduler):
    await queues.create(queue("team", quotas=[quota(nominal="2")]))
    labels = {"metadata": {"labels": {QUEUE_LABEL: "team"}}}
    (await api.of("namespaces").merge(namespace, labels)).ok()
    pods = api.of("pods", namespace)

    async def gang(name, size, cpu):
        for number in range(size):
            document = pod(f"{name}-{number}", schedulerName=OUR_SCHEDULER)
            document["metadata"]["labels"] = {COSCHEDULING_LABEL: name, MIN_AVAILABLE: str(size)}
            document["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
            (await pods.create(document)).ok()

    async def placed(name):
        items = (await pods.list()).ok()["items"]
        return [
            each["spec"]["nodeName"]
            for each in items
            if each["metadata"]["name"].startswith(name) and each["spec"].get("nodeName")
        ]

    async def both():
        return len(await placed("small")) == 2

    await gang("small", 2, "500m")
    await eventually(both)
    await gang("large", 3, "500m")

    async def told():
        found = (await pods.get("large-2")).ok()
        conditions = found["status"].get("conditions", [])
        return next((each["message"] for each in conditions if each["type"] == "PodScheduled"), None)

    expected = f"gang {namespace}/large: queue team: needs 1500m cpu, 1 left of 2"

    async def said():
        return await told() == expected

    await eventually(said, told)
    assert not await placed("large")

    async def counted():
        status = (await queues.get("team")).ok().get("status", {})
        return (status.get("running"), status.get("pending"), [each["used"] for each in status.get("quotas", [])])

    async def right():
        return await counted() == (2, 3, ["1"])

    await eventually(right, counted)
    await queues.delete("team")
