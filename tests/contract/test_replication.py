"""ReplicationControllers: the older ReplicaSets of the core group."""

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import pod

POD = {"containers": [{"name": "main", "image": "nginx:1"}], "terminationGracePeriodSeconds": 1}


@pytest.fixture
def controllers(api, namespace):
    return api.of("replicationcontrollers", namespace, root="/api/v1")


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


def controller(name, replicas=2, **spec):
    template = {"metadata": {"labels": {"app": name}}, "spec": POD}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"app": name}, "template": template, **spec},
    }


def ready(replicas):
    return lambda it: it["status"].get("readyReplicas", 0) == it["status"].get("replicas") == replicas


async def test_it_makes_its_pods_and_counts_them(controllers, pods):
    (await controllers.create(controller("a"))).ok()
    made = await controllers.becomes("a", ready(2))
    assert made["status"] == {
        "replicas": 2,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "observedGeneration": 1,
    }
    items = (await pods.list()).ok()["items"]
    assert all(each["metadata"]["name"].startswith("a-") for each in items)
    reference = {"apiVersion": "v1", "kind": "ReplicationController", "name": "a", "uid": made["metadata"]["uid"]}
    assert items[0]["metadata"]["ownerReferences"] == [reference | {"controller": True, "blockOwnerDeletion": True}]
    assert items[0]["metadata"]["labels"]["app"] == "a"


async def test_it_tells_of_the_pods_that_it_makes_and_deletes(api, namespace, controllers):
    (await controllers.create(controller("a", 1))).ok()
    await controllers.becomes("a", ready(1))
    (await controllers.merge("a", {"spec": {"replicas": 0}})).ok()

    async def told():
        events = (await api.of("events", namespace).list(fieldSelector="involvedObject.name=a")).ok()["items"]
        found = {(each["reason"], each["source"]["component"]) for each in events}
        return found if len(found) == 2 else None

    component = "replication-controller"
    assert await eventually(told) == {("SuccessfulCreate", component), ("SuccessfulDelete", component)}


async def test_it_scales_by_its_scale_and_adopts_and_releases(controllers, pods):
    (await controllers.create(controller("a", 1))).ok()
    await controllers.becomes("a", ready(1))
    scale = (await controllers.get("a", "scale")).ok()
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 1, "selector": "app=a"})
    first = (await pods.list()).ok()["items"][0]["metadata"]["name"]
    (await pods.merge(first, {"metadata": {"labels": {"app": "other"}}})).ok()
    await controllers.becomes("a", ready(1))
    released = await pods.becomes(first, lambda it: not it["metadata"].get("ownerReferences"))
    assert released["metadata"]["labels"]["app"] == "other"
    (await controllers.merge("a", {"spec": {"replicas": 2}}, "scale")).ok()
    await controllers.becomes("a", ready(2))
    (await pods.merge(first, {"metadata": {"labels": {"app": "a"}}})).ok()

    async def two_again():
        items = (await pods.list(labelSelector="app=a")).ok()["items"]
        living = [each for each in items if "deletionTimestamp" not in each["metadata"]]
        return len(living) == 2 and all(each["metadata"].get("ownerReferences") for each in living)

    await eventually(two_again, pods.list)


async def test_a_budget_counts_what_it_wants(api, namespace, controllers):
    (await controllers.create(controller("a", 4))).ok()
    budgets = api.of("poddisruptionbudgets", namespace)
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b"},
        "spec": {"selector": {"matchLabels": {"app": "a"}}, "maxUnavailable": "25%"},
    }
    (await budgets.create(budget)).ok()
    full = await budgets.becomes("b", lambda it: it["status"].get("currentHealthy") == 4)
    assert [full["status"][each] for each in ("disruptionsAllowed", "desiredHealthy", "expectedPods")] == [1, 3, 4]


async def test_a_pod_that_is_refused_shows_in_its_condition(api, namespace, controllers):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    quotas = api.of("resourcequotas", namespace, root="/api/v1")
    (await quotas.create(quota)).ok()
    await api.of("pods", namespace).refuses(pod("a"), says="exceeded quota: q")
    (await controllers.create(controller("a", 1))).ok()
    failed = await controllers.becomes("a", lambda it: it["status"].get("conditions"))
    condition = failed["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == ("ReplicaFailure", "True", "FailedCreate")
    assert "is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0" in condition["message"]
