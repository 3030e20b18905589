"""Whose wishes disruption budgets count: controllers of any kind that has a scale."""

import asyncio
import time

import pytest

from tests.contract.asking import PATIENCE_SECONDS, eventually
from tests.contract.manifests import crd, custom, pod, schema

PATHS = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}


@pytest.fixture
def budgets(api, namespace):
    return api.of("poddisruptionbudgets", namespace)


@pytest.fixture
def told(api, namespace):
    """What was told of a budget for a reason."""

    async def told(name, reason):
        events = api.of("events", namespace)

        async def message():
            listed = (await events.list(fieldSelector=f"involvedObject.name={name},reason={reason}")).ok()["items"]
            return {(each["source"]["component"], each["message"]) for each in listed}

        ((component, text),) = await eventually(message, events.list)
        assert component == "controllermanager"
        return text

    return told


def budget(**spec):
    spec = {"selector": {"matchLabels": {"app": "a"}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec}


def owned(name, owner):
    document = pod(name)
    reference = {key: owner[key] for key in ("apiVersion", "kind")} | {
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    document["metadata"] |= {"labels": {"app": "a"}, "ownerReferences": [reference]}
    return document


def conditions(document):
    found = document.get("status", {}).get("conditions") or []
    return [(each["type"], each["status"], each["reason"], each["message"]) for each in found]


async def not_synced(budgets):
    """Make a budget that cannot be worked out; anew where its controller heard of it before it heard of the pods."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            (await budgets.create(budget(maxUnavailable=1))).ok()
            found = await budgets.becomes("b", conditions)
            if conditions(found)[0][2] == "SyncFailed":
                return found
            (await budgets.delete("b")).ok()


async def test_a_custom_kind_with_a_scale_is_counted(api, namespace, budgets, things):
    definition = crd(schema(size={"type": "integer"}), subresources={"status": {}, "scale": PATHS})
    kinds = await things(definition)
    owner = (await kinds.create(custom(definition, "a", spec={"size": 8}))).ok()
    pods = api.of("pods", namespace)
    for name in ("x", "y"):
        (await pods.create(owned(name, owner))).ok()

    def healthy(document):
        return document["status"].get("phase") == "Running"

    for name in ("x", "y"):
        await pods.becomes(name, healthy)
    (await budgets.create(budget(maxUnavailable="90%"))).ok()

    async def counted():
        # A real controller hears of new kinds twice a minute, and comes back later each time: a change calls it.
        again = {"metadata": {"annotations": {"again": str(time.monotonic())}}}
        found = (await budgets.patch("b", "application/merge-patch+json", again)).ok()
        await asyncio.sleep(2)
        return found if found["status"].get("currentHealthy") == 2 else None

    full = await eventually(counted)
    assert [full["status"][each] for each in ("disruptionsAllowed", "desiredHealthy", "expectedPods")] == [2, 0, 8]


async def test_a_kind_without_a_scale_is_told(api, namespace, budgets, told):
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}}
    owner = (await api.of("configmaps", namespace).create(settings)).ok()
    (await api.of("pods", namespace).create(owned("x", owner))).ok()
    failed = await not_synced(budgets)
    problem = "configmaps does not implement the scale subresource"
    assert conditions(failed) == [("DisruptionAllowed", "False", "SyncFailed", problem)]
    assert failed["status"]["disruptionsAllowed"] == 0
    assert "observedGeneration" not in failed["status"]
    text = await told("b", "CalculateExpectedPodCountFailed")
    assert text == f"Failed to calculate the number of expected pods: {problem}"


async def test_an_owner_that_is_gone_is_told(api, namespace, budgets):
    gone = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "gone", "uid": "no-such-uid"}}
    waiting = owned("x", gone)
    # The garbage collector takes the pod, but not before its finalizer goes.
    waiting["metadata"]["finalizers"] = ["example.com/held"]
    pods = api.of("pods", namespace)
    (await pods.create(waiting)).ok()
    failed = await not_synced(budgets)
    assert conditions(failed) == [("DisruptionAllowed", "False", "SyncFailed", 'found no controllers for pod "x"')]
    (await pods.merge("x", {"metadata": {"finalizers": None}})).ok()


async def test_pods_that_nobody_wants_are_told(api, namespace, budgets, told):
    alone = pod("x")
    alone["metadata"]["labels"] = {"app": "a"}
    (await api.of("pods", namespace).create(alone)).ok()
    (await budgets.create(budget(maxUnavailable=1))).ok()
    selector = "&LabelSelector{MatchLabels:map[string]string{app: a,},MatchExpressions:[]LabelSelectorRequirement{},}"
    assert await told("b", "UnmanagedPods") == (
        f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the"
        " status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for"
        ' these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )


async def test_a_budget_of_no_pods_is_told(budgets, told):
    (await budgets.create(budget(minAvailable=1))).ok()
    assert await told("b", "NoPods") == "No matching pods found"
